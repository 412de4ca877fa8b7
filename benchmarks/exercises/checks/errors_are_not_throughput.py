"""Checks exercise 3: what a loader counts, asked of services that answer, refuse, and break off."""

from __future__ import annotations

import asyncio
import contextlib
import http
import http.client
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from benchmarks.exercises.answer import load_module, member, told
from benchmarks.exercises.finding import AnswerError, Finding, failed, passed

_END_OF_HEAD = b"\r\n\r\n"


class Service:
    """What it was asked.

    Attributes:
        url: Where it is.
        received: Requests that came.
    """

    def __init__(self, good: bytes, every: int, faults: Sequence[bytes]) -> None:
        self.url = ""
        self.received = 0
        self._good = good
        self._every = every
        self._faults = faults

    def answer(self) -> tuple[bytes, bool]:
        """Take one more request, and return its answer and whether that is a good one."""
        self.received += 1
        if not self._every or self.received % self._every:
            return self._good, True
        return self._faults[self.received // self._every % len(self._faults)], False


def response(status: int, body: bytes) -> bytes:
    """Return an answer of HTTP/1.1."""
    head = f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\nContent-Length: {len(body)}"
    return head.encode() + _END_OF_HEAD + body


@contextlib.contextmanager
def serving_canned(good: bytes, every: int = 0, faults: Sequence[bytes] = ()) -> Iterator[Service]:
    """Serve one answer, but to every n-th request the next of the faults; to none when that is 0.

    Args:
        good: As ``response`` makes it.
        every: How many requests from one fault to the next.
        faults: What is sent instead, before the connection is closed.
    """
    service = Service(good, every, faults)
    loop = asyncio.new_event_loop()

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self._transport = cast(asyncio.Transport, transport)
            self._head = b""

        def data_received(self, data: bytes) -> None:
            *requests, self._head = (self._head + data).split(_END_OF_HEAD)
            for request in requests:
                answer, is_good = service.answer()
                self._transport.write(answer)
                if not is_good or b"HTTP/1.0" in request or b"connection: close" in request.lower():
                    self._transport.close()

    server = loop.run_until_complete(loop.create_server(Protocol, "127.0.0.1", 0, backlog=256))
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/health"
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()


_BODY = b'{"api": "health", "version": 1}'
_GOOD = response(200, _BODY)
_FEW, _MANY = 100, 1_250
_ROUNDED = 4e-4
"""How far a rate may be from what follows: less than half of one in ``_MANY``."""

_LONGER = 2.0
"""How many times the time that passed a duration may be: four clients' waits, summed, are nearly four times."""


@dataclass(frozen=True, slots=True)
class _Measured:
    completed: int
    errors: int
    duration_s: float
    rate_per_s: float | None
    void: bool
    took_s: float
    received: int

    def __str__(self) -> str:
        return f"It tells {self.completed:,} completed and {self.errors:,} errors of {self.received:,} requests."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    """What a service answers to every n-th request, and what it means when that is not told right."""

    what: str
    every: int
    answers: tuple[bytes, ...]
    cause: str
    hint: str


_FAULTS = (
    _Fault(
        what="of a service that refuses every second request, half are completed and half errors",
        every=2,
        answers=(response(503, b"busy"),),
        cause="errors-counted",
        hint="A 503 is an answer, and not the one that was asked for. `urllib` raises `HTTPError` for it, which is "
        "an `OSError`: what does the loader do with it?",
    ),
    _Fault(
        what="the expected body with status 202 is an error",
        every=4,
        answers=(response(202, _BODY),),
        cause="any-2xx-counts",
        hint="202 says that the work will be done later, if at all. `urllib` raises nothing for any status of 2xx, and "
        "one of them was asked for: 200.",
    ),
    _Fault(
        what="any other body with status 200 is an error, as long as the expected one or not",
        every=4,
        answers=(
            response(200, b"<h1>We are sorry</h1>"),
            response(200, _BODY.replace(b"1", b"2")),
            response(200, _BODY + b" and more"),
            response(200, _BODY + b"\n"),
            response(200, _BODY.replace(b": ", b":")),
        ),
        cause="any-body-counts",
        hint="The status says 200 and the body says something else. Compare the whole body with the expected one: its "
        "length, its beginning or a part of it may be the same.",
    ),
    _Fault(
        what="an answer that breaks off, or is none, is an error",
        every=10,
        answers=(response(200, _BODY)[:-10], b"", b"what?\r\n\r\n"),
        cause="broken-off-counts",
        hint="Half a body is no answer.",
    ),
)


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    measure = member(load_module(folder, "loader"), "measure")
    well = _ask(measure, _FEW, 0, ())
    yield _counts_all(well)
    yield _tells_its_time(well)
    for fault in _FAULTS:
        yield _counts(measure, fault)
    # Of 0.08 %, and of 1 %.
    yield _tells_a_rate(_ask(measure, _MANY, _MANY, _FAULTS[0].answers))
    yield _voids(_ask(measure, _FEW, _FEW, _FAULTS[0].answers))


def _ask(measure: Callable[..., Any], requests: int, every: int, faults: tuple[bytes, ...]) -> _Measured:
    with serving_canned(_GOOD, every, faults) as service:
        began_s = time.perf_counter()
        returned = measure(service.url, _BODY, requests)
        took_s = time.perf_counter() - began_s
    try:
        values = (returned.completed, returned.errors, returned.duration_s, returned.rate_per_s, returned.void)
    except AttributeError as error:
        raise AnswerError(
            "changed-answer", f"`measure` returned {returned!r}, and was to return a `Measured`: {error}."
        ) from error
    return _Measured(*values, took_s, service.received)


def _counts_all(measured: _Measured) -> Finding:
    what = "of a service that is well, every request is completed, and none is an error"
    if (measured.completed, measured.errors, bool(measured.void)) == (_FEW, 0, False):
        return passed(what)
    return failed(
        what,
        "loses-answers",
        f"{measured} It says void={measured.void}. All {_FEW} answers were right: `expected` is the body as bytes, to "
        "the letter, and a count that several clients add to is read and written without a wait in between.",
    )


def _tells_its_time(measured: _Measured) -> Finding:
    what = "its duration is the time that passed, and its rate follows from it"
    if measured.duration_s > _LONGER * measured.took_s:
        return failed(
            what,
            "time-summed",
            f"It tells {measured.duration_s:.2f} s, and {measured.took_s:.2f} s passed. Clients wait at the same time: "
            "their times do not add up. Look at the clock before the first and after the last.",
        )
    return passed(what) if _rate_follows(measured) else _other_rate(what, measured)


def _counts(measure: Callable[..., Any], fault: _Fault) -> Finding:
    try:
        measured = _ask(measure, _FEW, fault.every, fault.answers)
    except (OSError, http.client.HTTPException) as error:
        return failed(
            fault.what,
            "error-escapes",
            f"`measure` raises {told(error)}: one request went wrong, and the whole measurement is lost. It is an "
            "error to count, whatever became of it; and not all that `http.client` raises is an `OSError`.",
        )
    wrong = _FEW // fault.every
    if measured.received > _FEW:
        return failed(
            fault.what,
            "asks-again",
            f"{measured} It was told to send {_FEW}. Who asks again until it goes well measures another service, one "
            "without errors.",
        )
    if measured.completed != _FEW - wrong:
        return failed(fault.what, fault.cause, f"{measured} {wrong} were wrong. {fault.hint}")
    if measured.errors != wrong:
        return failed(
            fault.what,
            "errors-unseen",
            f"{measured} What does not count has to be counted too: whoever reads the figure must see what it leaves "
            "out.",
        )
    return passed(fault.what)


def _tells_a_rate(measured: _Measured) -> Finding:
    what = f"with one error in {_MANY:,}, which is less than 0.1 %, the rate is that of the completed"
    if measured.void or measured.rate_per_s is None:
        return failed(
            what,
            "void-too-soon",
            f"{measured} It tells void={bool(measured.void)} and a rate of {measured.rate_per_s}. One error is no "
            "reason to throw away a measurement: up to 0.1 % are allowed.",
        )
    return passed(what) if _rate_follows(measured) else _other_rate(what, measured)


def _voids(measured: _Measured) -> Finding:
    what = "with more than 0.1 % errors the measurement is void, and has no rate"
    if measured.void and measured.rate_per_s is None:
        return passed(what)
    share = f"{measured} That is {measured.errors / _FEW:.0%}."
    if measured.void:
        return failed(
            what,
            "void-with-a-rate",
            f"{share} It is void, and {measured.rate_per_s:,.0f} a second stand beside that word: somebody will quote "
            "them. A rate that must not be used is `None`.",
        )
    return failed(
        what,
        "never-void",
        f"{share} It tells void={measured.void} and {measured.rate_per_s} a second. A service that drops part of the "
        "work does another work; its rate must not stand beside an honest one.",
    )


def _rate_follows(measured: _Measured) -> bool:
    rate_per_s = measured.rate_per_s
    follows = measured.completed / measured.duration_s
    return rate_per_s is not None and math.isclose(rate_per_s, follows, rel_tol=_ROUNDED)


def _other_rate(what: str, measured: _Measured) -> Finding:
    return failed(
        what,
        "rate-of-everything",
        f"{measured} Its rate is {measured.rate_per_s} a second, and {measured.completed:,} in "
        f"{measured.duration_s:.6f} s are {measured.completed / measured.duration_s:.3f}: what does it divide by what?",
    )
