"""Runs blocks of trials for a script, as a comparison runs them, and takes no void trial for an answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from benchmarks.calibration.frame import NotMeasuredError
from benchmarks.measure.block import run_block
from benchmarks.measure.environment import Cores
from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.model import Contender, LoadProfile, Trial, Workload


def run_trials(
    asked: Sequence[tuple[Contender, Workload]], load: LoadProfile, round_number: int, cores: Cores
) -> list[Trial]:
    """Run trials as one block: side by side, in turns where the load has slices.

    Args:
        asked: Of whom, and what, in the order of their places.
        load: Of each.
        round_number: From 1.
        cores: Which server and loader may use.
    Returns:
        The trials, in the order asked, valid or not.
    """
    block = [
        ScheduledTrial(round_number, position, contender, workload, load)
        for position, (contender, workload) in enumerate(asked, start=1)
    ]
    return run_block(block, BuiltinEngine(), cores, lambda: dt.datetime.now(dt.UTC))


def rate_per_s(trial: Trial) -> float:
    """Return the rate of a trial.

    Raises:
        NotMeasuredError: It failed, or had an error.
    """
    if trial.failure is not None or trial.result is None:
        raise NotMeasuredError(f"{trial.contender}, {trial.workload}: {trial.failure}")
    if trial.result.errors:
        raise NotMeasuredError(f"{trial.contender}, {trial.workload}: errors, {dict(trial.result.errors)}")
    return trial.result.rate_per_s
