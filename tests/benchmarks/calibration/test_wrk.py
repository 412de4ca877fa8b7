from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.calibration.frame import NotMeasuredError
from benchmarks.calibration.load_engine import median_ms, read_wrk, without_correction


def as_wrk_corrects(counts: dict[int, int], expected_us: int) -> Counter[int]:
    """Do to a histogram what wrk does to its own: go up, and add to what lies below."""
    corrected = Counter(counts)
    for latency_us in range(2 * expected_us, max(counts) + 1):
        count = corrected[latency_us]
        below_us = latency_us - expected_us
        while count and below_us > expected_us:
            corrected[below_us] += count
            below_us -= expected_us
    return +corrected


# Other tests may take the cores while examples are drawn.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    counts=st.dictionaries(st.integers(1, 400), st.integers(1, 50), min_size=1, max_size=12),
    expected_us=st.integers(1, 60),
)
def test_the_latencies_that_wrk_adds_are_removed_exactly(counts: dict[int, int], expected_us: int) -> None:
    """Any histogram is restored to the one before wrk's correction."""
    assert counts == without_correction(as_wrk_corrects(counts, expected_us), expected_us)


def test_rate_and_histogram_are_read() -> None:
    """The figures that our script prints come out, whatever wrk prints around them."""
    printed = "Running 1s test\n  12 requests in 1.00s\n#summary 12 1000000 0\n#latency 90 8\n#latency 110 4\n"

    assert (12.0, {90: 8, 110: 4}) == read_wrk(printed, connections=10)


@pytest.mark.parametrize(
    ("counts_us", "expected_ms"),
    [({100: 1}, 0.1), ({100: 5, 200: 4}, 0.1), ({100: 4, 200: 5}, 0.2), ({5: 1, 7: 1}, 0.005)],
)
def test_median_is_the_latency_that_half_did_not_exceed(counts_us: dict[int, int], expected_ms: float) -> None:
    """The median is a latency that occurred, in milliseconds."""
    assert expected_ms == median_ms(counts_us)


@pytest.mark.parametrize(
    ("printed", "message"),
    [
        ("", "did not run our script"),
        ("Requests/sec: 12.00\n", "did not run our script"),
        ("#summary 12 1000000 1\n#latency 90 12\n", "saw 1 errors and 12 answers"),
        ("#summary 0 1000000 0\n", "saw 0 errors and 0 answers"),
        ("#summary 12 1000000 0\n#latency 90 11\n", "not of its 12 answers"),
    ],
)
def test_what_cannot_be_compared_with_is_refused(printed: str, message: str) -> None:
    """Errors, silence and a histogram that does not add up end the comparison in words."""
    with pytest.raises(NotMeasuredError, match=message):
        read_wrk(printed, connections=10)
