"""Checks exercise 6: pools of the sizes answered serve an hour of requests, in a simulation."""

from __future__ import annotations

import collections
import functools
import random
import re
from collections.abc import Iterator
from typing import Any

from benchmarks.exercises.answer import Answer
from benchmarks.exercises.finding import AnswerError, Finding

RATE_PER_S = 120.0
REQUEST_S = 0.25
QUERY_S = 0.04
ENOUGH_MS = 10.0
MOST_OF_MEAN = 2.0

HOUR_S = 3_600.0
_AS_MILLISECONDS = 100


def check(answer: Answer) -> Iterator[Finding]:
    """Try the answer."""
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
    for arrives_s in arrivals(rate_per_s, for_s, seed):
        begins_s = max(arrives_s, free_at_s.popleft())
        free_at_s.append(begins_s + held_s)
        waits_ms.append(1_000 * (begins_s - arrives_s))
    return waits_ms


@functools.cache
def arrivals(rate_per_s: float, for_s: float, seed: int) -> tuple[float, ...]:
    """Return the moments at which requests arrive, seconds; see ``simulate``."""
    between = random.Random(seed)  # noqa: S311 (not for secrets)
    arrivals_s = [between.expovariate(rate_per_s)]
    while arrivals_s[-1] < for_s:
        arrivals_s.append(arrivals_s[-1] + between.expovariate(rate_per_s))
    return tuple(arrivals_s[:-1])
