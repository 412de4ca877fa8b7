"""Shows a run while it goes: what is measured now, what came out, what is left."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks.measure import schedule
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.model import Plan, Trial


class RunProgress:
    """A progress bar on a terminal; one plain line a trial elsewhere.

    Args:
        console: Where to show it.
        plan: What is going to run.
        done: How many of its trials there are already, in a run that is gone on with.
    """

    def __init__(self, console: Console, plan: Plan, done: int = 0) -> None:
        self._console = console
        self._trials = [*schedule.calibration(plan), *schedule.trials(plan)]
        self._under_way: list[ScheduledTrial] = []
        self._ended = done
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("[dim]elapsed"),
            TimeElapsedColumn(),
            TextColumn("[dim]left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("starting", total=len(self._trials), completed=done)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def checking(self, contenders: int) -> None:
        """Show that answers are compared before anything is timed."""
        self._say(f"checking that {contenders} contenders give the same answer")

    def started(self, trial: ScheduledTrial) -> None:
        """Show what is measured now."""
        self._under_way.append(trial)
        several = f"{len(self._under_way)} trials on {trial.contender.server}"
        what = trial.contender.id if len(self._under_way) == 1 else several
        self._progress.update(self._task, description=f"{_stage(trial)}  {what}  {trial.workload.name}")

    def ended(self, scheduled: ScheduledTrial, trial: Trial) -> None:
        """Show what came out."""
        self._under_way.remove(scheduled)
        self._ended += 1
        self._progress.advance(self._task)
        outcome = f"{trial.result.rate_per_s:>10,.0f} req/s" if trial.result else f"{'void':>10}      "
        if trial.load.rate_per_s is not None and trial.result is not None and trial.result.latency is not None:
            outcome += f"  p95 {trial.result.latency.p95_ms:,.3g} ms"
        if trial.failure is not None:
            outcome += f"  void: {trial.failure.splitlines()[0]}"
        placebo = " (again: A/A)" if trial.placebo else ""
        self._say(
            f"{self._ended:>3}/{len(self._trials)}  {_stage(scheduled):<11} {trial.workload:<7} "
            f"{trial.contender + placebo:<42}{outcome}"
        )

    def _say(self, line: str) -> None:
        self._console.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)


def _stage(trial: ScheduledTrial) -> str:
    return f"round {trial.round}" if trial.round else "calibration"
