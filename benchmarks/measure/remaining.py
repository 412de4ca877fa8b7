"""Finds what a run lacks of its plan, tells how long that takes, and resumes it: on the same machine and software.

A block's trials stand side by side, in one round and at one time; that is what makes their ratios fair. So a block that
was cut is measured again as a whole: its earlier trials are superseded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.contenders import catalogue
from benchmarks.errors import RefusedError
from benchmarks.measure import schedule
from benchmarks.measure.dependencies import DATABASE_FACT
from benchmarks.measure.environment import Fact
from benchmarks.measure.journal import RUN_NAME, Journal, write_run
from benchmarks.measure.load.engine import startup_estimate_s
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.workloads import offer_of
from benchmarks.model import Plan, Run, Trial

MUST_MATCH = (
    *("cpu_model", "logical_cores", "server_cpus", "loader_cpus", "operating_system", "kernel"),
    *("python", "python_implementation", "git_revision", "load_engine_version", "load_workers"),
    DATABASE_FACT,
)
"""Facts, beside the package versions, without which trials of before and after are not comparable."""

_STARTUP_S = 0.6
"""What a trial costs beside its load, seconds: to start a server and to stop it. For the estimate shown, no more."""

_BETWEEN_SLICES_S = 0.025
"""Until nothing is in flight and the next load is up again, seconds. For the estimate too."""

_PACKAGE = "package_"
_SHOWN = 8


def calibration_left(run: Run) -> list[ScheduledTrial]:
    """Return the trials of bare servers that are missing or failed: without them the loader's ceiling is not known."""
    there = {trial.contender for trial in run.calibration if trial.failure is None}
    return [scheduled for scheduled in schedule.calibration(run.plan) if scheduled.contender.id not in there]


def blocks_left(run: Run) -> list[list[ScheduledTrial]]:
    """Return the incomplete blocks, in the order to run them.

    Raises:
        RefusedError: The run has trials that are not in its plan.
    """
    planned = {
        _place(scheduled): (scheduled.contender.id, scheduled.placebo) for scheduled in schedule.trials(run.plan)
    }
    for trial in run.trials:
        if planned.get((trial.workload, trial.round, trial.position)) != (trial.contender, trial.placebo):
            raise RefusedError(
                f"{trial.contender} stands at place {trial.position} of round {trial.round} of {trial.workload}, where "
                "this version of lab has something else: resume with the version that began the run, or begin a new "
                "one."
            )
    kept = {(trial.workload, trial.round, trial.position) for trial in run.trials}
    return [block for block in schedule.blocks(run.plan) if any(_place(scheduled) not in kept for scheduled in block)]


def cut_trials(run: Run) -> tuple[Trial, ...]:
    """Return the trials of incomplete blocks.

    Raises:
        RefusedError: The run has trials that are not in its plan.
    """
    incomplete = {_place(scheduled) for block in blocks_left(run) for scheduled in block}
    return tuple(trial for trial in run.trials if (trial.workload, trial.round, trial.position) in incomplete)


def _place(scheduled: ScheduledTrial) -> tuple[str, int, int]:
    return scheduled.workload.name, scheduled.round, scheduled.position


def trials_left(run: Run) -> list[ScheduledTrial]:
    """Return what a run lacks of its plan."""
    return [*calibration_left(run), *(trial for block in blocks_left(run) for trial in block)]


def estimate_s(plan: Plan, left: Sequence[ScheduledTrial] | None = None) -> float:
    """Return about how long a run will take, or what is left of it, seconds."""
    left = [*schedule.calibration(plan), *schedule.trials(plan)] if left is None else left
    engine_s = startup_estimate_s(plan.engine)
    return sum(estimate_trial_s(trial) + engine_s for trial in left)


