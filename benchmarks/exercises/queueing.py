"""Lets requests that arrive at random pass through a pool of places, in simulated time, without a clock."""

from __future__ import annotations

import heapq
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
    arrivals = random.Random(seed)  # noqa: S311 (not for secrets)
    free_at_s = [0.0] * places
    now_s = arrivals.expovariate(rate_per_s)
    waits_s: list[float] = []
    while now_s < for_s:
        begins_s = max(now_s, heapq.heappop(free_at_s))
        heapq.heappush(free_at_s, begins_s + held_s)
        waits_s.append(begins_s - now_s)
        now_s += arrivals.expovariate(rate_per_s)
    last_s = waits_s[-1]
    waits_s.sort()
    return Queueing(wait_p95_ms=1_000 * waits_s[int(0.95 * len(waits_s))], last_wait_ms=1_000 * last_s)
