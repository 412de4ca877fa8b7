"""Checks exercise 6: pools of the sizes answered serve an hour of requests, in a simulation."""

from __future__ import annotations

import collections
import functools
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.exercises.answer import load_toml
from benchmarks.exercises.finding import AnswerError, Finding, tried, when

RATE_PER_S = 120.0
REQUEST_S = 0.25
QUERY_S = 0.04
ENOUGH_MS = 10.0
MOST_OF_MEAN = 2.0

HOUR_S = 3_600.0
_AS_MILLISECONDS = 100


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    answer = load_toml(folder, "answer.toml")
    threads, connections = _places(answer, "threads"), _places(answer, "connections")
    for name, places, held_s in (("threads", threads, REQUEST_S), ("connections", connections, QUERY_S)):
        yield _enough(name, places, held_s)
        yield _not_too_many(name, places, held_s)


def _places(answer: dict[str, Any], name: str) -> int:
    number = answer.get(name)
    if isinstance(number, str | float) and re.fullmatch(r" *\d+(\.0*)? *", str(number)):
        number = int(float(number))
    if not isinstance(number, int) or number < 1:
        raise AnswerError("not-answered", f"answer.toml has no whole number from 1 under `{name}` yet.")
    return number


def _enough(name: str, places: int, held_s: float) -> Finding:
    waits_ms = simulate(places, rate_per_s=RATE_PER_S, held_s=held_s, for_s=HOUR_S)
    wait_p95_ms = sorted(waits_ms)[int(0.95 * len(waits_ms))]
    mean = RATE_PER_S * held_s
    told = f"They wait up to {_time(wait_p95_ms)}"
    return tried(
        f"95 of 100 requests wait at most {ENOUGH_MS:g} ms for one of {places} {name}",
        when(
            wait_p95_ms > ENOUGH_MS and places < 0.9 * mean,
            "wait-left-out",
            f"{told}, and the last one waits {_time(waits_ms[-1])}: the queue only grows. A request holds its place "
            f"for {1_000 * held_s:g} ms, waits included, and in that time how many more arrive at 120 a second?",
        ),
        when(
            wait_p95_ms > ENOUGH_MS,
            "no-headroom",
            f"{told}. {mean:g} are in use *on average*: with about as many, each would have to be busy all the time, "
            "and requests that come at random do not line up for that. Leave room for the peaks.",
        ),
    )


def _time(wait_ms: float) -> str:
    return f"{wait_ms:,.0f} ms" if wait_ms < 10_000 else f"{wait_ms / 1_000:,.0f} s"


def _not_too_many(name: str, places: int, held_s: float) -> Finding:
    mean = RATE_PER_S * held_s
    return tried(
        f"and {places} are no more than twice what is in use on average",
        when(
            places > _AS_MILLISECONDS * mean,
            "units-mixed-up",
            f"{places:,} are far too many. A rate per second times milliseconds is a thousand times too much: "
            f"{1_000 * held_s:g} ms are {held_s:g} s.",
        ),
        when(
            places > MOST_OF_MEAN * mean and name == "connections" and places >= 0.9 * RATE_PER_S * REQUEST_S,
            "connections-for-the-whole-request",
            f"{places} would do if each request held its connection for all of its 250 ms. It holds it for 40 ms: *W* "
            "in Little's law is how long one holds what is counted.",
        ),
        when(
            places > MOST_OF_MEAN * mean,
            "too-many",
            f"On average {mean:g} are in use, so of {places} more than half are idle, each with its memory. Begin from "
            "λW, and leave room for the peaks, not for everybody.",
        ),
    )


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
