from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.errors import LabError
from benchmarks.judge.budget import FEWEST_ROUNDS, MOST_ROUNDS, check, size, size_by_pilot, spread_at, wait_rounds
from benchmarks.judge.power import detectable_difference
from benchmarks.model import Run, Trial

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


def test_what_waits_takes_half_of_the_rounds_and_no_fewer_than_can_be_judged() -> None:
    """A run that stops at a precision looks from its fifth round on."""
    assert (10, 3) == (wait_rounds(20, precision=None), wait_rounds(4, precision=None))
    assert FEWEST_ROUNDS == wait_rounds(4, precision=0.03)


def test_a_pilot_shows_the_spread_to_plan_by(make_run: Callable[..., Run], make_trial: Callable[..., Trial]) -> None:
    """From the rounds in which one contender ran twice; what was promised rests on a cautious spread."""
    trials = [
        make_trial(rate=rate, round=number, placebo=placebo, duration_s=0.7, loader_cpu_s=0.1)
        for number, pair in enumerate(((1_000, 1_010), (1_000, 985), (1_000, 1_005)), start=1)
        for rate, placebo in zip(pair, (False, True), strict=True)
    ]

    sizing = size_by_pilot(make_run(trials), 600, takes_s, spent_s=lambda: 30.0)

    assert sizing.spread is not None
    assert 0.005 < sizing.spread < 0.02
    assert size(600, sizing.spread, 0.7, takes_s, spent_s=30.0).difference < sizing.difference


def test_a_pilot_of_one_round_is_of_no_use(make_run: Callable[..., Run], make_trial: Callable[..., Trial]) -> None:
    """One round has no spread."""
    run = make_run([make_trial(), make_trial(placebo=True)])

    with pytest.raises(LabError, match="too few valid rounds"):
        size_by_pilot(run, 600, takes_s, spent_s=lambda: 0.0)
