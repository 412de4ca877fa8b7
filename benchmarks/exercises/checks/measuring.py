"""Checks exercises 3, 4 and 6: what a loader counts, what follows from figures, and how many places a pool needs."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import functools
import http.client
import math
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from benchmarks.exercises.answer import Answer, AnswerError, Finding, told
from benchmarks.exercises.serving import HOST, OWN_THREADS

_FEW, _MANY = 100, 1_050
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


def errors_are_not_throughput(answer: Answer) -> Iterator[Finding]:
    """Check exercise 3: what a loader counts, sent to services that answer, refuse, and break off."""
    measure = answer.load("loader", "measure")
    seen = _Measured(measure, _FEW)
    is_well = (seen.completed, seen.errors, bool(seen.void)) == (_FEW, 0, False)
    yield answer.found("well", {"loses-answers": not is_well}, seen=seen)
    is_summed = seen.duration_s > _LONGER * seen.took_s
    yield answer.found("time", {"time-summed": is_summed, "rate-of-everything": seen.has_other_rate}, seen=seen)
    for name, every, answers, cause in _COUNTED:
        yield _counts(answer, name, every, answers, cause)
    # That is less than 0.1 %.
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

    class Service(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self._transport = cast("asyncio.Transport", transport)
            self._begun = b""

        def data_received(self, data: bytes) -> None:
            *heads, self._begun = (self._begun + data).split(b"\r\n\r\n")
            for head in heads:
                received.append(head)
                number, is_right = divmod(len(received), every) if every else (0, 1)
                self._transport.write(_GOOD if is_right else wrong[number % len(wrong)])
                if not is_right or b"HTTP/1.0" in head or b"connection: close" in head.lower():
                    self._transport.close()
                    return

    # A loop rather than a thread for each of thousands of connections.
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(Service, HOST, 0, backlog=256))
    thread = threading.Thread(target=loop.run_forever, daemon=True, name=f"{OWN_THREADS}service")
    thread.start()
    try:
        yield f"http://{HOST}:{server.sockets[0].getsockname()[1]}/health", received
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()


WORDS = ("replicated", "contradicted", "inconclusive", "equal", "refused", "no difference found")
WRONG, FOLLOWS = 4, "no difference found"
"""Number of the verdict, and the word that follows from its figures. A test has them from the report and the judge."""

RIGHT = {1: "smaller-effect", 2: "short-of-half-way", 3: "both-sides", 5: "equal-inside", 6: "loader-bound"}
"""Verdicts that follow from their figures, and the cause of taking each for the wrong one."""


def which_verdict_is_wrong(answer: Answer) -> Iterator[Finding]:
    """Check exercise 4: which verdict of a report does not follow from its figures, by the lab's own rules."""
    written = answer.written()
    number = written.get("wrong")
    if isinstance(number, str) and number.strip().isdecimal():
        number = int(number)
    if not isinstance(number, int) or number not in {WRONG, *RIGHT}:
        raise AnswerError("not-answered", "answer.toml has no number from 1 to 6 under `wrong` yet.")
    yield answer.found("which", {cause: number == right for right, cause in RIGHT.items()})
    said = written.get("should_say")
    # The word counts, not its spelling.
    word = " ".join(re.findall(r"[a-z]+", said.lower())) if isinstance(said, str) else None
    if word not in WORDS:
        raise AnswerError("not-answered", f"`should_say` is one of: {', '.join(WORDS)}.")
    yield answer.found("word", {"wrong-word": word != FOLLOWS}, word=word)


RATE_PER_S = 120.0
REQUEST_S = 0.25
QUERY_S = 0.04
ENOUGH_MS = 10.0
MOST_OF_MEAN = 2.0

HOUR_S = 3_600.0
_AS_MILLISECONDS = 100


def size_the_pool(answer: Answer) -> Iterator[Finding]:
    """Check exercise 6: pools of the sizes answered serve an hour of requests, in a simulation."""
    written = answer.written()
    threads, connections = _places(written, "threads"), _places(written, "connections")
    for name, places, held_s in (("threads", threads, REQUEST_S), ("connections", connections, QUERY_S)):
        waits_ms = simulate(places, rate_per_s=RATE_PER_S, held_s=held_s, for_s=HOUR_S)
        wait_p95_ms = sorted(waits_ms)[int(0.95 * len(waits_ms))]
        mean = RATE_PER_S * held_s
        held = {"held_s": held_s, "held_ms": 1_000 * held_s}
        too_long = wait_p95_ms > ENOUGH_MS
        faults = {"wait-left-out": too_long and places < 0.9 * mean, "no-headroom": too_long}
        waits = {"wait": _time(wait_p95_ms), "last": _time(waits_ms[-1])}
        yield answer.found("enough", faults, name=name, places=places, mean=mean, **waits, **held)
        too_many = places > MOST_OF_MEAN * mean
        as_for_the_request = name == "connections" and places >= 0.9 * RATE_PER_S * REQUEST_S
        faults = {
            "units-mixed-up": places > _AS_MILLISECONDS * mean,
            "connections-for-the-whole-request": too_many and as_for_the_request,
            "too-many": too_many,
        }
        yield answer.found("not-too-many", faults, places=places, mean=mean, **held)


def _places(written: dict[str, Any], name: str) -> int:
    number = written.get(name)
    if isinstance(number, str | float) and re.fullmatch(r" *\d+(\.0*)? *", str(number)):
        number = int(float(number))
    if not isinstance(number, int) or number < 1:
        raise AnswerError("not-answered", f"answer.toml has no whole number from 1 under `{name}` yet.")
    return number


def _time(wait_ms: float) -> str:
    return f"{wait_ms:,.0f} ms" if wait_ms < 10_000 else f"{wait_ms / 1_000:,.0f} s"


def simulate(places: int, *, rate_per_s: float, held_s: float, for_s: float, seed: int = 1) -> list[float]:
    """Let a pool serve requests, first come, first served.

    Args:
        places: Threads, or connections; at least 1.
        rate_per_s: Of requests, which arrive independently of each other.
        held_s: How long each holds its place.
        for_s: How long requests arrive.
        seed: Of their arrivals.
    Returns:
        The wait of each request for a place, milliseconds.
    """
    # All hold their places equally long, so places become free in the order in which they were taken.
    free_at_s = collections.deque([0.0] * places)
    waits_ms: list[float] = []
    # Of hundreds of thousands of requests: what is looked up or called for each takes most of the time.
    next_free_s, free, waited_ms = free_at_s.popleft, free_at_s.append, waits_ms.append
    for arrives_s in arrivals(rate_per_s, for_s, seed):
        free_s = next_free_s()
        if free_s > arrives_s:
            free(free_s + held_s)
            waited_ms(1_000 * (free_s - arrives_s))
        else:
            free(arrives_s + held_s)
            waited_ms(0.0)
    return waits_ms


@functools.cache
def arrivals(rate_per_s: float, for_s: float, seed: int) -> tuple[float, ...]:
    """Return the moments at which requests arrive, seconds; see ``simulate``."""
    between = random.Random(seed)  # noqa: S311 (not for secrets)
    arrivals_s = [between.expovariate(rate_per_s)]
    while arrivals_s[-1] < for_s:
        arrivals_s.append(arrivals_s[-1] + between.expovariate(rate_per_s))
    return tuple(arrivals_s[:-1])
