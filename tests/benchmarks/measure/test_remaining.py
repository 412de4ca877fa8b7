from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable

import pytest

from benchmarks.contenders import catalogue
from benchmarks.errors import RefusedError
from benchmarks.measure import schedule
from benchmarks.measure.remaining import blocks_left, budget_stop, calibration_left, cut_trials, estimate_s, trials_left
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.model import Plan, Run, Trial

PLAN = schedule.plan("quick", catalogue.select(["flask-*@hypercorn", "fastapi-*"]), seed=7, rounds=2)


def ended(scheduled: ScheduledTrial, failure: str | None = None) -> Trial:
    """Return the trial that came of a scheduled one."""
    return Trial(
        round=scheduled.round,
        position=scheduled.position,
        contender=scheduled.contender.id,
        workload=scheduled.workload.name,
        placebo=scheduled.placebo,
        started_at="t",
        load=scheduled.load,
        result=None,
        observation=None,
        failure=failure,
    )


def run_of(trials: Iterable[Trial], calibration: Iterable[Trial] = (), plan: Plan = PLAN) -> Run:
    """Return a cut run of these trials."""
    return Run(
        name="cut",
        state="interrupted",
        started_at="t",
        finished_at=None,
        plan=plan,
        environment={},
        calibration=tuple(calibration),
        trials=tuple(trials),
    )


def test_a_run_that_has_only_begun_lacks_every_block() -> None:
    """They are in the order of the plan."""
    assert list(schedule.blocks(PLAN)) == blocks_left(run_of([]))
    assert list(schedule.calibration(PLAN)) == calibration_left(run_of([]))


def test_a_whole_run_lacks_nothing() -> None:
    """A void trial is not repeated."""
    run = run_of(
        [ended(scheduled, failure="died") for scheduled in schedule.trials(PLAN)],
        [ended(scheduled) for scheduled in schedule.calibration(PLAN)],
    )

    assert [] == blocks_left(run)
    assert [] == calibration_left(run)
    assert () == cut_trials(run)


def test_wherever_a_run_is_cut_whole_blocks_stay_and_the_cut_one_is_run_again() -> None:
    """Trials that are compared are measured at one time; only those of the cut block are repeated."""
    blocks = list(schedule.blocks(PLAN))
    everything = [ended(scheduled) for block in blocks for scheduled in block]
    ends = list(itertools.accumulate(len(block) for block in blocks))
    assert any(len(block) > 2 for block in blocks)

    for count in range(len(everything) + 1):
        run = run_of(everything[:count])
        whole = sum(end <= count for end in ends)
        kept = ends[whole - 1] if whole else 0

        assert blocks[whole:] == blocks_left(run)
        assert tuple(everything[kept:count]) == cut_trials(run)


def test_a_failed_calibration_is_tried_again() -> None:
    """Without the ceiling no verdict would stand."""
    first, second = schedule.calibration(PLAN)

    assert [first] == calibration_left(run_of([], [ended(first, failure="died"), ended(second)]))


@pytest.mark.parametrize(
    "change", [{"contender": "flask-sync@hypercorn+asgiref"}, {"placebo": True}, {"position": 99}, {"round": 3}]
)
def test_a_run_with_trials_in_another_order_is_not_resumed(change: dict[str, object]) -> None:
    """A version that shuffles differently would pair trials of different blocks."""
    first = next(scheduled for scheduled in schedule.trials(PLAN) if not scheduled.placebo)

    with pytest.raises(RefusedError, match="the version that began the run"):
        blocks_left(run_of([dataclasses.replace(ended(first), **change)]))  # type: ignore[arg-type] # its own fields


def test_a_run_without_a_budget_is_never_out_of_time() -> None:
    """And what is left of one that has just begun is all of it."""
    run = run_of([])

    assert budget_stop(run, None)(run) is None
    assert [*schedule.calibration(PLAN), *schedule.trials(PLAN)] == trials_left(run)
    assert estimate_s(PLAN) == estimate_s(PLAN, trials_left(run)) > 0
