from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import pytest

from benchmarks.judge.atlas import Atlas
from benchmarks.judge.exploration import (
    COARSE,
    FINE,
    LARGEST_SHARE,
    REPEAT_EVERY,
    farthest_first,
    load_s,
    next_place,
)
from benchmarks.model import Place, Run, Trial

Sweep = Callable[..., Run]
COARSE_VISITS = tuple((place, 6.0) for place in COARSE)


@pytest.fixture(scope="module")
def empty(make_sweep: Sweep) -> Run:
    """A sweep that has just begun."""
    return make_sweep([(place.wait_ms, int(place.connections)) for place in FINE], visits=0)


@pytest.fixture(scope="module")
def measured(make_sweep: Sweep) -> Run:
    """A sweep that was at every place of the coarse grid."""
    return make_sweep()


def chosen(
    run: Run, elapsed_s: float, visits: Sequence[tuple[Place, float]] = (), budget_s: float = 600.0
) -> Place | None:
    """Choose the next place of a sweep of ten minutes, unless told otherwise."""
    return next_place(run, budget_s, elapsed_s, visits)


def test_the_farthest_comes_first() -> None:
    """Each place once; the second is the corner across, and soon every corner was seen."""
    order = list(farthest_first(COARSE))

    assert sorted(COARSE) == sorted(order)
    assert [Place(0, 1), Place(100, 500)] == order[:2]
    assert {Place(0, 500), Place(100, 1)} == set(order[2:4])


def test_the_coarse_grid_comes_first(empty: Run, measured: Run) -> None:
    """From nothing known at all to its last place."""
    assert Place(0, 1) == chosen(empty, 5)

    order = list(farthest_first(COARSE))
    for number in (1, 12, len(COARSE) - 1):
        visits = tuple((place, 5.0) for place in order[:number])
        assert order[number] == chosen(measured, 10 + 5 * number, visits)
    assert chosen(measured, 150, tuple((place, 5.0) for place in order)) in FINE


def test_the_coarse_grid_gets_half_of_the_time_at_most(make_sweep: Sweep) -> None:
    """A short sweep goes on to where the map is least sure."""
    run = make_sweep([(0, 1), (100, 500), (100, 1), (0, 500), (5, 20)])
    visits = tuple((place, 6.0) for place in (Place(0, 1), Place(100, 500), Place(100, 1), Place(0, 500), Place(5, 20)))

    assert chosen(run, 299, visits[:3]) in COARSE
    # The sixth visit goes back: to the cheapest place.
    assert chosen(run, 301, visits) in {place for place, _ in visits}
    assert chosen(run, 301, (*visits, (Place(0, 1), 6.0))) not in {place for place, _ in visits}


def test_time_that_is_up_ends_it(empty: Run, measured: Run) -> None:
    """A visit that would end late by more than 3 % is not begun."""
    assert chosen(measured, 590, COARSE_VISITS) is not None
    assert chosen(measured, 616, COARSE_VISITS) is None
    assert chosen(empty, 617) is None


def test_a_short_sweep_visits_what_it_can(empty: Run) -> None:
    """A visit that is more than a fifth of the time is made if it is a cheap one."""
    assert Place(0, 1) == chosen(empty, 5, budget_s=30.0)


def test_a_sweep_of_which_nothing_counts_tries_the_coarse_grid_and_ends(empty: Run) -> None:
    """There is nothing to learn from."""
    assert chosen(empty, 100, COARSE_VISITS) is None


def test_no_visit_takes_too_much_of_the_time(measured: Run) -> None:
    """Where all connections take ten seconds to be answered, a short sweep does not go."""
    visits: list[tuple[Place, float]] = []
    # The dearest places are among the first that the order would have.
    for number in range(6):
        place = chosen(measured, 10 + number, visits, budget_s=100.0)
        assert place is not None
        visits.append((place, 5.0))

    foreseen = load_s(measured, Atlas(measured), [place for place, _ in visits])
    assert foreseen.max() <= LARGEST_SHARE * 100


def test_what_is_foreseen_of_a_visit_is_its_warm_up_until_all_were_answered(measured: Run) -> None:
    """Six threads and 100 ms: 500 connections take 8.3 s, twice; the loops are done at once."""
    slow, quick = load_s(measured, Atlas(measured), [Place(100, 500), Place(0, 1)])

    assert 2 * 500 / 60 + 0.2 + 0.2 + 4 * 0.5 == pytest.approx(slow, rel=0.1)
    assert 4 * 0.7 == pytest.approx(quick)
    # Before anything is known, the worst is feared, but a trial gives up after ten seconds.
    assert 4 * 10.7 == pytest.approx(load_s(measured, None, [Place(100, 500)])[0])


