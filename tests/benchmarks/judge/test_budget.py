from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.errors import LabError
from benchmarks.judge.budget import FEWEST_ROUNDS, MOST_ROUNDS, check, size, spread_at
from benchmarks.judge.power import detectable_difference

repeatable = settings(deadline=None, derandomize=True)


def takes_s(rounds: int, duration_s: float) -> float:
    """Return how long a run takes whose rounds have ten trials of a second's start each."""
    return 10 + rounds * 10 * (1 + duration_s)


@repeatable
@given(st.floats(min_value=100, max_value=3_600), st.floats(min_value=0.005, max_value=0.2))
def test_a_sizing_keeps_to_its_budget(budget_s: float, spread: float) -> None:
    """It takes no longer than there is time, has rounds enough, and promises what its spread allows."""
    sizing = size(budget_s, spread, 0.7, takes_s)

    assert sizing.takes_s <= budget_s
    assert takes_s(sizing.rounds, sizing.duration_s) == sizing.takes_s
    assert FEWEST_ROUNDS <= sizing.rounds <= MOST_ROUNDS
    assert detectable_difference(spread_at(sizing.duration_s, spread, 0.7), sizing.rounds) == sizing.difference


@repeatable
@given(st.floats(min_value=100, max_value=1_800), st.floats(min_value=0.005, max_value=0.2))
def test_more_time_never_shows_less(budget_s: float, spread: float) -> None:
    """What fits into the smaller budget fits into the larger."""
    assert size(2 * budget_s, spread, 0.7, takes_s).difference <= size(budget_s, spread, 0.7, takes_s).difference


def test_a_little_more_than_the_least_is_enough() -> None:
    """The shortest trials, as many as it takes."""
    sizing = size(takes_s(FEWEST_ROUNDS, 0.5), 0.05, 0.7, takes_s)

    assert (FEWEST_ROUNDS, 0.5) == (sizing.rounds, sizing.duration_s)


def test_too_little_time_is_an_error_that_says_how_much_it_takes() -> None:
    """And what else would help."""
    with pytest.raises(LabError, match=r"about 85 s\. Give more time, or name fewer contenders"):
        size(60.0, 0.05, 0.7, takes_s)


def test_a_budget_for_no_comparison_is_refused_before_its_pilot() -> None:
    """Pilot and the shortest trials have to fit in; a moment more than they take is enough."""
    least_s = 20.0 + takes_s(FEWEST_ROUNDS, 0.5)

    check(least_s, 20.0, takes_s)
    with pytest.raises(LabError, match=rf"about {math.ceil(least_s)} s\. Give more time"):
        check(least_s - 1, 20.0, takes_s)


@repeatable
@given(st.floats(min_value=0.001, max_value=0.3), st.floats(min_value=0.5, max_value=30))
def test_longer_trials_vary_less_but_not_without_end(spread: float, duration_s: float) -> None:
    """What differs between two starts of a server stays."""
    assert spread == pytest.approx(spread_at(0.5, spread, 0.5))
    assert spread_at(duration_s, spread, 0.5) <= spread * (1 + 1e-9)
    assert spread_at(1e9, spread, 0.5) >= min(spread, 0.015) * (1 - 1e-9)
