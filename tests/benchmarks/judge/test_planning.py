from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.errors import LabError
from benchmarks.judge.planning import (
    FEWEST_ROUNDS,
    MOST_ROUNDS,
    MOST_ROUNDS_TOLD,
    check,
    detectable_difference,
    rounds_to_detect,
    size,
    size_by_pilot,
    spread_at,
    spread_of,
    wait_rounds,
)
from benchmarks.model import Run, Trial

repeatable = settings(deadline=None, derandomize=True, max_examples=40)
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
    """They detect the difference, and one fewer do not; a number that nobody waits for is not told."""
    rounds = rounds_to_detect(spread, difference)

    if rounds is None:
        assert detectable_difference(spread, MOST_ROUNDS_TOLD) > difference
    else:
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
    seen = spread_of([math.e, 1.0, 1 / math.e])

    assert 1.0 == pytest.approx(seen.value)
    assert 3 == seen.samples


def test_a_spread_from_few_rounds_is_not_believed() -> None:
    """Its upper bound is larger, and the larger the fewer they were."""
    few, many = (spread_of([1.0, math.e] * pairs) for pairs in (2, 50))

    assert (few.high or 0) / few.value > (many.high or 0) / many.value > 1


def test_the_upper_bound_of_a_spread_is_exceeded_in_one_pilot_of_five() -> None:
    """The true spread of made-up pilots is at most the upper bound in 80 % of them."""
    generator = np.random.default_rng(20261124)
    pilots = np.exp(generator.normal(0.0, 0.05, size=(2_000, 6))).tolist()

    assured = np.mean([(spread_of(ratios).high or 0) >= 0.05 for ratios in pilots])

    assert 0.8 == pytest.approx(float(assured), abs=0.02)


def takes_s(rounds: int, duration_s: float) -> float:
    """Return how long a run takes whose rounds have ten trials of a second's start each."""
    return 10 + rounds * 10 * (1 + duration_s)


@repeatable
@given(st.floats(min_value=100, max_value=3_600), st.floats(min_value=0.005, max_value=0.2))
def test_a_sizing_keeps_to_its_budget(budget_s: float, spread: float) -> None:
    """It takes no longer than there is time, has rounds enough, and promises what its spread allows."""
    sizing = size(budget_s, spread, 0.7, takes_s)

    assert takes_s(sizing.rounds, sizing.duration_s) <= budget_s
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

    sizing = size_by_pilot(make_run(trials), 600, takes_s, spent_s=30.0)

    assert 0.005 < sizing.spread < 0.02
    assert size(600, sizing.spread, 0.7, takes_s, spent_s=30.0).difference < sizing.difference


def test_a_pilot_of_one_round_is_of_no_use(make_run: Callable[..., Run], make_trial: Callable[..., Trial]) -> None:
    """One round has no spread."""
    run = make_run([make_trial(), make_trial(placebo=True)])

    with pytest.raises(LabError, match="too few valid rounds"):
        size_by_pilot(run, 600, takes_s, spent_s=0.0)