def test_who_gave_up_takes_no_time(make_sweep: Sweep) -> None:
    """It is not asked again at a place as hard."""

    def give_up(trial: Trial) -> Trial:
        assert trial.result is not None
        if trial.contender != "flask-sync@hypercorn" or trial.load.vus < 500:
            return trial
        return dataclasses.replace(trial, result=dataclasses.replace(trial.result, completed=0, errors={"timeout": 1}))

    run = make_sweep(change=give_up)

    assert 500 / 60 + 0.2 + 4 * 0.5 == pytest.approx(load_s(run, Atlas(run), [Place(100, 500)])[0], rel=0.1)


def test_nobody_goes_where_everybody_gave_up(make_sweep: Sweep) -> None:
    """Such a visit would take no time, and the sweep would never end."""

    def give_up(trial: Trial) -> Trial:
        assert trial.result is not None
        if trial.load.vus == 1:
            return trial
        return dataclasses.replace(trial, result=dataclasses.replace(trial.result, completed=0, errors={"timeout": 1}))

    place = chosen(make_sweep(change=give_up), 320, COARSE_VISITS)

    assert place is not None
    assert place.connections < 5


def test_one_visit_of_six_goes_back_to_a_place_seen_once(measured: Run) -> None:
    """That is what tells the noise; when all were seen twice there is nothing to go back to."""
    visits = (*COARSE_VISITS, *COARSE_VISITS[:4])
    assert REPEAT_EVERY - 1 == len(visits) % REPEAT_EVERY

    again = chosen(measured, 320, visits)
    assert again in COARSE
    assert again not in {place for place, _ in COARSE_VISITS[:4]}

    twice = (*COARSE_VISITS, *COARSE_VISITS, *COARSE_VISITS[:3])
    assert REPEAT_EVERY - 1 == len(twice) % REPEAT_EVERY
    assert chosen(measured, 320, twice) is not None


def test_doubt_is_where_the_sign_changes(make_sweep: Sweep) -> None:
    """With two contenders that cross between 5 and 20 connections, the next places are on the way."""
    twins = [("flask-sync@hypercorn", 6), ("flask-async@hypercorn+eventloop", None)]
    run = make_sweep(visits=2, noise=0.05)
    kept = {name for name, _ in twins}
    run = dataclasses.replace(
        run,
        plan=dataclasses.replace(run.plan, contenders=tuple(c for c in run.plan.contenders if c.id in kept)),
        trials=tuple(trial for trial in run.trials if trial.contender in kept),
    )

    place = chosen(run, 320, COARSE_VISITS)

    assert place is not None
    assert place.connections <= 50


def test_a_theory_that_is_off_draws_visits(make_sweep: Sweep) -> None:
    """What theory does not explain is looked at, where nobody has."""
    off = make_sweep(visits=2, factor=lambda name, _wait, number: 0.4 if "async" in name and number >= 100 else 1.0)

    assert chosen(off, 320, COARSE_VISITS) is not None


@pytest.mark.parametrize("budget_s", [60.0, 180.0])
def test_a_sweep_ends_within_its_time(make_sweep: Sweep, empty: Run, measured: Run, budget_s: float) -> None:
    """Give or take a tenth, on servers that do what theory allows and start in a second, more or less."""
    atlas = Atlas(measured)
    run, elapsed_s = empty, 5.0
    visits: list[tuple[Place, float]] = []

    while (place := chosen(run, elapsed_s, tuple(visits), budget_s)) is not None:
        took_s = float(load_s(empty, atlas, [place])[0]) + 4 * (0.9 + 0.2 * (len(visits) % 3))
        elapsed_s += took_s
        visits.append((place, took_s))
        seen = make_sweep([(place.wait_ms, int(place.connections))]).trials
        seen = tuple(dataclasses.replace(trial, round=len(visits)) for trial in seen)
        run = dataclasses.replace(run, trials=(*run.trials, *seen))

    assert 0.9 * budget_s <= elapsed_s <= 1.1 * budget_s
    assert len({place for place, _ in visits}) > 0.6 * len(visits)
