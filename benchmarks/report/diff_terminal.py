"""Prints two runs that were held against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console

from benchmarks.judge.diff import Change, Diff, Difference
from benchmarks.model import Run
from benchmarks.report.figures import estimated
from benchmarks.report.method import fact_told
from benchmarks.report.plain_text import one_line
from benchmarks.report.printer import Printer, print_in_any_encoding

_FIGURE_CELLS: Final = len("0.091 × [0.089, 0.093]")
_QUANTITIES_OF_CONTENDERS: Final = ("requests per second", "CPU time per request")


def print_diff(console: Console, diff: Diff, left: Run, right: Run) -> None:
    """Print what differs, and by how much.

    Args:
        console: Where to; its width is kept to.
        diff: Of the two.
        left: The first.
        right: The second.
    """
    print_in_any_encoding(console, lambda capable: _DiffPrinter(capable).diff(diff, left, right))


class _DiffPrinter(Printer):
    def diff(self, diff: Diff, left: Run, right: Run) -> None:
        """Print everything, the ratios last: that is what still stands on the screen when the prompt is back."""
        for name, run in (("first", left), ("second", right)):
            self.line(0, (name, 6, "bold"), (one_line(run.name), 0, ""), (one_line(run.started_at), 0, "dim"))
        self.differences("The machine and its software", diff.environment)
        self.differences("Packages", diff.packages)
        self.contenders(diff)
        self.ratios(diff)
        self.console.print()
        for note in diff.notes:
            self.hanging("  ", one_line(note))
        for name, only in (("first", diff.only_left), ("second", diff.only_right)):
            if only:
                self.hanging("  ", f"Only in the {name}: {', '.join(map(one_line, only))}.")
        machine = "one machine, as far as is known" if diff.same_machine else "two machines"
        self.hanging("  ", f"These are runs of {machine}.")
        if diff.withheld is not None:
            self.hanging("! ", f"No evidence, for a placebo failed. {one_line(diff.withheld)}", style="bold red")

    def differences(self, title: str, differences: Sequence[Difference]) -> None:
        """Print facts that differ: a name, and both values."""
        self.heading(title)
        if not differences:
            self.hanging("  ", "the same in both", style="dim")
        for each in differences:
            name = one_line(each.name.removeprefix("package_").removesuffix("_bytes").replace("_", " "))
            values = " → ".join(fact_told(each.name, value) for value in (each.left, each.right))
            self.hanging("  ", f"{name}: {values}")

    def contenders(self, diff: Diff) -> None:
        """Print what each contender did in both."""
        chosen = [change for change in diff.contenders if change.quantity in _QUANTITIES_OF_CONTENDERS]
        for title, changes in _sections(chosen):
            self.changes(title, changes)

    def ratios(self, diff: Diff) -> None:
        """Print async over sync in both, and the ratio of the ratios."""
        for title, changes in _sections(diff.ratios):
            self.changes(f"async def over def, {title}", changes)

    def changes(self, title: str, changes: Sequence[Change]) -> None:
        """Print one quantity of several subjects."""
        self.heading(title)
        name_cells = max(len(change.subject) for change in changes)
        for change in changes:
            self.line(
                2,
                (one_line(change.subject), name_cells, "bold"),
                (estimated(change.left, change.unit), _FIGURE_CELLS, ""),
                (estimated(change.right, change.unit), _FIGURE_CELLS, ""),
                (estimated(change.change, "×"), _FIGURE_CELLS, "bold"),
                (one_line(change.word), 0, "dim"),
            )


def _sections(changes: Sequence[Change]) -> Iterator[tuple[str, list[Change]]]:
    """Yield the changes by quantity and workload, what matters most last."""
    keys = dict.fromkeys((change.workload, change.quantity) for change in changes)
    for workload, quantity in sorted(keys, key=list(keys).index, reverse=True):
        own = [change for change in changes if (change.workload, change.quantity) == (workload, quantity)]
        yield f"{one_line(workload)}, {quantity}: first, second, second over first", own
