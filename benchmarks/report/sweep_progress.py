"""Shows a sweep while it goes: where it is, what came out, how much of its time is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.model import Place, Trial
from benchmarks.report.words import at_place


class SweepProgress:
    """A progress bar of the time on a terminal; one plain line a visit there and elsewhere.

    Args:
        console: Where to show it.
        budget_s: Time that the sweep has, seconds.
        contenders: That take part in a visit.
        clock: Gives seconds that only grow.
    """

    def __init__(
        self, console: Console, budget_s: float, contenders: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._budget_s = budget_s
        self._contenders = contenders
        self._clock = clock
        self._began_s = clock()
        self._visits = 0
        self._place: Place | None = None
        self._rates: list[str] = []
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("[dim]left {task.fields[left]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("starting", total=budget_s, left=clock_time(budget_s))

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._tell_visit()
        self._progress.stop()

    def checking(self, contenders: int) -> None:
        """Show that answers are compared before anything is timed."""
        self._say(f"checking that {contenders} contenders give the same answer")

    def visiting(self, place: Place, _elapsed_s: float) -> None:
        """Show which place comes, and what came out at the one before."""
        self._tell_visit()
        self._visits += 1
        self._place = place

    def started(self, trial: ScheduledTrial) -> None:
        """Show what is measured now."""
        stage = "calibration" if self._place is None else f"{self._visits:>3}  {at_place(self._place)}"
        self._update(f"{stage}  {trial.contender.id}")

    def ended(self, scheduled: ScheduledTrial, trial: Trial) -> None:
        """Keep what came out for the line of the visit."""
        self._update(None)
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

    def _update(self, description: str | None) -> None:
        done = min(self._budget_s, self._clock() - self._began_s)
        left = clock_time(self._left_s())
        if description is None:
            self._progress.update(self._task, completed=done, left=left)
        else:
            self._progress.update(self._task, completed=done, left=left, description=description)

    def _left_s(self) -> float:
        return max(0.0, self._budget_s - (self._clock() - self._began_s))

    def _say(self, line: str) -> None:
        self._console.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)


def clock_time(duration_s: float) -> str:
    """Write a duration as minutes and seconds: ``9:05``."""
    minutes, seconds = divmod(round(duration_s), 60)
    return f"{minutes}:{seconds:02}"
