"""Keep the cores awake: one that slept wakes up late, and finds its caches cold.

Where one connection waits 20 ms for each answer, every core is asleep most of the time. How long it takes to wake up
and how slow it is at first are the machine's, not those of what is measured, and a server with work to do never sleeps.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path

LATENCY_FILE = Path("/dev/cpu_dma_latency")
"""Linux's promise to be awake again within so many microseconds, kept while the file is open; for root."""


@contextlib.contextmanager
def cores_awake(latency_file: Path = LATENCY_FILE) -> Iterator[bool]:
    """Forbid all cores to sleep until this is left.

    Args:
        latency_file: Where that is asked for.
    Returns:
        Whether they may not: elsewhere than on Linux, and for all but root, there is no such way.
    """
    try:
        # Unlike open(), it makes no file where there is none.
        asking = os.open(latency_file, os.O_WRONLY)
    except OSError:
        yield False
        return
    try:
        os.write(asking, struct.pack("=i", 0))
        yield True
    finally:
        os.close(asking)
