"""Folds Locust's statistics of one interval, from one process or several, into what every load engine returns.

Locust keeps no single latency: it counts them in whole milliseconds, above 100 in tens, above 1000 in hundreds. Count,
sum, minimum and maximum are exact, so the average is; percentiles are as coarse as the counts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.model import LatencySummary, LoadResult

ERROR_KINDS = ("status", "body", "connection", "timeout")


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
    """

    duration_s: float
    requests: int
    errors: dict[str, int]
    latency_sum_ms: float
    latency_minimum_ms: float | None
    latency_maximum_ms: float | None
    latencies_ms: tuple[tuple[int, int], ...]
    cpu_s: float


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
    return LoadResult(
        completed=completed,
        duration_s=sum(part.duration_s for part in parts) / len(parts),
        errors={kind: errors[kind] for kind in ERROR_KINDS if errors[kind]},
        statuses=None,
        unfinished=None,
        sent_bytes=None,
        received_bytes=None,
        loader_cpu_s=max(part.cpu_s for part in parts),
        latency=_latency(parts, requests) if completed else None,
        histogram=None,
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
    )


def _percentile(ascending: Sequence[tuple[int, int]], requests: int, percent: float) -> int:
    """Return the smallest counted latency within which so many percent of the requests ended."""
    wanted = math.ceil(requests * percent / 100)
    seen = 0
    for latency_ms, count in ascending:
        seen += count
        if seen >= wanted:
            return latency_ms
    return ascending[-1][0]
