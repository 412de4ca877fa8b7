"""Shows the progress of a run or a sweep: what is measured now, the results so far, the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from benchmarks.measure import schedule
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.model import Place, Plan, Trial
from benchmarks.report.plain_text import shorten
from benchmarks.report.words import at_place

_AGAIN: Final = " (again: A/A)"
_REST_OF_LINE: Final = "/  calibration       100,000 req/s"
_LEAST_ROOM: Final = 24
"""Characters of a line that its names have on the narrowest of terminals."""


class _Shown(Progress):
    """A progress bar, on a terminal; and plain lines, everywhere."""

    def __init__(self, console: Console, *columns: ProgressColumn) -> None:
        description, bar = TextColumn("{task.description}"), BarColumn(bar_width=None)
        super().__init__(description, bar, *columns, console=console, transient=True, disable=not console.is_terminal)

    def checking(self, contenders: int) -> None:
        """Show that answers are compared before anything is timed."""
        several = f"that {contenders} contenders give the same answer"
        self._say(f"checking {'the answer of 1 contender' if contenders == 1 else several}")

    def _say(self, line: str) -> None:
        self.console.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)


class RunProgress(_Shown):
    """A progress bar on a terminal, and a plain line for each trial; ``done`` of them are there in a resumed run."""

    def __init__(self, console: Console, plan: Plan, done: int = 0) -> None:
        self._trials = [*schedule.calibration(plan), *schedule.trials(plan)]
        self._total = len(self._trials)
        self._under_way: list[ScheduledTrial] = []
        self._ended = done
        self._workload_width, self._contender_width = self._name_widths(console)
        super().__init__(
            console,
            MofNCompleteColumn(),
            TextColumn("[dim]elapsed"),
            TimeElapsedColumn(),
            TextColumn("[dim]left"),
            TimeRemainingColumn(elapsed_when_finished=False),
        )
        self._task = self.add_task("starting", total=self._total, completed=done)

    def expect(self, last_rounds: Mapping[str, int]) -> None:
        """Expect no more rounds of each workload than these."""
        self._total = sum(trial.round <= last_rounds.get(trial.workload.name, 0) for trial in self._trials)
        self.update(self._task, total=self._total)

    def _name_widths(self, console: Console) -> tuple[int, int]:
        """Return how wide workload and contender are: as the longest, but not wider than a terminal has room for."""
        workload = max((len(trial.workload.name) for trial in self._trials), default=0)
        contender = max((len(trial.contender.id + _AGAIN * trial.placebo) for trial in self._trials), default=0)
        if console.is_terminal:
            room = max(_LEAST_ROOM, console.width - 2 * len(str(self._total)) - len(_REST_OF_LINE))
            workload = min(workload, max(room - contender, room // 3))
            contender = min(contender, room - workload)
        return workload, contender

    def started(self, trial: ScheduledTrial) -> None:
        """Show what is measured now."""
        self._under_way.append(trial)
        several = f"{len(self._under_way)} trials on {trial.contender.server}"
        what = trial.contender.id if len(self._under_way) == 1 else several
        self.update(self._task, description=f"{_stage(trial)}  {what}  {trial.workload.name}")

    def ended(self, scheduled: ScheduledTrial, trial: Trial) -> None:
        """Show the result."""
        self._under_way.remove(scheduled)
        self._ended += 1
        self.advance(self._task)
        outcome = f"{trial.result.rate_per_s:>10,.0f} req/s" if trial.result else f"{'void':>10}      "
        if trial.load.rate_per_s is not None and trial.result is not None and trial.result.latency is not None:
            outcome += f"  p95 {trial.result.latency.p95_ms:,.3g} ms"
        if trial.failure is not None:
            outcome += f"  void: {trial.failure.splitlines()[0]}"
        again, total = _AGAIN * trial.placebo, str(self._total)
        workload = shorten(trial.workload, self._workload_width)
        contender = shorten(trial.contender, self._contender_width - len(again)) + again
        self._say(
            f"{self._ended:>{len(total)}}/{total}  {_stage(scheduled):<11}  {workload:<{self._workload_width}}  "
            f"{contender:<{self._contender_width}}{outcome}"
        )


class SweepProgress(_Shown):
    """A progress bar of a sweep's time on a terminal, and a plain line for each visit; the clock gives seconds."""

    def __init__(self, console: Console, budget_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._budget_s = budget_s
        self._clock = clock
        self._began_s = clock()
        self._visits = 0
        self._place: Place | None = None
        self._rates: list[str] = []
        super().__init__(console, TextColumn("[dim]left {task.fields[left]}"))
        self._task = self.add_task("starting", total=budget_s, left=clock_time(budget_s))

    def stop(self) -> None:
        """Show the results of the last visit, and no bar any more."""
        self._tell_visit()
        super().stop()

    def visiting(self, place: Place, _elapsed_s: float) -> None:
        """Show the next place, and the results at the one before."""
        self._tell_visit()
        self._visits += 1
        self._place = place

    def started(self, trial: ScheduledTrial) -> None:
        """Show what is measured now."""
        stage = "calibration" if self._place is None else f"{self._visits:>3}  {at_place(self._place)}"
        self._tell_time(f"{stage}  {trial.contender.id}")

    def ended(self, scheduled: ScheduledTrial, trial: Trial) -> None:
        """Keep the result for the line of the visit."""
        self._tell_time(None)
        if self._place is None:
            return
        shown = "void" if trial.result is None or trial.failure is not None else f"{trial.result.rate_per_s:,.0f}"
        self._rates.append(f"{scheduled.contender.id} {shown}")

    def _tell_visit(self) -> None:
        if self._place is not None and self._rates:
            left = clock_time(self._left_s())
            rates = "  ".join(sorted(self._rates))
            self._say(f"{self._visits:>3}  left {left}  {at_place(self._place):<24}  {rates}  req/s")
        self._rates.clear()

    def _tell_time(self, description: str | None) -> None:
        left_s = self._left_s()
        done_s, left = self._budget_s - left_s, clock_time(left_s)
        self.update(self._task, completed=done_s, left=left, description=description)

    def _left_s(self) -> float:
        return max(0.0, self._budget_s - (self._clock() - self._began_s))


def _stage(trial: ScheduledTrial) -> str:
    return f"round {trial.round}" if trial.round else "calibration"


def clock_time(duration_s: float) -> str:
    """Write a duration as minutes and seconds: ``9:05``."""
    minutes, seconds = divmod(round(duration_s), 60)
    return f"{minutes}:{seconds:02}"
