"""Lets requests that arrive at random pass through a pool of places, in simulated time, without a clock."""

from __future__ import annotations

import collections
import functools
import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Queueing:
    """How a pool did.

    Attributes:
        wait_p95_ms: The wait for a place that 95 of 100 requests did not exceed, milliseconds.
        last_wait_ms: The last request's wait: of a queue that only grows, the longest.
    """

    wait_p95_ms: float
    last_wait_ms: float


def simulate(places: int, *, rate_per_s: float, held_s: float, for_s: float, seed: int = 1) -> Queueing:
    """Let a pool serve requests, first come, first served.

    Args:
        places: Threads, or connections; 1 at least.
        rate_per_s: Of requests, which arrive independently of each other.
        held_s: How long each holds its place.
        for_s: How long requests arrive.
        seed: Of their arrivals.
    """
    # All hold their places equally long, so places become free in the order in which they were taken.
    free_at_s = collections.deque([0.0] * places)
    waits_s: list[float] = []
    for arrives_s in _arrivals(rate_per_s, for_s, seed):
        begins_s = max(arrives_s, free_at_s.popleft())
        free_at_s.append(begins_s + held_s)
        waits_s.append(begins_s - arrives_s)
    last_s = waits_s[-1]
    waits_s.sort()
    return Queueing(wait_p95_ms=1_000 * waits_s[int(0.95 * len(waits_s))], last_wait_ms=1_000 * last_s)


@functools.cache
def _arrivals(rate_per_s: float, for_s: float, seed: int) -> tuple[float, ...]:
    between = random.Random(seed)  # noqa: S311 (not for secrets)
    arrivals_s = [between.expovariate(rate_per_s)]
    while arrivals_s[-1] < for_s:
        arrivals_s.append(arrivals_s[-1] + between.expovariate(rate_per_s))
    return tuple(arrivals_s[:-1])
