from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.judge.power import Spread, detectable_difference, rounds_to_detect, spread_of
from benchmarks.judge.statistics import SampleError

repeatable = settings(deadline=None, derandomize=True)
spreads = st.floats(min_value=0.001, max_value=0.3)


def found_in(spread: float, rounds: int, difference: float, runs: int = 20_000) -> float:
    """Return in which share of made-up runs the interval leaves 1 out, with a true difference."""
    generator = np.random.default_rng(20261124)
    logarithms = generator.normal(math.log1p(difference), spread, size=(runs, rounds))
    mean, deviation = logarithms.mean(axis=1), logarithms.std(axis=1, ddof=1)
    reach = {5: 2.776445, 7: 2.446912, 12: 2.200985}[rounds] * deviation / math.sqrt(rounds)
    return float((mean - reach > 0).mean())


@pytest.mark.parametrize(("spread", "rounds"), [(0.05, 5), (0.02, 7), (0.1, 12)])
def test_the_promised_difference_is_found_as_often_as_promised(spread: float, rounds: int) -> None:
    """Made-up runs with a true difference of that size show it in four of five."""
    assert 0.8 == pytest.approx(found_in(spread, rounds, detectable_difference(spread, rounds)), abs=0.01)


@repeatable
@given(spreads, st.integers(min_value=2, max_value=60))
def test_more_rounds_show_smaller_differences(spread: float, rounds: int) -> None:
    """The smallest difference shrinks with every round."""
    assert detectable_difference(spread, rounds + 1) < detectable_difference(spread, rounds)


@repeatable
@given(spreads, st.floats(min_value=0.01, max_value=0.5))
def test_the_rounds_needed_are_the_fewest(spread: float, difference: float) -> None:
    """So many show the difference, and one fewer do not."""
    rounds = rounds_to_detect(spread, difference, at_most=100_000)

    assert rounds is not None
    assert detectable_difference(spread, rounds) <= difference
    assert rounds == 2 or detectable_difference(spread, rounds - 1) > difference


def test_what_no_number_of_rounds_shows_is_none() -> None:
    """Rather than a number nobody will wait for."""
    assert rounds_to_detect(0.3, 0.001) is None


@pytest.mark.parametrize("rounds", [0, 1])
def test_one_round_shows_nothing(rounds: int) -> None:
    """It has no interval."""
    assert math.inf == detectable_difference(0.05, rounds)


def test_a_wild_machine_is_not_an_overflow() -> None:
    """A spread beyond all reason gives a very large number."""
    assert 1e300 < detectable_difference(1e6, 2) < math.inf


def test_the_spread_is_of_the_logarithms_of_the_ratios() -> None:
    """Ratios of e, 1 and 1/e differ by 1."""
    seen = spread_of([math.e, 1.0, 1.0], [1.0, 1.0, math.e])

    assert 1.0 == pytest.approx(seen.value)
    assert 3 == seen.rounds


def test_a_spread_from_few_rounds_is_not_believed() -> None:
    """The cautious one is larger, and the larger the fewer they were."""
    few, many = Spread(value=0.05, rounds=3), Spread(value=0.05, rounds=100)

    assert few.cautious > many.cautious > 0.05


def test_the_cautious_spread_is_exceeded_in_one_pilot_of_five() -> None:
    """The true spread of made-up pilots is at most the cautious one in 80 % of them."""
    generator = np.random.default_rng(20261124)
    deviations = generator.normal(0.0, 0.05, size=(4_000, 6)).std(axis=1, ddof=1)

    assured = np.mean([Spread(value=float(seen), rounds=6).cautious >= 0.05 for seen in deviations])

    assert 0.8 == pytest.approx(float(assured), abs=0.02)


@pytest.mark.parametrize(
    ("above", "below", "told"),
    [([1.0], [1.0], "two at least"), ([], [], "two at least"), ([1.0, 0.0], [1.0, 1.0], "above 0")],
)
def test_what_has_no_spread_is_refused(above: list[float], below: list[float], told: str) -> None:
    """One round, none, or a rate of nothing."""
    with pytest.raises(SampleError, match=told):
        spread_of(above, below)
