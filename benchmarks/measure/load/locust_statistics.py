"""Folds Locust's statistics of one interval, from one process or several, into what every load engine returns.

Locust keeps no single latency: it counts them in whole milliseconds, above 100 in tens, above 1000 in hundreds. Count,
sum, minimum and maximum are exact, so the average is; percentiles are as coarse as the counts.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.foreign_json import read_object
from benchmarks.measure.load.engine import LoadEngineError
from benchmarks.model import LatencySummary, LoadProfile, LoadResult
from benchmarks.trials import count_hanging, impossibility

ERROR_KINDS = ("status", "body", "connection", "timeout")

_LEAST_CPU_S = 20e-6
"""CPU time below which no request is made in Python, seconds; Locust needs some 140 µs."""

_TICK_S = 0.1
"""How coarsely CPU time is counted, seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What Locust counted in one process in one interval; requests of every outcome.

    Attributes:
        duration_s: Length of the interval as it was, seconds.
        requests: All that ended.
        errors: Of these the failed ones, by kind.
        latency_sum_ms: Of all of them, milliseconds.
        latency_minimum_ms: The shortest; ``None`` when nothing ended.
        latency_maximum_ms: The longest; the same.
        latencies_ms: How often each latency was counted, pairs of milliseconds and count.
        cpu_s: CPU time of the process, seconds.
        unanswered_ms: Age of each request that was in flight at the end and was followed in vain, milliseconds;
            ``None`` where none was followed.
        bodies_compared: See ``LoadResult``.
    """

    duration_s: float
    requests: int
    errors: dict[str, int]
    latency_sum_ms: float
    latency_minimum_ms: float | None
    latency_maximum_ms: float | None
    latencies_ms: tuple[tuple[int, int], ...]
    cpu_s: float
    unanswered_ms: tuple[float, ...] | None = None
    bodies_compared: int | None = None


def read(text: object, load: LoadProfile, users: int) -> Statistics:
    """Read what a worker sent, and hold it against what is possible.

    Args:
        text: JSON of ``Statistics``.
        load: What it was to do.
        users: How many of the virtual users were its.

    Raises:
        LoadEngineError: It is something else, or cannot be true; the message goes on from the worker's name.
    """
    try:
        fields = read_object(str(text))
        fields["latencies_ms"] = tuple((int(latency_ms), count) for latency_ms, count in fields["latencies_ms"])
        fields["unanswered_ms"] = tuple(fields["unanswered_ms"])
        seen = Statistics(**fields)
        _check_numbers(seen)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LoadEngineError("its figures are not what a worker counts") from error
    fault = _miscounted(seen) or impossibility(fold([seen]), dataclasses.replace(load, vus=users))
    if fault is not None:
        raise LoadEngineError(f"its figures cannot be true: {fault}")
    return seen


def _check_numbers(seen: Statistics) -> None:
    """Raise ValueError or TypeError where there are no numbers, or negative ones."""
    shortest_ms, longest_ms = seen.latency_minimum_ms or 0.0, seen.latency_maximum_ms or 0.0
    ages_ms = seen.unanswered_ms or ()
    times = (seen.duration_s, seen.cpu_s, seen.latency_sum_ms, shortest_ms, longest_ms, *ages_ms)
    counts = (
        seen.requests,
        seen.bodies_compared or 0,
        *seen.errors.values(),
        *(number for pair in seen.latencies_ms for number in pair),
    )
    if not all(type(count) is int and count >= 0 for count in counts):
        raise ValueError(counts)
    if not all(type(value) in {int, float} and math.isfinite(value) and value >= 0 for value in times):
        raise ValueError(times)
    if seen.requests and (seen.latency_minimum_ms is None or seen.latency_maximum_ms is None):
        raise ValueError(None)


def _miscounted(seen: Statistics) -> str | None:
    """Say what does not go together of what only Locust counts."""
    counted, failed = sum(count for _, count in seen.latencies_ms), sum(seen.errors.values())
    if not seen.errors.keys() <= set(ERROR_KINDS) or failed > seen.requests or counted != seen.requests:
        return f"{seen.requests:,} requests, {failed:,} errors and {counted:,} latencies do not go together"
    if seen.requests * _LEAST_CPU_S > seen.cpu_s + _TICK_S:
        return f"no process makes {seen.requests:,} requests in {seen.cpu_s:g} s of CPU time"
    return None


def fold(parts: Sequence[Statistics]) -> LoadResult:
    """Fold the statistics of all processes, which measured at the same time.

    Args:
        parts: At least one.
    Returns:
        Completed and errors added up; the average of the intervals' lengths; the CPU time of the busiest process, as it
        is the one that would be the bottleneck. Latencies are of all requests, as Locust counts them, failed ones too.
    """
    errors: Counter[str] = Counter()
    for part in parts:
        errors.update(part.errors)
    requests = sum(part.requests for part in parts)
    completed = requests - errors.total()
    latency = _latency(parts, requests) if completed else None
    ages_ms = [part.unanswered_ms for part in parts]
    bodies = [part.bodies_compared for part in parts]
    return LoadResult(
        completed=completed,
        duration_s=sum(part.duration_s for part in parts) / len(parts),
        errors={kind: errors[kind] for kind in ERROR_KINDS if errors[kind]},
        statuses=None,
        unfinished=None,
        sent_bytes=None,
        received_bytes=None,
        loader_cpu_s=max(part.cpu_s for part in parts),
        latency=latency,
        histogram=None,
        bodies_compared=None if None in bodies else sum(count or 0 for count in bodies),
        hanging=None if None in ages_ms else count_hanging([age for part in ages_ms for age in part or ()], latency),
    )


def _latency(parts: Sequence[Statistics], requests: int) -> LatencySummary:
    counts: Counter[int] = Counter()
    for part in parts:
        counts.update(dict(part.latencies_ms))
    ascending = sorted(counts.items())
    minimum_ms = min(part.latency_minimum_ms for part in parts if part.latency_minimum_ms is not None)
    maximum_ms = max(part.latency_maximum_ms for part in parts if part.latency_maximum_ms is not None)

    def percentile_ms(percent: float) -> float:
        # A latency below half a millisecond is counted as 0, which it was not: as Locust does for the median, it is
        # kept between the shortest and the longest that there were.
        return min(max(float(_percentile(ascending, requests, percent)), minimum_ms), maximum_ms)

    return LatencySummary(
        average_ms=sum(part.latency_sum_ms for part in parts) / requests,
        minimum_ms=minimum_ms,
        median_ms=percentile_ms(50),
        maximum_ms=maximum_ms,
        p90_ms=percentile_ms(90),
        p95_ms=percentile_ms(95),
        p99_ms=percentile_ms(99),
        step_ms=_step_ms(_percentile(ascending, requests, 95)),
    )


def _step_ms(latency_ms: int) -> float:
    """Return how far apart two latencies are that Locust counts as different: two digits, and no less than 1 ms."""
    return float(10 ** max(0, len(str(latency_ms)) - 2))


def _percentile(ascending: Sequence[tuple[int, int]], requests: int, percent: float) -> int:
    """Return the smallest counted latency within which so many percent of the requests ended."""
    wanted = math.ceil(requests * percent / 100)
    seen = 0
    for latency_ms, count in ascending:
        seen += count
        if seen >= wanted:
            return latency_ms
    return ascending[-1][0]
