from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable

from rich.console import Console

from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.model import Place, Run, Trial
from benchmarks.report.progress import SweepProgress

Sweep = Callable[..., Run]


def test_progress_is_a_line_a_visit_with_what_is_left(make_sweep: Sweep) -> None:
    """Where there is no terminal; void trials are told as such."""
    run = make_sweep([(5, 20)])
    output, now = io.StringIO(), [0.0]
    failed = dataclasses.replace(run.trials[0], failure="it died")

    with SweepProgress(Console(file=output, width=200), 600.0, lambda: now[0]) as progress:
        progress.checking(4)
        for contender, trial in zip(run.plan.contenders, (failed, *run.trials[1:]), strict=True):
            scheduled = _scheduled(run, contender.id, trial)
            progress.started(scheduled)
            progress.ended(scheduled, trial)
            if trial is failed:
                # That was the calibration's; a visit begins.
                progress.visiting(Place(5, 20), 5.0)
                progress.started(scheduled)
                progress.ended(scheduled, trial)
            now[0] += 30.0
    told = output.getvalue()

    assert "checking that 4 contenders give the same answer" in told
    assert "1  left 8:00  5 ms, 20 connections" in told
    assert "flask-sync@hypercorn void" in told
    assert "fastapi-async@uvicorn 3,810" in told


def _scheduled(run: Run, contender: str, trial: Trial) -> ScheduledTrial:
    (chosen,) = [each for each in run.plan.contenders if each.id == contender]
    return ScheduledTrial(trial.round, trial.position, chosen, run.plan.workloads[0], trial.load)