def estimate_trial_s(trial: ScheduledTrial) -> float:
    """Return about how long one trial will take, seconds."""
    between_s = trial.load.slices * _BETWEEN_SLICES_S if trial.load.slices > 1 else 0.0
    steady_s = trial.load.warmup_s
    if catalogue.is_serial(trial.contender):
        steady_s = max(steady_s, trial.load.vus * trial.workload.wait_ms_in(trial.contender.variant) / 1000)
    return _STARTUP_S + offer_of(trial.workload).startup_s + steady_s + trial.load.duration_s + between_s


def budget_stop(run: Run, began_s: float | None) -> Callable[[Run], str | None]:
    """Return what says after each round whether another would take longer than the plan's budget.

    Args:
        run: As it begins, or as it is resumed.
        began_s: When its budget began, on the monotonic clock; ``None`` for a resumed one, which has of its budget as
            much as it lacks of its plan.
    """
    plan, now_s = run.plan, time.monotonic()
    if plan.budget_s is None:
        return lambda _run: None
    rounds_before = max((trial.round for trial in run.trials), default=0)
    share = estimate_s(plan, trials_left(run)) / max(1.0, estimate_s(plan))
    ends_s = began_s + plan.budget_s if began_s is not None else now_s + share * plan.budget_s

    def stop(so_far: Run) -> str | None:
        later_s = time.monotonic()
        ended = max(trial.round for trial in so_far.trials)
        if later_s + (later_s - now_s) / max(1, ended - rounds_before) > ends_s:
            return f"Another round would not have fitted into the budget after {ended}."
        return None

    return stop


def reopen(folder: Path, environment: Mapping[str, Fact], resumed_at: str) -> Journal:
    """Open an interrupted run's journal, so that a runner can resume the run.

    Args:
        folder: The run's.
        environment: Facts of this machine and software, now.
        resumed_at: Now, ISO 8601 in UTC.
    Returns:
        The journal. That of a complete run is closed already: there is nothing to do.
    Raises:
        RefusedError: A fact that must match does not, or this version plans differently from the one that began it.
        RunFileError: The journal cannot be read or written, or another process is writing it.
    """
    journal = Journal.reopen(folder)
    try:
        if journal.run.state == "complete":
            journal.close()
            # If the disk was full in the end, there was no room for it.
            if not (folder / RUN_NAME).exists():
                write_run(folder / RUN_NAME, journal.run)
            return journal
        recorded = journal.run.environment
        _check(folder, mismatches(recorded, environment))
        changed = {name: value for name, value in environment.items() if recorded.get(name) != value}
        journal.resume(resumed_at, changed, cut_trials(journal.run))
    except BaseException:
        journal.close()
        raise
    return journal


def _check(folder: Path, found: Sequence[str]) -> None:
    if not found:
        return
    shown = "".join(f"\n  {mismatch}" for mismatch in found[:_SHOWN])
    more = f"\n  and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise RefusedError(
        f"{folder} cannot be resumed here, because its trials would not be comparable:{shown}{more}\n"
        "Bring back what it began with, or begin a new run."
    )


def mismatches(recorded: Mapping[str, Fact], present: Mapping[str, Fact]) -> tuple[str, ...]:
    """Say which facts must match and do not: ``package flask was 3.1.2 and is 3.1.3``.

    A fact that is unknown on one side is no mismatch; a package that is missing on one side is.
    """
    packages = sorted({name for name in (*recorded, *present) if name.startswith(_PACKAGE)})
    found = [
        f"{name.replace('_', ' ')} was {recorded[name]} and is {present[name]}"
        for name in MUST_MATCH
        if recorded.get(name) is not None and present.get(name) is not None and recorded[name] != present[name]
    ]
    # A run that recorded no package at all cannot be compared by them.
    if any(name in recorded for name in packages):
        found += [
            f"package {name.removeprefix(_PACKAGE)} was {recorded.get(name) or 'not there'} and is "
            f"{present.get(name) or 'not there'}"
            for name in packages
            if recorded.get(name) != present.get(name)
        ]
    return tuple(found)
