"""Prints the pooled ratios of many runs: a forest of strips for each, and what they say together."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from benchmarks.judge.judgement import Estimate
from benchmarks.judge.pool import Pool, PooledRatio
from benchmarks.report.figures import estimated
from benchmarks.report.naming import arrangement_name
from benchmarks.report.plain_text import one_line
from benchmarks.report.printer import Printer, print_in_any_encoding


def print_pool(console: Console, pool: Pool, chosen: Sequence[PooledRatio]) -> None:
    """Print the runs of each chosen ratio, and of the others what they say together.

    Args:
        console: Where to; its width is kept to.
        pool: Of many runs.
        chosen: The ratios whose runs are shown one by one.
    """
    print_in_any_encoding(console, lambda capable: _PoolPrinter(capable).pool(pool, chosen))


class _PoolPrinter(Printer):
    def pool(self, pool: Pool, chosen: Sequence[PooledRatio]) -> None:
        """Print everything, the chosen ratios last."""
        self.hanging("", f"{len(pool.runs)} runs: {one_line(pool.asked.told())}", style="bold")
        for label, reason in pool.left_out:
            self.hanging("  ", f"left out: {one_line(label)}: {one_line(reason)}", style="dim")
        others = [ratio for ratio in pool.ratios if ratio not in chosen and ratio.together is not None]
        if others:
            self.heading(f"The other arrangements, {pool.quantity}, async def over def")
            self.strips([_together(ratio) for ratio in others])
        for ratio in chosen:
            self.ratio(pool, ratio)

    def ratio(self, pool: Pool, ratio: PooledRatio) -> None:
        """Print one forest, and what it says."""
        self.heading(f"{arrangement_name(ratio.arrangement)}: async def over def, {pool.quantity}")
        rows: list[tuple[str, str, Estimate | None, bool]] = [
            (one_line(study.label, 32), estimated(study.ratio, "×"), study.ratio, False) for study in ratio.studies
        ]
        if ratio.together is not None:
            mean, predicted = ratio.together.mean, ratio.together.predicted
            rows.append(("together", estimated(mean, "×"), mean, True))
            if predicted.low is not None:
                rows.append(("one more machine", estimated(predicted, "×"), predicted, False))
        if rows:
            self.strips(rows)
        for label, reason in ratio.left_out:
            self.hanging("  ", f"left out: {one_line(label)}: {one_line(reason)}", style="dim")
        self.hanging("  ", one_line(ratio.sentence))


def _together(ratio: PooledRatio) -> tuple[str, str, Estimate | None, bool]:
    mean = None if ratio.together is None else ratio.together.mean
    return one_line(ratio.arrangement), estimated(mean, "×"), mean, False
