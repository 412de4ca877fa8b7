from __future__ import annotations

import math

import pytest

from benchmarks.judge.independent import independent_ratio
from benchmarks.judge.statistics import SampleError


def test_two_samples_are_compared_by_welchs_interval() -> None:
    """By hand: logarithms 0, 1, 2 against 0 and 2, both with a mean of 1; s²/n is 1/3 and 1, so 1.684 degrees."""
    ratio = independent_ratio([1.0, math.e, math.e**2], [1.0, math.e**2])

    freedom = (1 / 3 + 1) ** 2 / ((1 / 3) ** 2 / 2 + 1**2 / 1)
    assert pytest.approx(1.6842, abs=1e-4) == freedom
    assert pytest.approx(1.0) == ratio.value
    assert 5 == ratio.samples
    assert ratio.low is not None
    # Student's t of 1.6842 degrees at 97.5 % lies between those of 1 (12.71) and 2 (4.303).
    quantile = -math.log(ratio.low) / math.sqrt(4 / 3)
    assert 4.303 < quantile < 12.71


def test_equal_samples_have_the_interval_of_student() -> None:
    """Where variances and sizes agree, Welch's is Student's with both degrees added: t of 4 is 2.776."""
    ratio = independent_ratio([2.0, 2 * math.e, 2 * math.e**2], [1.0, math.e, math.e**2])

    assert pytest.approx(2.0) == ratio.value
    assert ratio.high is not None
    assert pytest.approx(2.776445 * math.sqrt(2 / 3)) == math.log(ratio.high / 2)


def test_samples_without_spread_are_exact() -> None:
    """There is nothing to be unsure of, and no division by zero."""
    ratio = independent_ratio([3.0, 3.0], [2.0, 2.0])

    assert pytest.approx((1.5, 1.5, 1.5)) == (ratio.low, ratio.value, ratio.high)


def test_one_value_has_no_interval() -> None:
    """On either side."""
    assert independent_ratio([3.0], [2.0, 4.0]).low is None
    assert independent_ratio([3.0, 4.0], [2.0]).high is None


@pytest.mark.parametrize(("above", "below"), [([], [1.0]), ([1.0], []), ([0.0], [1.0]), ([1.0], [math.inf])])
def test_what_has_no_ratio_says_so(above: list[float], below: list[float]) -> None:
    """As everywhere in the judge."""
    with pytest.raises(SampleError):
        independent_ratio(above, below)
