"""Set Python's cycle collector for a process that serves: what is loaded stays, and what is in flight is no garbage.

By default the collector looks through the new objects after every 700 of them. With hundreds of requests in flight most
of those are alive still; it goes through them in vain, again and again, and through all that was loaded besides.
"""

from __future__ import annotations

import gc

_NEW_OBJECTS = 25_000
"""After how many it looks: as many as five hundred requests in flight hold, ten megabytes if all were garbage."""


def settle_collector() -> None:
    """Leave out of every later collection what is there now, and collect more rarely.

    For the module that a server imports as its app: the process is its own. A library is a guest, and does not.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
