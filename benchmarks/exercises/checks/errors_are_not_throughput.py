"""Checks exercise 3: what a loader counts, sent to services that answer, refuse, and break off."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import math
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.exercises.answer import Answer, told
from benchmarks.exercises.finding import AnswerError, Finding
from benchmarks.exercises.upstream import listening

_FEW, _MANY = 100, 1_250
_ROUNDED = 4e-4
"""How far a rate may be from its definition: less than half of one in ``_MANY``."""

_LONGER = 2.0
"""Most durations per time that passed: the waits of four clients, summed, are nearly four times as long."""


def response(status: int, body: bytes) -> bytes:
    """Return an answer of HTTP/1.1."""
    return f"HTTP/1.1 {status} {http.client.responses[status]}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


_BODY = b'{"api": "health", "version": 1}'
_GOOD = response(200, _BODY)
_BUSY = response(503, b"busy")
_ANY_BODY = (
    response(200, b"<h1>We are sorry</h1>"),
    response(200, _BODY.replace(b"1", b"2")),
    response(200, _BODY + b" and more"),
    response(200, _BODY + b"\n"),
    response(200, _BODY.replace(b": ", b":")),
)
_COUNTED = (
    ("refusing", 2, (_BUSY,), "errors-counted"),
    ("accepted", 4, (response(202, _BODY),), "any-2xx-counts"),
    ("other-body", 4, _ANY_BODY, "any-body-counts"),
    ("broken-off", 10, (_GOOD[:-10], b"", b"what?\r\n\r\n"), "broken-off-counts"),
)
"""Name of the finding, every n-th request that gets a wrong answer, these answers, and the cause where they count."""


class _Measured:
    """What a loader counted of a service, beside the time that passed and the requests that came.

    Args:
        measure: The loader.
        requests: How many it sends.
        every: Every n-th request gets a wrong answer; none does when this is 0.
        wrong: The wrong answers, in turn; the connection is closed after each.
    """

    def __init__(
        self, measure: Callable[..., Any], requests: int, every: int = 0, wrong: Sequence[bytes] = (_BUSY,)
    ) -> None:
        with _serving(every, wrong) as (url, received):
            began_s = time.perf_counter()
            returned = measure(url, _BODY, requests)
            self.took_s = time.perf_counter() - began_s
        self.received = len(received)
        try:
            self.completed, self.errors, self.void = returned.completed, returned.errors, returned.void
            self.duration_s, self.rate_per_s = returned.duration_s, returned.rate_per_s
        except AttributeError as error:
            raise AnswerError(
                "changed-answer", f"`measure` returned {returned!r}, and was to return a `Measured`: {error}."
            ) from error

    def __str__(self) -> str:
        return f"It tells {self.completed:,} completed and {self.errors:,} errors of {self.received:,} requests."

    @property
    def follows_per_s(self) -> float:
        """The rate that follows from what it counted."""
        return float(self.completed / self.duration_s)

    @property
    def has_other_rate(self) -> bool:
        """Whether it tells another rate."""
        return self.rate_per_s is None or not math.isclose(self.rate_per_s, self.follows_per_s, rel_tol=_ROUNDED)


def check(answer: Answer) -> Iterator[Finding]:
    """Try the answer."""
    measure = answer.load("loader", "measure")
    seen = _Measured(measure, _FEW)
    is_well = (seen.completed, seen.errors, bool(seen.void)) == (_FEW, 0, False)
    yield answer.found("well", {"loses-answers": not is_well}, seen=seen)
    is_summed = seen.duration_s > _LONGER * seen.took_s
    yield answer.found("time", {"time-summed": is_summed, "rate-of-everything": seen.has_other_rate}, seen=seen)
    for name, every, answers, cause in _COUNTED:
        yield _counts(answer, name, every, answers, cause)
    # That is 0.08 %.
    seen = _Measured(measure, _MANY, _MANY)
    is_void = bool(seen.void) or seen.rate_per_s is None
    faults = {"void-too-soon": is_void, "rate-of-everything": seen.has_other_rate}
    yield answer.found("one-of-many", faults, seen=seen, void=bool(seen.void))
    seen = _Measured(measure, _FEW, _FEW)
    faults = {"never-void": not seen.void, "void-with-a-rate": seen.rate_per_s is not None}
    yield answer.found("void", faults, seen=seen, share=seen.errors / _FEW, rate_per_s=seen.rate_per_s or 0)


def _counts(answer: Answer, name: str, every: int, answers: Sequence[bytes], cause: str) -> Finding:
    try:
        seen = _Measured(answer.load("loader", "measure"), _FEW, every, answers)
    except (OSError, http.client.HTTPException) as error:
        return answer.found(name, {"error-escapes": True}, error=told(error))
    wrong = _FEW // every
    faults = {
        "asks-again": seen.received > _FEW,
        cause: seen.completed != _FEW - wrong,
        "errors-unseen": seen.errors != wrong,
    }
    return answer.found(name, faults, seen=seen, wrong=wrong)


@contextlib.contextmanager
def _serving(every: int, wrong: Sequence[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """Serve good answers, but the next of the wrong to every n-th request, and yield the URL and the requests."""
    received: list[bytes] = []
    one_by_one = threading.Lock()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                while head := b"".join(itertools.takewhile(b"\r\n".__ne__, iter(self.rfile.readline, b""))):
                    with one_by_one:
                        received.append(head)
                        number, is_right = divmod(len(received), every) if every else (0, 1)
                    self.wfile.write(_GOOD if is_right else wrong[number % len(wrong)])
                    if not is_right or b"HTTP/1.0" in head or b"connection: close" in head.lower():
                        return

    with listening(Handler, "SERVICE") as address:
        yield f"http://{address}/health", received
