"""What probe routes note while they serve requests, by the key that a request carries; read back under ``/seen``.

The apps beside this file run in anybody's Python, with nothing of the lab on its path: they import their framework, the
standard library and this module.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

PREFIX = "/_lab-probe"
"""Of all probe routes, so that none hides a route of somebody's app."""

PLAIN = b"plain"
COOKIES = (("first", "1"), ("second", "2"))
ETAG = '"unchanged"'
FILE = Path(__file__)
"""What the file route sends."""

MOST_BYTES = 1000
"""Of a body, where a route has a limit."""

_lock = threading.Lock()
_events: dict[str, list[str]] = {}
_loops: list[object] = []


class ProbeError(Exception):
    """Raised by routes that are to fail."""


def note(key: str, event: str) -> None:
    """Note an event under a key; without a key, no probe will ask for it."""
    if key:
        with _lock:
            _events.setdefault(key, []).append(event)


def seen(key: str) -> list[str]:
    """Return the events of a key, in their order."""
    with _lock:
        return list(_events.get(key, ()))


def note_thread(key: str, where: str) -> None:
    """Note on which thread a part of a request runs."""
    note(key, f"{where} {threading.get_ident()}")


def note_end(key: str) -> None:
    """Note when a stream has made its last part, seconds of this machine's clock."""
    note(key, f"ended {time.time()}")


def loop_number(loop: object) -> int:
    """Return a number that no other event loop of this process has or will have: addresses are used again."""
    with _lock:
        found = [number for number, each in enumerate(_loops) if each is loop]
        if not found:
            _loops.append(loop)
        return found[0] if found else len(_loops) - 1


def note_stop() -> None:
    """Note that the app was told to stop, where that can be read when its server is gone."""
    if place := os.environ.get("LAB_PROBE_FILE"):
        with Path(place).open("a", encoding="ascii") as file:
            file.write("stopped\n")


def part(index: int, length: int) -> bytes:
    """Return a part of a stream; it says which one it is."""
    return f"part {index}\n".encode().ljust(length, b".")


ERRORS = {
    "exception": ProbeError("as asked"),
    "not-ascii": ProbeError("\u4e0d\u884c\r\nX-Injected: 1"),
    "system": BrokenPipeError(32, "as asked"),
    "timeout": TimeoutError("as asked"),
}
"""What the error route raises, by name."""
