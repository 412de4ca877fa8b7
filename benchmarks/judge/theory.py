"""Reads the points of a sweep, and derives the highest rate that a server can reach.

The limits are the waits that it can hold at once, the number of connections, and the CPU time of a request.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.judge import trials
from benchmarks.judge.trials import ValidTrial
from benchmarks.model import Place, Run, Trial

Array = NDArray[np.float64]

BoundName = Literal["threads", "connections", "cpu"]

ThreadsSeen = Literal["held", "free", "not reached", "not observed"]
"""Whether each wait holds a thread, or why that is unknown: too few connections, or nothing was observed."""

COUNTED_WAVES = 50
"""Answers per connection from which the count alone is a precise rate."""

UNEVEN_FACTOR = 1.1
"""Counted rate and rate by Little's law further apart than this, and than a wave: the connections were not alike."""

BUSY_CPU_FRACTION = 0.9
"""A server that uses this much of a core is at its limit: the CPU time of a request then limits its rate."""

MORE_WAITS_THAN_THREADS = 1.25
"""If this many times more waits than running threads are in progress, waits hold no threads."""

_LITTLE_ELSE = 5.0
_LEAST_MS = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What one valid trial of a sweep measured.

    Attributes:
        contender: Its id.
        place: Where on the map.
        visit: Number of the visit, from 1; the contenders of one visit are compared with each other.
        rate_per_s: Valid answers per second.
        latency_ms: Mean latency.
        cpu_us: CPU time per request; ``None`` where it was not observed.
        cpu_fraction: Share of one core that the server used; the same.
        running_threads: Threads of the server that ran; the same.
        loader_bound: Why the loader may have been the limit; ``None`` when it was not.
    """

    contender: str
    place: Place
    visit: int
    rate_per_s: float
    latency_ms: float
    cpu_us: float | None
    cpu_fraction: float | None
    running_threads: int | None
    loader_bound: str | None

    @property
    def waits(self) -> float:
        """How many were in progress at once, by Little's law."""
        return self.rate_per_s * self.place.wait_ms / 1000


def placed(run: Run) -> Iterator[tuple[Place, Trial]]:
    """Yield the trials of a sweep with their places on the map, in the order in which they were measured."""
    waits_ms = {workload.name: workload.wait_ms for workload in run.plan.workloads}
    for trial in run.trials:
        if trial.workload in waits_ms and not trial.placebo:
            yield Place(waits_ms[trial.workload], trial.load.vus), trial


def read_points(run: Run) -> Iterator[Point]:
    """Yield the points of a sweep, in the order in which they were measured."""
    ceiling = max(trials.ceilings(run.calibration).values(), default=None)
    for place, trial in placed(run):
        for valid in trials.valid_trials([trial]):
            rate, seen = rate_per_s(valid), trial.observation
            fraction = None if seen is None else seen.cpu_fraction
            yield Point(
                contender=trial.contender,
                place=place,
                visit=trial.round,
                rate_per_s=rate,
                latency_ms=valid.latency.average_ms,
                # The observation divides by the counted rate; the same CPU time over the better one.
                cpu_us=None if not fraction else fraction / rate * 1e6,
                cpu_fraction=fraction,
                running_threads=None if seen is None else seen.running_threads,
                loader_bound=trials.loader_bound_reason(valid, ceiling),
            )


