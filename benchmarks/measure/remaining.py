"""Says what of its plan a run still lacks, block by block.

A block's trials stand side by side, in one round and at one time; that is what makes their ratios fair. So a block that
was cut is measured again as a whole: what it had is superseded.
"""

from __future__ import annotations

from benchmarks.errors import RefusedError
from benchmarks.measure import schedule
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.model import Run, Trial

Place = tuple[str, int, int]
"""Workload, round and position: where in its plan a trial stands."""


def calibration_left(run: Run) -> list[ScheduledTrial]:
    """Return the trials of bare servers that are missing or failed: without them the loader's ceiling is not known."""
    there = {trial.contender for trial in run.calibration if trial.failure is None}
    return [scheduled for scheduled in schedule.calibration(run.plan) if scheduled.contender.id not in there]


def blocks_left(run: Run) -> list[list[ScheduledTrial]]:
    """Return the blocks that are not whole, in the order to run them.

    Raises:
        RefusedError: The run has trials elsewhere than in this plan.
    """
    kept = _kept(run)
    return [block for block in schedule.blocks(run.plan) if any(_place(scheduled) not in kept for scheduled in block)]


def cut_trials(run: Run) -> tuple[Trial, ...]:
    """Return the trials of blocks that have some of theirs and lack others.

    Raises:
        RefusedError: The run has trials elsewhere than in this plan.
    """
    lacking = {_place(scheduled) for block in blocks_left(run) for scheduled in block}
    return tuple(trial for trial in run.trials if (trial.workload, trial.round, trial.position) in lacking)


def _kept(run: Run) -> set[Place]:
    planned = {
        _place(scheduled): (scheduled.contender.id, scheduled.placebo) for scheduled in schedule.trials(run.plan)
    }
    kept: set[Place] = set()
    for trial in run.trials:
        place = (trial.workload, trial.round, trial.position)
        if planned.get(place) != (trial.contender, trial.placebo):
            raise RefusedError(
                f"{trial.contender} stands at place {trial.position} of round {trial.round} of {trial.workload}, where "
                "this version of lab has something else: go on with the version that began the run, or begin a new one."
            )
        kept.add(place)
    return kept


def _place(scheduled: ScheduledTrial) -> Place:
    return scheduled.workload.name, scheduled.round, scheduled.position
