"""Notes, inside a server, when a request enters which state.

Only requests with the header ``RECORD_HEADER`` are noted, so nothing but a recorded burst is affected. A note is a read
of the clock and an append; ``note_cost_ns`` measures its cost.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import threading
import time
from contextvars import ContextVar
from typing import Any

from .states import LaneKind, State

RECORD_HEADER = "x-lab-request"
RECORDING_PATH = "/lab-recording"

_HEADER = RECORD_HEADER.encode()
_IN_BYTES = re.compile(rb"\r\n" + _HEADER + rb": ([0-9]{1,9})\r\n")
_COST_NOTES = 2_000

current: ContextVar[int | None] = ContextVar("recorded_request", default=None)
"""The number of the request that this context serves; ``None`` when it is not recorded."""


class Recorder:
    """The notes of one server; any thread may add notes.

    Attributes:
        around: What a request is in while its app runs, as far as no hook knows better.
    """

    def __init__(self) -> None:
        self.around = State.FRAMEWORK
        self._last: dict[int, tuple[int, str]] = {}
        self._notes: list[tuple[int, int, int, str]] = []
        self._kinds: dict[int, LaneKind] = {}
        self._numbers = itertools.count(1)
        self._thread = threading.local()

    def note(self, request: int, what: str) -> None:
        """Note that a request enters this state now, on the calling thread."""
        at_ns = time.monotonic_ns()
        try:
            lane: int = self._thread.lane
        except AttributeError:
            lane = self._enter(_kind_of_this_thread())
        # A list's append is atomic.
        self._notes.append((at_ns, lane, request, what))
        self._last[request] = lane, what

    def note_current(self, what: str) -> None:
        """Note it for the request that this context serves, if that is recorded."""
        request = current.get()
        if request is not None:
            self.note(request, what)

    def state_of(self, request: int) -> str | None:
        """Return what was noted last of a request; ``None`` for nothing."""
        return self._last.get(request, (0, None))[1]

    def state_here(self, request: int) -> str | None:
        """Return the same if it was noted on the calling thread; ``None`` if the request is elsewhere."""
        lane, what = self._last.get(request, (0, None))
        return what if lane == getattr(self._thread, "lane", None) else None

    def is_on_loop(self) -> bool:
        """Return whether the calling thread is known as the one that runs the server's event loop."""
        return self._kinds.get(getattr(self._thread, "lane", 0)) == "loop"

    def this_thread_has_its_own_loop(self) -> None:
        """Mark the calling thread, before its first note, as one that runs the loop of one request."""
        self._enter("own loop")

    def take(self) -> dict[str, Any]:
        """Return the notes as values of JSON, and clear them."""
        notes, self._notes = self._notes, []
        self._last = {}
        return {
            "lanes": {str(lane): self._kinds[lane] for _, lane, _, _ in notes},
            "events": notes,
            "note_ns": note_cost_ns(),
        }

    def _enter(self, kind: LaneKind) -> int:
        # Not the thread's id: ids of threads that have ended are reused.
        lane = self._thread.lane = next(self._numbers)
        self._kinds[lane] = kind
        return lane


def _kind_of_this_thread() -> LaneKind:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return "main" if threading.current_thread() is threading.main_thread() else "worker"
    return "loop"


RECORDER = Recorder()


def request_in(data: bytes | memoryview) -> int | None:
    """Return the number in a request's header, given the bytes that arrived; ``None`` if there is none."""
    found = _IN_BYTES.search(data)
    return int(found[1]) if found else None


def request_of(scope: Any) -> int | None:
    """Return the number in a request's header, given its ASGI scope; ``None`` if there is none."""
    for name, value in scope["headers"]:
        if name == _HEADER and value.isdigit():
            return int(value)
    return None


def note_cost_ns() -> float:
    """Measure the cost of a note, nanoseconds on average."""
    scratch = Recorder()
    scratch.note(1, State.VIEW)
    begun_ns = time.perf_counter_ns()
    for _ in range(_COST_NOTES):
        scratch.note(1, State.VIEW)
    return (time.perf_counter_ns() - begun_ns) / _COST_NOTES


def taken() -> bytes:
    """Return the notes since the last such request as JSON."""
    return json.dumps(RECORDER.take()).encode()


async def answer_recording(send: Any) -> None:
    """Answer an ASGI request with the notes since the last such request."""
    body = taken()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
