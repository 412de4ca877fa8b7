"""Folds all latencies of one trial into a summary and an HDR histogram."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence

from hdrh.histogram import HdrHistogram

from benchmarks.model import LatencySummary

HIGHEST_TRACKABLE_US = 3_600_000_000
"""One hour. The same for every trial, so that any two histograms of any two runs can be added up."""

SIGNIFICANT_DIGITS = 3

_NS_PER_MS = 1_000_000
_NS_PER_US = 1_000


def percentile_of_sorted(ascending: Sequence[int], percent: float) -> float:
    """Return a percentile of exact values, by linear interpolation between the two nearest ranks.

    This is the default method of numpy and of k6. numpy itself takes a third of a second to import, in every trial.

    Args:
        ascending: At least one value, in ascending order.
        percent: 0 to 100.
    Returns:
        The percentile, in the values' unit.
    Source:
        Hyndman and Fan, Sample Quantiles in Statistical Packages, 1996, definition 7.
    """
    rank = (len(ascending) - 1) * percent / 100
    below = int(rank)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (ascending[above] - ascending[below]) * (rank - below)


def summarise(latencies_ns: array[int]) -> LatencySummary | None:
    """Summarise the exact latencies, not their histogram.

    Args:
        latencies_ns: Latencies of the valid answers, nanoseconds, in any order.
    Returns:
        The summary in milliseconds; ``None`` when there was no valid answer.
    """
    if not latencies_ns:
        return None
    ascending = sorted(latencies_ns)

    def percentile_ms(percent: float) -> float:
        return percentile_of_sorted(ascending, percent) / _NS_PER_MS

    return LatencySummary(
        average_ms=sum(ascending) / len(ascending) / _NS_PER_MS,
        minimum_ms=ascending[0] / _NS_PER_MS,
        median_ms=percentile_ms(50),
        maximum_ms=ascending[-1] / _NS_PER_MS,
        p90_ms=percentile_ms(90),
        p95_ms=percentile_ms(95),
        p99_ms=percentile_ms(99),
    )


def encode_histogram(latencies_ns: array[int]) -> str | None:
    """Fold the latencies into an HDR histogram of whole microseconds.

    Args:
        latencies_ns: Latencies of the valid answers, nanoseconds, in any order.
    Returns:
        HdrHistogram's V2 compressed base64 form; ``None`` when there was no valid answer.
    Raises:
        ValueError: A latency is negative or above an hour.
    """
    if not latencies_ns:
        return None
    histogram = HdrHistogram(1, HIGHEST_TRACKABLE_US, SIGNIFICANT_DIGITS)
    # Recording costs 2 µs per call in this package; many latencies are equal, so each distinct one is recorded once.
    counts = Counter((latency_ns + _NS_PER_US // 2) // _NS_PER_US for latency_ns in latencies_ns)
    for latency_us, count in counts.items():
        if not histogram.record_value(latency_us, count):
            msg = f"a latency of {latency_us} µs does not fit a histogram that ends at {HIGHEST_TRACKABLE_US} µs"
            raise ValueError(msg)
    encoded: bytes = histogram.encode()
    return encoded.decode("ascii")
