"""Pass a deadline to code in this thread that no argument can reach: a driver below its library."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_local = threading.local()


@contextlib.contextmanager
def deadline(until_s: float) -> Iterator[None]:
    """Set the deadline of this thread's waits, in seconds of ``time.monotonic``."""
    _local.until_s = until_s
    try:
        yield
    finally:
        del _local.until_s


def thread_deadline_s() -> float | None:
    """Return the deadline of this thread's waits; ``None`` if there is none."""
    return getattr(_local, "until_s", None)
