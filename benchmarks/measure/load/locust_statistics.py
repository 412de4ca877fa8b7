"""Folds Locust's statistics of one interval, from one process or several, into what every load engine returns.

Locust keeps no single latency: it counts them in whole milliseconds, above 100 in tens, above 1000 in hundreds. Count,
sum, minimum and maximum are exact, so the average is; percentiles are as coarse as the counts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.foreign_json import read_object
from benchmarks.measure.load.engine import LoadEngineError
from benchmarks.model import LatencySummary, LoadProfile, LoadResult

ERROR_KINDS = ("status", "body", "connection", "timeout")

_LEAST_CPU_S = 20e-6
"""CPU time below which no request is made in Python, seconds; Locust needs some 140 µs."""

_CORES = 1.5
"""More than one process of Python can use at once."""

_ROUNDED = 1 + 1e-6
_TICK_S = 0.1
"""How coarsely CPU time is counted, and how early an interval may end, seconds."""

_LATE_S = 15.0
"""How late a machine that has too much to do may begin or end an interval, seconds."""


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
        seen = Statistics(**fields)
        faults = [sentence for fault, sentence in _faults(seen, load, users) if fault]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LoadEngineError("its figures are not what a worker counts") from error
    if faults:
        raise LoadEngineError(f"its figures cannot be true: {faults[0]}")
    return seen


def _faults(seen: Statistics, load: LoadProfile, users: int) -> Iterator[tuple[bool, str]]:
    """Yield what would be impossible, and in words why; TypeError and ValueError where there are no numbers at all."""
    shortest_ms, longest_ms = seen.latency_minimum_ms or 0.0, seen.latency_maximum_ms or 0.0
    times = (seen.duration_s, seen.cpu_s, seen.latency_sum_ms, shortest_ms, longest_ms)
    counts = (seen.requests, *seen.errors.values(), *(number for pair in seen.latencies_ms for number in pair))
    if not all(type(count) is int and count >= 0 for count in counts):
        raise ValueError(counts)
    if not all(type(value) in {int, float} and math.isfinite(value) and value >= 0 for value in times):
        raise ValueError(times)
    counted, failed = sum(count for _, count in seen.latencies_ms), sum(seen.errors.values())
    mean_ms = seen.latency_sum_ms / seen.requests if seen.requests else 0.0
    there_s = load.warmup_s + load.timeout_s + load.duration_s + _LATE_S
    yield (
        not seen.errors.keys() <= set(ERROR_KINDS) or failed > seen.requests or counted != seen.requests,
        f"{seen.requests:,} requests, {failed:,} errors and {counted:,} latencies do not go together",
    )
    yield (
        not load.duration_s - _TICK_S <= seen.duration_s <= load.duration_s + _LATE_S,
        f"an interval of {load.duration_s:g} s took it {seen.duration_s:g} s",
    )
    yield (
        seen.cpu_s > seen.duration_s * _CORES + _TICK_S,
        f"one process used {seen.cpu_s:g} s of CPU time in {seen.duration_s:g} s",
    )
    yield (
        seen.requests * _LEAST_CPU_S > seen.cpu_s + _TICK_S,
        f"no process makes {seen.requests:,} requests in {seen.cpu_s:g} s of CPU time",
    )
    yield (
        not shortest_ms <= mean_ms * _ROUNDED or not mean_ms <= longest_ms * _ROUNDED,
        "its average latency is not between its shortest and its longest",
    )
    yield (
        longest_ms > there_s * 1_000,
        f"a latency of {longest_ms / 1_000:,.0f} s, from users who were there for {there_s:g} s",
    )
    # A user has one request on its way: together they cannot have waited for longer than there was time, but for what
    # each had on its way when the interval began.
    yield (
        seen.latency_sum_ms > users * (seen.duration_s * 1_000 + longest_ms),
        f"{users} users cannot have waited {seen.latency_sum_ms / 1_000:,.0f} s in all",
    )


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
