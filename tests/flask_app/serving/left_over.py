"""Counts what requests leave behind in a server's process."""

from __future__ import annotations

import functools
import gc
import sys

from flask.ctx import RequestContext


@functools.cache
def leave_out_what_is_loaded() -> None:
    """Take what there is at the first request out of the collector's sight: what is left is looked for again and again.

    Tests import a service too, and their own collector stays as it is.
    """
    if "pytest" not in sys.modules:
        gc.collect()
        gc.freeze()


def contexts_beside_this() -> int:
    """Return how many requests have a context, beside the one that asks."""
    if _contexts() > 1:
        # It takes its time.
        gc.collect()
    return _contexts() - 1


def _contexts() -> int:
    return sum(type(each) is RequestContext for each in gc.get_objects())
