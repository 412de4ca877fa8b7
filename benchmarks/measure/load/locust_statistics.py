"""Folds Locust's statistics of one interval, from one process or several, into what every load engine returns.

Locust does not keep single latencies: it counts them in whole milliseconds, above 100 in tens, above 1000 in hundreds.
Count, sum, minimum and maximum are exact, so the average is too; percentiles are as coarse as the counts.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.foreign_json import adapter_of, read_object
from benchmarks.measure.load.engine import ERROR_KINDS, LoadEngineError
from benchmarks.model import LatencySummary, LoadProfile, LoadResult
from benchmarks.trials import count_hanging, impossibility

_LEAST_CPU_S = 20e-6
"""The least CPU time for a request in Python, seconds; Locust needs some 140 µs."""

_NOT_COUNTED = "its figures are not what a worker counts"

_TICK_S = 0.1
"""How coarsely CPU time is counted, seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What Locust counted in one process in one interval: requests of every outcome.

    Attributes:
        duration_s: Length of the interval as it was, seconds.
        requests: Those that ended.
        errors: The failed ones of these, by kind.
        latency_sum_ms: Of all of them, milliseconds.
        latency_minimum_ms: The shortest; ``None`` when nothing ended.
        latency_maximum_ms: The longest; the same.
        latencies_ms: Pairs of a latency in milliseconds, and how often it was counted.
        cpu_s: CPU time of the process, seconds.
        unanswered_ms: Age of each request that was in flight at the end and stayed unanswered, milliseconds; ``None``
            where none was followed.
        bodies_compared: See ``LoadResult``.
    """

    duration_s: float
    requests: int
    errors: dict[str, int]
    latency_sum_ms: float
    latency_minimum_ms: float | None
    latency_maximum_ms: float | None
    latencies_ms: tuple[tuple[float, int], ...]
    cpu_s: float
    unanswered_ms: tuple[float, ...] | None = None
    bodies_compared: int | None = None


def read(text: object, load: LoadProfile, users: int) -> Statistics:
    """Read what a worker sent, and check that it is possible.

    Args:
        text: JSON of ``Statistics``.
        load: What the worker was to do.
        users: How many of the virtual users were its own.

    Raises:
        LoadEngineError: It is something else, or cannot be true; the message continues after the worker's name.
    """
    try:
        read_object(str(text))
        seen = adapter_of(Statistics).validate_json(str(text), strict=True, extra="forbid")
    except ValueError as error:
        raise LoadEngineError(_NOT_COUNTED) from error
    if min(_numbers(seen)) < 0 or (seen.requests and None in (seen.latency_minimum_ms, seen.latency_maximum_ms)):
        raise LoadEngineError(_NOT_COUNTED)
    if fault := _miscounted(seen) or impossibility(fold([seen]), dataclasses.replace(load, vus=users)):
        raise LoadEngineError(f"its figures cannot be true: {fault}")
    return seen


def _numbers(seen: Statistics) -> Iterator[float]:
    yield from (seen.duration_s, seen.requests, *seen.errors.values(), seen.latency_sum_ms, seen.cpu_s)
    yield from (seen.latency_minimum_ms or 0.0, seen.latency_maximum_ms or 0.0, seen.bodies_compared or 0)
    yield from (number for pair in seen.latencies_ms for number in pair)
    yield from seen.unanswered_ms or ()


def _miscounted(seen: Statistics) -> str | None:
    """Say which of the figures that only Locust counts contradict each other."""
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
        The sums of completed and failed requests; the average length of the intervals; the CPU time of the busiest
        process, which would be the bottleneck. Latencies include failed requests, as Locust counts them.
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
    counts: Counter[float] = Counter()
    for part in parts:
        counts.update(dict(part.latencies_ms))
    ascending = sorted(counts.items())
    minimum_ms = min(part.latency_minimum_ms for part in parts if part.latency_minimum_ms is not None)
    maximum_ms = max(part.latency_maximum_ms for part in parts if part.latency_maximum_ms is not None)

    def percentile_ms(percent: float) -> float:
        # A latency below half a millisecond is counted as 0. As Locust does for the median, it is kept between the
        # shortest and the longest.
        return min(max(_percentile(ascending, requests, percent), minimum_ms), maximum_ms)

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


def _step_ms(latency_ms: float) -> float:
    """Return the smallest difference that Locust counts near this latency: two digits, and no less than 1 ms."""
    return float(10 ** max(0, len(str(int(latency_ms))) - 2))


def _percentile(ascending: Sequence[tuple[float, int]], requests: int, percent: float) -> float:
    """Return the smallest counted latency within which this percentage of the requests ended."""
    wanted = math.ceil(requests * percent / 100)
    seen = 0
    for latency_ms, count in ascending:
        seen += count
        if seen >= wanted:
            return latency_ms
    return ascending[-1][0]
