from __future__ import annotations

import pytest
from hdrh.histogram import HdrHistogram

from benchmarks.report.charts.latency import quantiles_ms


def encoded(*latencies_us: int, highest_us: int = 3_600_000_000, digits: int = 3) -> str:
    """Return a histogram of latencies."""
    histogram = HdrHistogram(1, highest_us, digits)
    for latency_us in latencies_us:
        histogram.record_value(latency_us)
    return str(histogram.encode().decode("ascii"))


def test_trials_are_read_as_one() -> None:
    """Percentiles are of all trials' requests together, not an average of percentiles."""
    trials = [encoded(*[1000] * 90), encoded(*[5000] * 10)]

    assert [1.0, 1.0, 5.0] == pytest.approx(quantiles_ms(trials, [1, 90, 91]), rel=1e-3)


def test_histograms_of_different_ranges_add_up() -> None:
    """A long latency in a later trial is not lost because the first could not have held it."""
    trials = [encoded(1000, highest_us=10_000), encoded(9_000_000)]

    assert [1.0, 9000.0] == pytest.approx(quantiles_ms(trials, [50, 100]), rel=1e-3)


def test_no_request_has_no_percentile() -> None:
    """Without histograms, or with empty ones, there is nothing to draw."""
    assert [] == quantiles_ms([], [50])
    assert [] == quantiles_ms([encoded()], [50])


@pytest.mark.parametrize("text", ["", "not base64!", "aGVsbG8gd29ybGQsIGhlbGxv", encoded(1000)[:-8]])
def test_a_foreign_histogram_is_no_histogram(text: str) -> None:
    """A damaged run file has no percentiles, rather than those of the trials that can be read, or a traceback."""
    assert quantiles_ms([encoded(1000), text], [50]) is None
