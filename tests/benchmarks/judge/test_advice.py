from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from benchmarks.judge.advice import Advice, advise
from benchmarks.judge.crossover import Choice
from benchmarks.model import Place, Run, Trial

Sweep = Callable[..., Run]
DEF, LOOP, FASTAPI = "flask-sync@hypercorn", "flask-async@hypercorn+eventloop", "fastapi-async@uvicorn"


def choice(advice: Advice, contender: str) -> Choice:
    """Return what is expected of one contender."""
    (found,) = [each for each in advice.choices if each.contender == contender]
    return found


@pytest.fixture(scope="module")
def kept(make_sweep: Sweep) -> Run:
    """A map of servers that do what the theory allows, with 1 % of noise."""
    return make_sweep(visits=2, noise=0.01)


def test_waiting_with_many_connections_is_for_async(kept: Run) -> None:
    """20 ms and 200 connections: six threads do 300 a second, the loop does what its CPU allows."""
    advice = advise(kept, Place(20, 200))

    flask, fastapi = advice.answers
    assert ("flask", LOOP, DEF, "faster") == (flask.framework, flask.above, flask.below, flask.standing)
    assert flask.rate is not None
    assert (1e6 / 290) / 300 == pytest.approx(flask.rate.value, rel=0.1)
    assert ("fastapi", FASTAPI, "", None) == (fastapi.framework, fastapi.above, fastapi.below, fastapi.rate)
    assert "refused" == fastapi.standing
    assert {"flask"} == set(advice.boundaries)
    assert ("threads", "cpu") == (choice(advice, DEF).bound, choice(advice, LOOP).bound)
    assert FASTAPI == advice.choices[0].contender
    assert not advice.predicted


def test_one_connection_makes_no_difference(make_sweep: Sweep) -> None:
    """Nobody queues, so nothing is won."""
    advice = advise(make_sweep(visits=6, noise=0.002), Place(100, 1))

    assert "equal" == advice.answers[0].standing
    assert "measured" == advice.basis


def test_the_answer_has_its_boundary(kept: Run) -> None:
    """From how many connections on it is so; not where a prediction was asked for, or there is but one number."""
    flask = advise(kept, Place(100, 200)).boundaries["flask"]
    assert 5 < (flask.begins or 0) < 8

    for predicted in (
        advise(kept, Place(100, 200), cores=2),
        advise(kept, Place(100, 200), threads=8),
        advise(kept, Place(100, 9000)),
    ):
        assert {} == predicted.boundaries


def test_one_number_of_connections_has_no_boundary(make_sweep: Sweep) -> None:
    """There is no line to draw through one column."""
    assert {} == advise(make_sweep([(5, 20), (20, 20)]), Place(10, 20)).boundaries


@pytest.mark.parametrize(
    ("wait_ms", "connections", "basis"),
    [(20, 20, "measured"), (13, 77, "between"), (200, 20, "outside"), (20, 5000, "outside")],
)
def test_what_it_rests_on_is_said(kept: Run, wait_ms: float, connections: int, basis: str) -> None:
    """Measured, between measured places, or outside of all; the last is a prediction and less sure."""
    advice = advise(kept, Place(wait_ms, connections))

    assert (basis, basis == "outside") == (advice.basis, advice.predicted)


def test_outside_the_map_the_theory_answers(kept: Run) -> None:
    """A second of waiting and six threads are six a second."""
    found = choice(advise(kept, Place(1000, 500)), DEF)

    assert 6.0 == pytest.approx(found.rate.value, rel=0.1)
    assert found.rate.low is not None
    assert found.rate.low < 6.0 < (found.rate.high or 0)


def test_threads_move_the_bound_of_who_holds_them(kept: Run) -> None:
    """Ten instead of six: 500 a second by theory. An event loop holds none, so nothing changes."""
    before, after = (advise(kept, Place(20, 200), threads=threads) for threads in (None, 10))

    assert 500.0 == pytest.approx(choice(after, DEF).rate.value, rel=0.05)
    assert (False, True) == (choice(before, DEF).by_theory, choice(after, DEF).by_theory)
    assert choice(before, LOOP) == choice(after, LOOP)
    assert 10 == after.capacities[DEF].threads


def test_threads_without_end_leave_the_other_bounds(kept: Run) -> None:
    """A thousand threads: then the CPU binds, and def is as good as its request is cheap."""
    found = choice(advise(kept, Place(20, 200), threads=1000), DEF)

    assert "cpu" == found.bound
    assert 1e6 / 450 == pytest.approx(found.rate.value, rel=0.1)


def test_more_cores_are_so_many_processes_that_share_the_connections(kept: Run) -> None:
    """Eight times one process with 25 connections: a prediction."""
    advice = advise(kept, Place(20, 200), cores=8)

    assert (Place(20, 25.0), 8, True) == (advice.place, advice.processes, advice.predicted)
    assert 8 * 300 == pytest.approx(choice(advice, DEF).rate.value, rel=0.1)
    assert 8 * 25 / 0.02025 == pytest.approx(choice(advice, FASTAPI).rate.value, rel=0.1)
    assert 8 * 300 == pytest.approx(choice(advice, DEF).theory_per_s)
    assert choice(advice, DEF).by_theory


def test_a_process_without_a_connection_does_nothing(kept: Run) -> None:
    """Two connections keep two cores busy at most, of however many."""
    assert 2 == advise(kept, Place(20, 2), cores=64).processes


def test_who_gave_up_comes_last(make_sweep: Sweep) -> None:
    """Whatever the theory says of it."""

    def give_up(trial: Trial) -> Trial:
        assert trial.result is not None
        if trial.contender != FASTAPI or trial.load.vus < 20:
            return trial
        return dataclasses.replace(trial, result=dataclasses.replace(trial.result, completed=0, errors={"timeout": 1}))

    advice = advise(make_sweep(change=give_up), Place(20, 200))

    assert (FASTAPI, True) == (advice.choices[-1].contender, advice.choices[-1].gave_up)


def test_a_map_of_def_alone_has_no_async_to_offer(kept: Run) -> None:
    """The answer names what there is."""
    only = dataclasses.replace(kept, trials=tuple(trial for trial in kept.trials if trial.contender == DEF))
    (answer,) = advise(only, Place(20, 20)).answers

    assert ("", DEF, None) == (answer.above, answer.below, answer.rate)
