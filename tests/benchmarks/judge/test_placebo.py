from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import pytest

from benchmarks.judge.evidence import Evidence
from benchmarks.model import Run, Trial


@pytest.fixture
def placebo(make_run: Callable[..., Run], make_trial: Callable[..., Trial]) -> Callable[..., Evidence]:
    """Judge the rates of a placebo's second trials, whose first ones reached 1,000 a second."""

    def judge(second: Sequence[float], margin: float = 0.05, workload: str = "health") -> Evidence:
        trials = []
        for number, rate in enumerate(second):
            trials.append(make_trial("fastapi-async@uvicorn", rate, number, placebo=True, workload=workload))
            trials.append(make_trial("fastapi-async@uvicorn", 1000.0, number, workload=workload))
            trials.append(make_trial("fastapi-async@uvicorn", 10.0, number, workload="other"))
        run = make_run(trials)
        return Evidence(dataclasses.replace(run, plan=dataclasses.replace(run.plan, margin=margin)))

    return judge


def test_the_same_thing_twice_comes_out_equal(placebo: Callable[..., Evidence]) -> None:
    """The whole interval inside the margin needs no word."""
    judged = placebo([1000.0, 1005.0, 995.0])

    assert judged.placebo is not None
    assert 3 == judged.placebo.samples
    assert 1.0 == pytest.approx(judged.placebo.value, abs=1e-4)
    assert judged.placebo_failed is None
    assert judged.placebo_note is None


def test_a_difference_that_is_seen_and_matters_fails(placebo: Callable[..., Evidence]) -> None:
    """The message says how far, and what to do."""
    judged = placebo([900.0, 905.0, 895.0])

    assert judged.placebo_failed is not None
    assert judged.placebo_failed.startswith(
        "The A/A comparison failed: fastapi-async@uvicorn against itself came out 0.90 × [0.89, 0.91], outside ±5 %"
    )
    assert "stop what else runs on this machine and run again" in judged.placebo_failed


@pytest.mark.parametrize("second", [[1100.0, 1101.0], [1060.0, 1061.0, 1062.0], [940.0, 941.0, 942.0]])
def test_two_rounds_are_enough_to_fail_either_way(placebo: Callable[..., Evidence], second: list[float]) -> None:
    """Faster the second time is as bad as slower."""
    assert placebo(second).placebo_failed is not None


def test_a_wider_margin_lets_the_same_difference_pass(placebo: Callable[..., Evidence]) -> None:
    """What matters is what the reader chose."""
    judged = placebo([900.0, 905.0, 895.0], margin=0.2)

    assert (None, None) == (judged.placebo_failed, judged.placebo_note)
    assert judged.placebo == placebo([900.0, 905.0, 895.0]).placebo


@pytest.mark.parametrize("second", [[800.0, 1000.0, 900.0], [951.0, 956.0, 949.0, 960.0]])
def test_a_difference_in_doubt_is_noted(placebo: Callable[..., Evidence], second: list[float]) -> None:
    """An interval that leaves the margin, around 1 or with its middle inside, withholds nothing and is told."""
    judged = placebo(second)

    assert judged.placebo_failed is None
    assert judged.placebo_note is not None
    assert "equality within ±5 % is not shown" in judged.placebo_note


def test_one_round_is_not_judged(placebo: Callable[..., Evidence]) -> None:
    """It is told, with its ratio."""
    judged = placebo([500.0])

    assert judged.placebo_failed is None
    assert (
        "A/A was not judged: fastapi-async@uvicorn against itself came out 0.50 × in one round, and it takes 2."
        == judged.placebo_note
    )


def test_placebos_pair_under_their_own_workload(placebo: Callable[..., Evidence]) -> None:
    """A workload's placebo has nothing to do with another's trials."""
    judged = placebo([1000.0, 1000.0], workload="wait")

    assert judged.placebo is not None
    assert 1.0 == judged.placebo.value


def test_a_run_without_a_placebo_says_so(make_run: Callable[..., Run], make_trial: Callable[..., Trial]) -> None:
    """A placebo without its first trial is none either."""
    for trials in ([], [make_trial()], [make_trial(placebo=True)]):
        judged = Evidence(make_run(trials))

        assert judged.placebo is None
        assert judged.placebo_note is not None
        assert "No A/A comparison was run" in judged.placebo_note
