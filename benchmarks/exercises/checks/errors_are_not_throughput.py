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
from pathlib import Path
from typing import Any

from benchmarks.exercises.answer import load_module, member, told
from benchmarks.exercises.finding import AnswerError, Fault, Finding, tried, when
from benchmarks.exercises.upstream import listening

_END_OF_HEAD = b"\r\n\r\n"
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


class _Measured:
    """What a loader counted of a service, beside the time that passed and the requests that came.

    Args:
        measure: The loader.
        requests: How many it sends.
        every: Every n-th request gets a wrong answer; none does when this is 0.
        faults: The wrong answers, in turn; the connection is closed after each.
    """

    def __init__(
        self, measure: Callable[..., Any], requests: int, every: int = 0, faults: Sequence[bytes] = (_BUSY,)
    ) -> None:
        with _serving(every, faults) as (url, received):
            began_s = time.perf_counter()
            returned = measure(url, _BODY, requests)
            self.took_s = time.perf_counter() - began_s
        self.every, self.received = every, len(received)
        try:
            self.completed, self.errors, self.void = returned.completed, returned.errors, returned.void
            self.duration_s, self.rate_per_s = returned.duration_s, returned.rate_per_s
        except AttributeError as error:
            raise AnswerError(
                "changed-answer", f"`measure` returned {returned!r}, and was to return a `Measured`: {error}."
            ) from error

    def __str__(self) -> str:
        return f"It tells {self.completed:,} completed and {self.errors:,} errors of {self.received:,} requests."

    def other_rate(self) -> Fault:
        """Return the fault that the rate is not the number of completed requests per second."""
        follows = self.completed / self.duration_s
        hint = f"{self.completed:,} in {self.duration_s:.6f} s are {follows:.3f}: what does it divide by what?"
        return (
            self.rate_per_s is None or not math.isclose(self.rate_per_s, follows, rel_tol=_ROUNDED),
            "rate-of-everything",
            f"{self} Its rate is {self.rate_per_s} a second, and {hint}",
        )


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    measure = member(load_module(folder, "loader"), "measure")
    seen = _Measured(measure, _FEW)
    yield tried(
        "of a service that is well, every request is completed, and none is an error",
        when(
            (seen.completed, seen.errors, bool(seen.void)) != (_FEW, 0, False),
            "loses-answers",
            f"{seen} It says void={seen.void}. All {_FEW} answers were right: `expected` is the exact body as bytes, "
            "and a count that several clients add to is read and written without a wait in between.",
        ),
    )
    yield tried(
        "its duration is the time that passed, and its rate follows from it",
        when(
            seen.duration_s > _LONGER * seen.took_s,
            "time-summed",
            f"It tells {seen.duration_s:.2f} s, and {seen.took_s:.2f} s passed. Clients wait at the same time: their "
            "times do not add up. Look at the clock before the first and after the last.",
        ),
        seen.other_rate(),
    )
    yield _counts(
        "of a service that refuses every second request, half are completed and half errors",
        lambda: _Measured(measure, _FEW, 2),
        "errors-counted",
        "A 503 is an answer, but not the expected one. `urllib` raises `HTTPError` for it, which is an `OSError`: what "
        "does the loader do with it?",
    )
    yield _counts(
        "the expected body with status 202 is an error",
        lambda: _Measured(measure, _FEW, 4, [response(202, _BODY)]),
        "any-2xx-counts",
        "202 says that the work will be done later, if at all. `urllib` raises nothing for any status of 2xx, and only "
        "one of them is expected: 200.",
    )
    yield _counts(
        "any other body with status 200 is an error, as long as the expected one or not",
        lambda: _Measured(measure, _FEW, 4, _ANY_BODY),
        "any-body-counts",
        "The status says 200 and the body says something else. Compare the whole body with the expected one: its "
        "length, its beginning or a part of it may be the same.",
    )
    yield _counts(
        "an answer that breaks off, or is none, is an error",
        lambda: _Measured(measure, _FEW, 10, [_GOOD[:-10], b"", b"what?\r\n\r\n"]),
        "broken-off-counts",
        "Half a body is no answer.",
    )
    # That is 0.08 %.
    seen = _Measured(measure, _MANY, _MANY)
    yield tried(
        f"with one error in {_MANY:,}, which is less than 0.1 %, the rate is that of the completed",
        when(
            bool(seen.void) or seen.rate_per_s is None,
            "void-too-soon",
            f"{seen} It tells void={bool(seen.void)} and a rate of {seen.rate_per_s}. One error is no reason to throw "
            "away a measurement: up to 0.1 % are allowed.",
        ),
        seen.other_rate(),
    )
    seen = _Measured(measure, _FEW, _FEW)
    share = f"{seen} That is {seen.errors / _FEW:.0%}."
    yield tried(
        "with more than 0.1 % errors the measurement is void, and has no rate",
        when(
            not seen.void,
            "never-void",
            f"{share} It tells void={seen.void} and {seen.rate_per_s} a second. A service that drops part of the work "
            "does another work; its rate must not be shown beside an honest one.",
        ),
        when(
            seen.rate_per_s is not None,
            "void-with-a-rate",
            f"{share} It is void, and {seen.rate_per_s or 0:,.0f} per second is printed beside that word: somebody "
            "will quote it. A rate that must not be used is `None`.",
        ),
    )


def _counts(what: str, ask: Callable[[], _Measured], cause: str, hint: str) -> Finding:
    try:
        seen = ask()
    except (OSError, http.client.HTTPException) as error:
        lost = (
            f"`measure` raises {told(error)}: one request went wrong, and the whole measurement is lost. It is an "
            "error to count, whatever became of it; and not all that `http.client` raises is an `OSError`."
        )
        return tried(what, when(True, "error-escapes", lost))
    wrong = _FEW // seen.every
    return tried(
        what,
        when(
            seen.received > _FEW,
            "asks-again",
            f"{seen} It was told to send {_FEW}. A loader that repeats a request until it goes well measures another "
            "service, one without errors.",
        ),
        (seen.completed != _FEW - wrong, cause, f"{seen} {wrong} were wrong. {hint}"),
        when(
            seen.errors != wrong,
            "errors-unseen",
            f"{seen} What does not count has to be counted too: a reader of the figure must see what it leaves out.",
        ),
    )


@contextlib.contextmanager
def _serving(every: int, faults: Sequence[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """Serve good answers, but the next of the faults to every n-th request, and yield the URL and the requests."""
    received: list[bytes] = []
    one_by_one = threading.Lock()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                while head := b"".join(itertools.takewhile(b"\r\n".__ne__, iter(self.rfile.readline, b""))):
                    with one_by_one:
                        received.append(head)
                        number, is_wrong = divmod(len(received), every) if every else (0, 1)
                    self.wfile.write(_GOOD if is_wrong else faults[number % len(faults)])
                    if not is_wrong or b"HTTP/1.0" in head or b"connection: close" in head.lower():
                        return

    with listening(Handler, "SERVICE") as address:
        yield f"http://{address}/health", received
