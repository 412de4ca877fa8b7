from __future__ import annotations

from array import array

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.measure.load.latencies import (
    HIGHEST_TRACKABLE_US,
    encode_histogram,
    percentile_of_sorted,
    summarise,
)

PERCENTS = (0, 1, 25, 50, 90, 95, 99, 99.9, 100)


def lognormal_ns(count: int = 50_000, seed: int = 7) -> array[int]:
    """Return latencies around a millisecond, with a tail."""
    generator = np.random.default_rng(seed)
    return array("q", (generator.lognormal(np.log(1e6), 0.6, count)).astype(np.int64).tolist())


@given(
    values=st.lists(st.integers(0, 10**11), min_size=1, max_size=60),
    percent=st.floats(0, 100),
)
def test_percentile_equals_numpy(values: list[int], percent: float) -> None:
    """A percentile is what numpy's default method says of the same values."""
    expected = float(np.percentile(np.array(values, dtype=np.float64), percent))

    assert expected == pytest.approx(percentile_of_sorted(sorted(values), percent), rel=1e-12, abs=1e-6)


def test_summary_equals_numpy_on_random_data() -> None:
    """Every field of the summary is numpy's figure for the exact latencies, in milliseconds."""
    latencies_ns = lognormal_ns()
    exact_ms = np.array(latencies_ns) / 1e6

    summary = summarise(latencies_ns)

    assert summary is not None
    assert float(np.mean(exact_ms)) == pytest.approx(summary.average_ms)
    assert float(np.min(exact_ms)) == pytest.approx(summary.minimum_ms)
    assert float(np.max(exact_ms)) == pytest.approx(summary.maximum_ms)
    for percent, found_ms in (
        (50, summary.median_ms),
        (90, summary.p90_ms),
        (95, summary.p95_ms),
        (99, summary.p99_ms),
    ):
        assert float(np.percentile(exact_ms, percent)) == pytest.approx(found_ms)


def test_histogram_percentiles_are_within_its_precision_of_numpy() -> None:
    """The histogram holds every latency, and its percentiles are right to three significant digits."""
    latencies_ns = lognormal_ns()
    exact_us = np.rint(np.array(latencies_ns) / 1e3)

    encoded = encode_histogram(latencies_ns)

    assert encoded is not None
    histogram = HdrHistogram.decode(encoded)
    assert len(latencies_ns) == histogram.get_total_count()
    for percent in PERCENTS[1:]:
        expected_us = float(np.percentile(exact_us, percent, method="inverted_cdf"))
        # The package rounds a percentile's rank to the nearest where numpy rounds it up: one value apart at the most.
        assert expected_us == pytest.approx(histogram.get_value_at_percentile(percent), rel=0.002, abs=1)


def test_histogram_keeps_each_whole_microsecond_apart_below_two_milliseconds() -> None:
    """Latencies are rounded to whole microseconds and counted each under its own."""
    encoded = encode_histogram(array("q", [1_499, 1_500, 2_047_000, 2_047_000]))

    assert encoded is not None
    recorded = {item.value_iterated_to: item.count_at_value_iterated_to for item in HdrHistogram.decode(encoded)}
    assert {1: 1, 2: 1, 2047: 2} == recorded


def test_histograms_of_different_trials_add_up() -> None:
    """Two trials' histograms can be added, whatever latencies they saw."""
    fast, slow = encode_histogram(array("q", [100_000] * 3)), encode_histogram(array("q", [30_000_000_000] * 2))

    assert fast is not None
    assert slow is not None
    both = HdrHistogram.decode(fast)
    both.decode_and_add(slow)

    assert 5 == both.get_total_count()
    assert 30_000_000 == pytest.approx(both.get_max_value(), rel=0.001)


def test_nothing_seen_is_none() -> None:
    """Without a valid answer there is neither a summary nor a histogram."""
    assert summarise(array("q")) is None
    assert encode_histogram(array("q")) is None


def test_latency_beyond_the_histogram_is_an_error() -> None:
    """A latency that the histogram cannot hold is not lost in silence."""
    with pytest.raises(ValueError, match="does not fit"):
        encode_histogram(array("q", [HIGHEST_TRACKABLE_US * 2_000]))