def rate_per_s(valid: ValidTrial) -> float:
    """Return the rate of a trial in the closed model: counted, or by Little's law where answers come in waves.

    If the server holds all connections' waits at once, it answers them together, wave after wave. An interval of few
    waves cuts the last one, so the count is off by up to a wave. Latencies are not: each connection always has one
    request in flight, so the rate is connections over mean latency.

    Source:
        Little, "A proof for the queuing formula: L = lambda W", Operations Research 9(3), 1961.
    """
    counted, latency_s = valid.result.rate_per_s, valid.latency.average_ms / 1000
    waves = valid.result.duration_s / latency_s
    if waves >= COUNTED_WAVES:
        return counted
    by_latency = valid.trial.load.vus / latency_s
    # If some connections starve, the mean latency is of the others alone: then the count is right.
    tolerance = math.log(UNEVEN_FACTOR) + 1 / waves
    return by_latency if abs(math.log(by_latency / counted)) <= tolerance else counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What limits one contender, measured on its own points.

    Attributes:
        contender: Its id.
        threads: Waits that it can hold at once, one per thread; ``None`` if waits hold no thread, or it is unknown.
        threads_seen: Which of these applies.
        most_waits: In progress at once, at the most seen; ``None`` without a wait.
        cpu_us: CPU time per request while the core is busy; ``None`` if it was not observed.
        cpu_busy: Whether ``cpu_us`` comes from points where the core was the limit; otherwise it is the lowest seen.
        service_ms: Time of an answer without queueing, beyond the wait.
    """

    contender: str
    threads: int | None
    threads_seen: ThreadsSeen
    most_waits: float | None
    cpu_us: float | None
    cpu_busy: bool
    service_ms: float


def measure_capacity(contender: str, points: Sequence[Point]) -> Capacity:
    """Measure what limits a contender, on its own points, of which there is one at least."""
    threads, seen = _threads(points)
    busy = [point.cpu_us for point in points if (point.cpu_fraction or 0.0) >= BUSY_CPU_FRACTION and point.cpu_us]
    costs = [point.cpu_us for point in points if point.cpu_us]
    return Capacity(
        contender=contender,
        threads=threads,
        threads_seen=seen,
        most_waits=max((point.waits for point in points if point.place.wait_ms > 0), default=None),
        cpu_us=statistics.median(busy) if busy else min(costs, default=None),
        cpu_busy=bool(busy),
        service_ms=_service_ms(points),
    )


def bounds_per_s(capacity: Capacity, place: Place) -> dict[BoundName, float]:
    """Return the rate per second that each known bound allows at a place, measured or not.

    A wait that holds a thread lets ``threads / wait`` through; a connection asks again when it has its answer, so there
    are ``connections / (wait + service)`` at most; and one core does ``1 / CPU per request``.

    Source:
        Lazowska, Zahorjan, Graham, Sevcik, "Quantitative System Performance", 1984, chapter 5: asymptotic bounds of a
        closed system, X(N) <= min(1 / D_max, N / (D + Z)). The threads are one more such resource, of which the wait
        is the demand.
    """
    wait_s = place.wait_ms / 1000
    found: dict[BoundName, float] = {}
    if capacity.threads is not None and wait_s > 0:
        found["threads"] = capacity.threads / wait_s
    found["connections"] = place.connections / (wait_s + capacity.service_ms / 1000)
    if capacity.cpu_us is not None:
        found["cpu"] = 1e6 / capacity.cpu_us
    return found


def binding(capacity: Capacity, place: Place) -> BoundName:
    """Return the name of the lowest bound at a place."""
    found = bounds_per_s(capacity, place)
    return min(found, key=lambda name: found[name])


def theory_per_s(capacity: Capacity, place: Place) -> float:
    """Return the highest rate per second that the theory allows at a place."""
    return min(bounds_per_s(capacity, place).values())


def log_theory(capacity: Capacity, places: Sequence[Place]) -> Array:
    """Return the logarithm of the rate that the theory allows at each place; see ``bounds_per_s``."""
    wait_s = np.array([place.wait_ms for place in places]) / 1000
    # The longest time from one answer to the next is the lowest rate; no wait is then no bound.
    apart_s = (wait_s + capacity.service_ms / 1000) / np.array([place.connections for place in places])
    if capacity.threads is not None:
        apart_s = np.maximum(apart_s, wait_s / capacity.threads)
    if capacity.cpu_us is not None:
        apart_s = np.maximum(apart_s, capacity.cpu_us / 1e6)
    return np.asarray(-np.log(apart_s), dtype=np.float64)


def is_timed(capacity: Capacity, place: Place) -> bool:
    """Tell whether a timer sets the rate at a place: the wait binds, and an answer takes little else."""
    return binding(capacity, place) != "cpu" and place.wait_ms >= _LITTLE_ELSE * capacity.service_ms


def _threads(points: Sequence[Point]) -> tuple[int | None, ThreadsSeen]:
    waiting = [point for point in points if point.place.wait_ms > 0 and point.running_threads is not None]
    if not waiting:
        return None, "not observed"
    # One thread accepts requests; the others wait.
    most = max(point.running_threads or 0 for point in waiting) - 1
    if most < 1:
        return None, "free"
    queued = [point for point in waiting if point.place.connections > MORE_WAITS_THAN_THREADS * most]
    if not queued:
        return None, "not reached"
    if max(point.waits for point in queued) > MORE_WAITS_THAN_THREADS * most:
        return None, "free"
    # The median over the points where every thread was needed, so that a thread that ran by chance does not count.
    return max(1, round(statistics.median((point.running_threads or 0) - 1 for point in queued))), "held"


def _service_ms(points: Sequence[Point]) -> float:
    fewest = min(point.place.connections for point in points)
    alone = [point for point in points if point.place.connections == fewest]
    shortest = min(point.place.wait_ms for point in alone)
    taken = [point.latency_ms - shortest for point in alone if point.place.wait_ms == shortest]
    return max(_LEAST_MS, statistics.median(taken))
