"""Tell what a thread calls when it has to be over, where no argument gets there: to a driver, through its library."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_local = threading.local()


@contextlib.contextmanager
def deadline(until_s: float) -> Iterator[None]:
    """Set when what this thread waits for has to be over, seconds of ``time.monotonic``."""
    _local.until_s = until_s
    try:
        yield
    finally:
        del _local.until_s


def thread_deadline_s() -> float | None:
    """Return when what this thread waits for has to be over; ``None`` when nobody said."""
    return getattr(_local, "until_s", None)
