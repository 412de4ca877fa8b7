from __future__ import annotations

import math

import pytest
from scipy import integrate, special, stats

from benchmarks.judge.distributions import (
    chi_square_quantile,
    chi_square_tail,
    studentized_range_quantile,
    t_noncentrality,
    t_quantile,
    t_tail,
)

FREEDOMS = (1, 2, 3, 5, 10, 99, 1_000)


@pytest.mark.parametrize("freedom", [*FREEDOMS, 1.0001, 1.7, 7.3])
@pytest.mark.parametrize("probability", [0.6, 0.975, 0.9875, 0.9999])
def test_students_quantile_is_scipys(freedom: float, probability: float) -> None:
    """Also for the degrees of freedom of Welch's interval, which are not whole."""
    assert special.stdtrit(freedom, probability) == pytest.approx(t_quantile(freedom, probability), rel=1e-11)


@pytest.mark.parametrize("freedom", FREEDOMS)
@pytest.mark.parametrize("confidence", [0.95, 0.975])
@pytest.mark.parametrize("probability", [0.05, 0.2, 0.5])
def test_a_noncentral_t_stays_below_as_often_as_was_asked_for(
    freedom: int, confidence: float, probability: float
) -> None:
    """Scipy's probability at the noncentrality that was found is the one that it was looked for with."""
    t = t_quantile(freedom, (1 + confidence) / 2)

    found = stats.nct.cdf(t, freedom, t_noncentrality(freedom, probability, t))

    assert probability == pytest.approx(found, rel=1e-9)


def test_a_noncentral_t_is_the_integral_that_defines_it() -> None:
    """Of a normal over the spread's estimate, where it is steepest: two rounds, and the surer confidence."""
    t = t_quantile(1, 0.9875)
    noncentrality = t_noncentrality(1, 0.05, t)

    def density(spread: float) -> float:
        return float(special.ndtr(t * spread - noncentrality)) * 2 * math.exp(-(spread**2) / 2) / math.sqrt(2 * math.pi)

    below, _ = integrate.quad(density, 0, 12, points=[1, 2, 3], limit=500)

    assert 0.05 == pytest.approx(below, rel=1e-8)


@pytest.mark.parametrize("freedom", FREEDOMS)
@pytest.mark.parametrize("value", [0, 1e-9, 0.5, 3, 50, 1_000, 5_000])
def test_chi_squares_tail_is_scipys(freedom: int, value: float) -> None:
    """Also where nothing is left of it."""
    assert special.chdtrc(freedom, value) == pytest.approx(chi_square_tail(freedom, value), rel=1e-10, abs=1e-300)


@pytest.mark.parametrize("freedom", FREEDOMS)
@pytest.mark.parametrize("tail", [0.05, 0.8, 0.999])
def test_chi_squares_quantile_is_scipys(freedom: int, tail: float) -> None:
    """Of a whole number of degrees of freedom, as those here are."""
    assert special.chdtri(freedom, tail) == pytest.approx(chi_square_quantile(freedom, tail), rel=1e-9)


@pytest.mark.parametrize(("groups", "freedom"), [(2, 1), (3, 200), (10, 4), (45, 30)])
def test_a_studentized_range_is_scipys(groups: int, freedom: int) -> None:
    """As far as its digits decide anything."""
    expected = stats.studentized_range.ppf(0.95, groups, freedom)

    assert pytest.approx(expected, rel=1e-7) == studentized_range_quantile(groups, freedom, 0.95)


@pytest.mark.parametrize(("freedom", "t"), [(1, 0.5), (3, -1.2), (7, 2.4), (30, 4.0), (12, 0.0)])
def test_the_tail_of_students_t_is_scipys(freedom: int, t: float) -> None:
    """Of either sign."""
    assert pytest.approx(float(stats.t.sf(t, freedom)), abs=1e-9) == t_tail(freedom, t)
