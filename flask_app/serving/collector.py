"""Tune Python's cycle collector for a serving process, whose loaded and in-flight objects are not garbage.

By default the collector scans the new objects after every 700 allocations. With hundreds of requests in flight most of
them are still alive, so it scans them repeatedly without effect, and everything that was loaded as well.
"""

from __future__ import annotations

import gc

_NEW_OBJECTS = 25_000
"""The new threshold: the number of objects of five hundred requests in flight; ten megabytes if all were garbage."""


def settle_collector() -> None:
    """Exclude all existing objects from later collections, and collect less often.

    Only for the module that a server imports as its app, which owns the process. A library must not call this.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
