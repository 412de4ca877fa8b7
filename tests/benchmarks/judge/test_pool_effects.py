from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.judge.pool import sum_up

# Colditz and others, "Efficacy of BCG vaccine in the prevention of tuberculosis", JAMA 271, 1994: thirteen trials, each
# with the ill and the well of the vaccinated, and of the others. The meta-analysis that textbooks use as an example.
BCG = (
    *((4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619), (33, 5036, 47, 5761)),
    *((180, 1361, 372, 1079), (8, 2537, 10, 619), (505, 87886, 499, 87892), (29, 7470, 45, 7232)),
    *((17, 1699, 65, 1600), (186, 50448, 141, 27197), (5, 2493, 3, 2338), (27, 16886, 29, 17825)),
)


def log_risk_ratios() -> tuple[list[float], list[float]]:
    """Return what those trials measured, and its variance."""
    values = [math.log(ill / (ill + well) / (sick / (sick + sound))) for ill, well, sick, sound in BCG]
    variances = [1 / ill - 1 / (ill + well) + 1 / sick - 1 / (sick + sound) for ill, well, sick, sound in BCG]
    return values, variances


def test_the_published_example_comes_out_as_published() -> None:
    """Q = 152.23 and I² = 92.1 %; Paule and Mandel's variance between the trials is 0.318."""
    together = sum_up(*log_risk_ratios())

    assert pytest.approx(152.233, abs=0.001) == together.q
    assert pytest.approx(0.9212, abs=0.0001) == together.i_squared
    assert pytest.approx(0.318, abs=0.0005) == together.tau_squared
    assert pytest.approx(-0.715, abs=0.001) == together.mean
    assert together.q_probability < 1e-20


def test_equal_variances_can_be_reckoned_by_hand() -> None:
    """1, 2 and 6 with a variance of 1 each: their own is 7, so 6 between them, and t of 2 degrees is 4.303."""
    together = sum_up([1.0, 2.0, 6.0], [1.0, 1.0, 1.0])

    assert pytest.approx(3.0) == together.mean
    assert pytest.approx(14.0) == together.q
    assert pytest.approx(12 / 14) == together.i_squared
    assert pytest.approx(math.exp(-7)) == together.q_probability
    assert pytest.approx(6.0) == together.tau_squared
    half_width = 4.302653 * math.sqrt(7 / 3)
    assert pytest.approx((3 - half_width, 3 + half_width)) == (together.low, together.high)
    # One degree of freedom is left for the next one: t is 12.706.
    predicted = 12.706205 * math.sqrt(6 + 7 / 3)
    assert pytest.approx((3 - predicted, 3 + predicted)) == (together.predicted_low, together.predicted_high)
    assert pytest.approx((1 / 3, 1 / 3, 1 / 3)) == together.weights


def test_two_studies_have_no_prediction() -> None:
    """1 and 3 with a variance of 0.5 each: 2 - 0.5 between them; there is no degree of freedom for a third."""
    together = sum_up([1.0, 3.0], [0.5, 0.5])

    assert pytest.approx(1.5) == together.tau_squared
    assert (None, None) == (together.predicted_low, together.predicted_high)


def test_studies_that_agree_leave_no_variance_between_them() -> None:
    """Then the mean is that of the fixed-effect model, and its interval is not made narrower by the agreement."""
    together = sum_up([1.0, 1.1, 1.05], [0.04, 0.01, 0.04])

    assert (0.0, 0.0) == (together.tau_squared, together.i_squared)
    assert pytest.approx((25 + 110 + 26.25) / 150) == together.mean
    assert pytest.approx(4.302653 / math.sqrt(150)) == together.high - together.mean
    assert together.q_probability > 0.5


def test_studies_without_any_spread_are_no_division_by_zero() -> None:
    """Rounds that agree to the last digit are chance."""
    together = sum_up([0.7, 0.7, 0.7], [0.0, 0.0, 0.0])

    assert pytest.approx(0.7) == together.mean
    assert (0.0, 0.0) == (together.q, together.i_squared)


STUDIES = st.lists(st.tuples(st.floats(-3, 3), st.floats(1e-4, 1)), min_size=3, max_size=12)


# A deadline would make a busy machine a failure; the same examples every time make a failure the code's.
@settings(deadline=None, derandomize=True, max_examples=40)
@given(STUDIES, st.floats(-2, 2))
def test_the_sum_moves_with_its_studies(studies: list[tuple[float, float]], shift: float) -> None:
    """A factor common to all is a factor of the sum, and changes nothing else; the order does not matter."""
    values, variances = [value for value, _ in studies], [variance for _, variance in studies]
    here = sum_up(values, variances)
    there = sum_up([value + shift for value in reversed(values)], variances[::-1])

    assert pytest.approx(here.mean + shift, abs=1e-6) == there.mean
    assert pytest.approx(here.tau_squared, abs=1e-6) == there.tau_squared


@settings(deadline=None, derandomize=True, max_examples=40)
@given(STUDIES)
def test_the_sum_is_within_its_studies(studies: list[tuple[float, float]]) -> None:
    """The mean lies between the least and the most; what one more may show is wider than the mean's interval."""
    values, variances = [value for value, _ in studies], [variance for _, variance in studies]
    together = sum_up(values, variances)

    assert min(values) - 1e-9 <= together.mean <= max(values) + 1e-9
    assert together.low <= together.mean <= together.high
    assert together.predicted_low is not None
    assert together.predicted_low <= together.low + 1e-12
    assert 0 <= together.i_squared < 1
    assert pytest.approx(1.0) == math.fsum(together.weights)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(STUDIES)
def test_the_variance_between_is_where_q_is_as_expected(studies: list[tuple[float, float]]) -> None:
    """That is what Paule and Mandel ask; for equal variances it is the sample's own less theirs."""
    values = [value for value, _ in studies]
    together = sum_up(values, [0.01] * len(values))

    assert pytest.approx(max(0.0, statistics.variance(values) - 0.01), abs=1e-7) == together.tau_squared
