from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks.judge.judgement import Estimate
from benchmarks.judge.statistics import (
    arithmetic_mean,
    bounds,
    drift,
    geometric_mean,
    independent_ratio,
    median_and_range,
    paired_ratio,
    standard_error,
)

# A deadline would make a busy machine a failure; the same examples every time make a failure the code's.
repeatable = settings(deadline=None, derandomize=True, max_examples=40)
positive = st.floats(min_value=1e-6, max_value=1e9)
samples = st.lists(positive, min_size=2, max_size=12)
varied = samples.filter(lambda values: max(values) / min(values) > 1.001)
pairs = st.lists(st.tuples(positive, positive), min_size=2, max_size=12)
varied_pairs = pairs.filter(lambda values: len({round(above / below, 3) for above, below in values}) > 1)


def spanned(estimate: Estimate) -> tuple[float, float, float]:
    """Return value, low and high of an estimate that has an interval."""
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.value, estimate.low, estimate.high


@repeatable
@given(varied)
def test_a_geometric_mean_is_scipys(values: list[float]) -> None:
    """Value and interval agree with scipy's geometric mean and its t interval on the logarithms."""
    logarithms = np.log(values)
    expected = np.exp(stats.t.interval(0.95, len(values) - 1, logarithms.mean(), stats.sem(logarithms)))

    value, low, high = spanned(geometric_mean(values))

    assert stats.gmean(values) == pytest.approx(value, rel=1e-9)
    assert list(expected) == pytest.approx([low, high], rel=1e-6)


@repeatable
@given(varied)
def test_an_arithmetic_mean_is_scipys(values: list[float]) -> None:
    """Value and interval agree with numpy's mean and scipy's t interval."""
    expected = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))

    value, low, high = spanned(arithmetic_mean(values))

    assert np.mean(values) == pytest.approx(value)
    assert list(expected) == pytest.approx([low, high], rel=1e-6, abs=1e-6 * max(values))


@repeatable
@given(varied_pairs)
def test_a_paired_ratio_is_scipys_paired_t(values: list[tuple[float, float]]) -> None:
    """The interval is that of scipy's paired t-test on the logarithms."""
    above, below = np.array(values).T
    expected = stats.ttest_rel(np.log(above), np.log(below)).confidence_interval(0.95)

    value, low, high = spanned(paired_ratio(list(above), list(below)))

    assert stats.gmean(above / below) == pytest.approx(value, rel=1e-9)
    assert [expected.low, expected.high] == pytest.approx([math.log(low), math.log(high)], rel=1e-6, abs=1e-6)


@repeatable
@given(pairs, st.floats(min_value=1e-3, max_value=1e3))
def test_a_paired_ratio_has_no_unit(values: list[tuple[float, float]], scale: float) -> None:
    """Measuring both in another unit changes nothing."""
    above, below = ([pair[side] for pair in values] for side in (0, 1))
    scaled = paired_ratio([scale * value for value in above], [scale * value for value in below])

    assert spanned(paired_ratio(above, below)) == pytest.approx(spanned(scaled), rel=1e-6)


@repeatable
@given(samples, st.floats(min_value=1e-3, max_value=1e3))
def test_a_geometric_mean_scales_with_its_values(values: list[float], scale: float) -> None:
    """Ten times the values have ten times the mean, and ten times the interval."""
    scaled = geometric_mean([scale * value for value in values])

    assert [scale * part for part in spanned(geometric_mean(values))] == pytest.approx(spanned(scaled), rel=1e-6)


@repeatable
@given(pairs)
def test_swapping_a_ratio_gives_its_reciprocal(values: list[tuple[float, float]]) -> None:
    """Sync over async is one over async over sync, and so are the ends of its interval."""
    above, below = ([pair[side] for pair in values] for side in (0, 1))
    value, low, high = spanned(paired_ratio(above, below))

    assert [1 / value, 1 / high, 1 / low] == pytest.approx(spanned(paired_ratio(below, above)), rel=1e-6)


@repeatable
@given(samples)
def test_a_mean_lies_in_its_interval(values: list[float]) -> None:
    """The interval is never inside out."""
    for estimate in (geometric_mean(values), arithmetic_mean(values), paired_ratio(values, values[::-1])):
        value, low, high = spanned(estimate)
        assert low <= value <= high
        assert len(values) == estimate.samples


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Of 4,000 simulated runs of 5 noisy rounds, 95 % have the true ratio in their interval."""
    random = np.random.default_rng(20240607)
    covered = 0
    for _ in range(4000):
        rounds = random.lognormal(8, 0.2, 5)
        above, below = rounds * random.lognormal(math.log(2.02), 0.05, 5), rounds * random.lognormal(0, 0.05, 5)
        _, low, high = spanned(paired_ratio(list(above), list(below)))
        covered += low <= 2.02 <= high

    # Three standard errors of a proportion of 0.95 in 4,000 are 0.0103.
    assert covered / 4000 == pytest.approx(0.95, abs=0.0103)


def test_pairing_takes_out_what_a_round_has_in_common() -> None:
    """Rounds that differ tenfold but keep the ratio have an interval without width."""
    value, low, high = spanned(paired_ratio([20.0, 200.0, 2000.0], [10.0, 100.0, 1000.0]))

    assert [2.0, 2.0, 2.0] == pytest.approx([value, low, high], rel=1e-12)


@pytest.mark.parametrize("average", [geometric_mean, arithmetic_mean])
def test_equal_values_have_an_interval_without_width(average: Callable[[Sequence[float]], Estimate]) -> None:
    """What never varies is known exactly, as far as this sample goes."""
    value, low, high = spanned(average([117.0] * 5))

    assert 117.0 == pytest.approx(value)
    assert value == low == high


def test_one_value_has_no_interval() -> None:
    """A single round gives a value and nothing about its spread."""
    none = {"low": None, "high": None, "samples": 1}

    assert Estimate(value=3.0, **none) == arithmetic_mean([3.0])  # type: ignore[arg-type] # the keywords are right
    assert geometric_mean([3.0]).low is None
    assert geometric_mean([3.0]).high is None
    assert 1.5 == pytest.approx(paired_ratio([3.0], [2.0]).value)
    assert Estimate(value=3.0, low=None, high=None, samples=1, confidence=None) == median_and_range([3])


def test_rounds_that_differ_wildly_have_an_interval_without_end() -> None:
    """An interval beyond what a number can hold is infinite, not an error."""
    value, low, high = spanned(geometric_mean([1e-300, 1e300]))

    assert 1.0 == pytest.approx(value)
    assert 0 == low
    assert math.inf == high


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_a_value_without_a_ratio_is_refused_by_name(value: float) -> None:
    """Zero, negative and infinite values have no logarithm; the message shows the value."""
    with pytest.raises(ValueError, match=str(value)):
        geometric_mean([1.0, value])
    with pytest.raises(ValueError, match=str(value)):
        paired_ratio([1.0, 1.0], [1.0, value])


@pytest.mark.parametrize("average", [geometric_mean, arithmetic_mean, median_and_range])
def test_no_value_has_no_average(average: Callable[[Sequence[float]], Estimate]) -> None:
    """Missing is missing, never 0."""
    with pytest.raises(ValueError, match=r"at least one|no median"):
        average([])


def test_a_mean_may_be_negative() -> None:
    """An arithmetic mean takes zero and negative values, which have no ratio."""
    assert -1.0 == arithmetic_mean([0.0, -2.0]).value


def test_what_does_not_pair_is_refused() -> None:
    """Lists of different length are a mistake of the caller, not fewer rounds."""
    with pytest.raises(ValueError, match="shorter"):
        paired_ratio([1.0, 2.0], [1.0])


def test_counts_have_a_median_and_a_range() -> None:
    """The range is what was seen, however unlikely."""
    assert Estimate(value=7.0, low=7.0, high=13.0, samples=4, confidence=None) == median_and_range([7, 13, 7, 7])


def test_a_missing_interval_rules_nothing_out() -> None:
    """It is without end, so that no comparison with it can decide."""
    assert (-math.inf, math.inf) == bounds(Estimate(value=1.0, low=None, high=None, samples=1))
    assert (0.9, 1.1) == bounds(Estimate(value=1.0, low=0.9, high=1.1, samples=2))


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


def test_one_value_of_two_samples_has_no_interval() -> None:
    """On either side."""
    assert independent_ratio([3.0], [2.0, 4.0]).low is None
    assert independent_ratio([3.0, 4.0], [2.0]).high is None


@pytest.mark.parametrize(("above", "below"), [([], [1.0]), ([1.0], []), ([0.0], [1.0]), ([1.0], [math.inf])])
def test_what_has_no_ratio_says_so(above: list[float], below: list[float]) -> None:
    """As everywhere in the judge."""
    with pytest.raises(ValueError, match=r"at least one|above 0"):
        independent_ratio(above, below)


def test_the_standard_error_of_a_ratio_is_told_by_its_interval() -> None:
    """Whatever its confidence; without an interval nothing is known."""
    above, below = [2.0, 2.2, 1.9, 2.1], [1.0, 1.05, 0.98, 1.0]
    logarithms = [math.log(one / other) for one, other in zip(above, below, strict=True)]
    expected = float(np.std(logarithms, ddof=1)) / 2

    assert pytest.approx(expected) == standard_error(paired_ratio(above, below))
    assert pytest.approx(expected) == standard_error(paired_ratio(above, below, 0.975))
    assert math.inf == standard_error(paired_ratio([2.0], [1.0]))


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.25])
def test_a_drift_is_the_factor_from_round_to_round(factor: float) -> None:
    """Exact where the values are; scipy's slope and its error where they scatter."""
    rounds = [1, 2, 3, 4, 6]
    exact = drift(rounds, [500 * factor**number for number in rounds])
    assert exact.value == pytest.approx(factor)
    noise = [1.02, 0.97, 1.01, 0.99, 1.03]
    values = [500 * factor**number * off for number, off in zip(rounds, noise, strict=True)]
    found, line = drift(rounds, values), stats.linregress(rounds, np.log(values))
    reach = stats.t.ppf(0.975, 3) * line.stderr
    assert (found.value, found.low, found.high) == pytest.approx(
        tuple(math.exp(exponent) for exponent in (line.slope, line.slope - reach, line.slope + reach))
    )
