"""Prints a report: the figures, then why, then the verdicts, which is what the screen shows at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Judgement, Outcome
from benchmarks.model import Run
from benchmarks.report.at_rate import AtRateStory, LatencyRow
from benchmarks.report.figures import NOT_MEASURED
from benchmarks.report.outcomes import SYMBOLS
from benchmarks.report.printer import Printer, print_in_any_encoding
from benchmarks.report.story import QUESTION, ContenderStory, Story, VerdictStory, WorkloadStory
from benchmarks.report.telling import tell

_STYLES: Final[Mapping[Outcome, str]] = {
    "replicated": "bold green",
    "contradicted": "bold red",
    "inconclusive": "bold yellow",
    "refused": "bold magenta",
}
_ABSENT: Final = "–"
_OUTCOME_CELLS: Final = len("✗ contradicted")
_FIGURE_CELLS: Final = len("0.091 × [0.089, 0.093]")


def print_report(
    console: Console, run: Run, judgement: Judgement, claims: Sequence[Claim], location: Path | None = None
) -> None:
    """Print a run and its judgement.

    Colour only repeats what words and signs say. A console whose encoding lacks the signs gets ASCII.

    Args:
        console: Where to; its width is kept to.
        run: What was measured.
        judgement: What was judged of it.
        claims: The ledger that it was judged by.
        location: Where the report lies, told at the end when given.
    """
    story = tell(run, judgement, claims)
    print_in_any_encoding(console, lambda capable: _ReportPrinter(capable).story(story, location))


class _ReportPrinter(Printer):
    """One report on one console."""

    def story(self, story: Story, location: Path | None) -> None:
        """Print everything, the answer last: that is what still stands on the screen when the prompt is back."""
        for workload in story.workloads:
            self.heading(workload.title)
            if workload.at_rate is not None:
                self.at_rate(workload.at_rate)
                continue
            self.contenders(workload)
            self.ratios(workload)
            self.bridges(workload)
        self.causes(story)
        self.heading("Notes")
        ceilings = ", ".join(f"{rate} on {contender}" for contender, rate in story.ceilings)
        loader = [f"The loader reached {ceilings}."] if ceilings else []
        for note in (*([story.placebo] if story.placebo else []), *loader, *story.notes):
            self.hanging("  ", note)
        self.verdicts(story)
        self.duels(story)
        # These are for copying: a terminal may wrap them, but no line break may be put in.
        self.console.print(Text(f"\nMeasure it again: {story.command}"), soft_wrap=True)
        if location is not None:
            self.console.print(Text(f"Report: {location}"), soft_wrap=True)

    def duels(self, story: Story) -> None:
        """Print the verdicts of a race: who served how many times the requests of whom, and why."""
        duels = [duel for workload in story.workloads for duel in workload.duels]
        if not duels:
            return
        self.heading("The race")
        for duel in duels:
            self.hanging("  ", f"{duel.contender} against {duel.other}: {duel.outcome}", style="bold")
            self.hanging("    ", f"{duel.sentence} {duel.why}")

    def verdicts(self, story: Story) -> None:
        """Print the answers and the verdict on each claim, one line each."""
        self.heading(QUESTION)
        for alert in story.alerts:
            self.hanging("! ", alert, style="bold red")
        names = [verdict.tried_on for claim in story.claims for verdict in claim.verdicts]
        name_cells = max(map(cell_len, names), default=0)
        for answer in story.answers:
            figure = answer.verdict.decisive
            shown = figure.measured if figure else ""
            self.line(
                2, (answer.verdict.tried_on, name_cells, ""), (answer.word, _OUTCOME_CELLS, "bold"), (shown, 0, "")
            )
        self.console.print()
        for claim in story.claims:
            self.hanging(f"{claim.number}  ", claim.title, style="bold")
            for verdict in claim.verdicts:
                self.verdict(verdict, name_cells)
            if not claim.verdicts:
                self.hanging("   ", "no verdict in this run", style="dim")

    def verdict(self, verdict: VerdictStory, name_cells: int) -> None:
        """Print one verdict: what it was tried on, the outcome, the figure that decided and the tutorial's."""
        figure = verdict.decisive
        tutorial = f"tutorial {figure.tutorial}" if figure is not None and figure.tutorial else ""
        self.line(
            3,
            (verdict.tried_on, name_cells, ""),
            (f"{SYMBOLS[verdict.outcome]} {verdict.outcome}", _OUTCOME_CELLS, _STYLES[verdict.outcome]),
            (figure.labelled if figure else "", _FIGURE_CELLS, ""),
            (tutorial, 0, "dim"),
        )

    def causes(self, story: Story) -> None:
        """Print each headline verdict's sentence and its cause."""
        self.heading("What was found, and why")
        for claim in story.claims:
            for verdict in claim.verdicts:
                self.hanging(f"{claim.number}  ", f"{verdict.tried_on}: {verdict.sentence}")
                self.hanging("   ", verdict.why)
        for workload in story.workloads:
            for bridges in workload.bridges:
                for finding in bridges.findings if bridges.is_async else ():
                    self.hanging("-  ", f"{workload.name}: {finding}")

    def contenders(self, workload: WorkloadStory) -> None:
        """Print a table of the contenders' figures, or a paragraph for each where there is no room for a table."""
        if not workload.contenders:
            self.hanging("  ", "No contender took part.", style="dim")
            return
        table = _table(("req/s", "median\nms", "p95\nms", "CPU\nµs/req", "switches\n/req", "threads\nran"))
        arrangement = ""
        for row in workload.contenders:
            if row.arrangement != arrangement:
                arrangement = row.arrangement
                table.add_row(Text(arrangement, style="bold"))
            table.add_row(Text(f"  {row.keyword}"), *(Text(cell) for cell in _cells(row)))
        if self.fits(table):
            self.console.print(table)
            if any(_ABSENT in _cells(row) for row in workload.contenders):
                self.hanging("  ", f"{_ABSENT}: not measured", style="dim")
            return
        for row in workload.contenders:
            rate, median, p95, cpu, switches, threads = _cells(row)
            self.hanging("", row.contender, style="bold")
            self.hanging("  ", f"{rate} req/s; median {median} ms, 95 % within {p95} ms; {cpu} µs of CPU and")
            self.hanging(
                "  ",
                f"{switches} voluntary switches a request; {threads} {'thread' if threads == '1' else 'threads'} ran",
            )

    def ratios(self, workload: WorkloadStory) -> None:
        """Print async over sync of each arrangement, drawn on one axis where there is room."""
        if not workload.ratios:
            return
        self.console.print()
        self.hanging("", "async def over def, req/s; left of the bar it is slower", style="dim")
        self.strips([(ratio.arrangement, ratio.rate, ratio.estimate, ratio.headline) for ratio in workload.ratios])

    def bridges(self, workload: WorkloadStory) -> None:
        """Print what each bridge makes of the same async def views, over those without one on the same server."""
        for cost in (cost for bridges in workload.bridges if bridges.is_async for cost in bridges.costs):
            if cost.ratios:
                self.console.print()
                self.hanging("", f"{cost.contender} over others on its server, req/s", style="dim")
                self.strips([(ratio.other, ratio.rate, ratio.estimate, False) for ratio in cost.ratios])

    def at_rate(self, at_rate: AtRateStory) -> None:
        """Print latencies at one rate, async over sync, and who did not keep up."""
        table = _table(("median\nms", "p95\nms", "p99\nms", "dropped", "answered"))
        arrangement = ""
        for row in at_rate.rows:
            if row.arrangement != arrangement:
                arrangement = row.arrangement
                table.add_row(Text(arrangement, style="bold"))
            table.add_row(Text(f"  {row.keyword}"), *(Text(cell) for cell in _latency_cells(row)))
        if self.fits(table):
            self.console.print(table)
            if any(_ABSENT in _latency_cells(row) for row in at_rate.rows):
                self.hanging("  ", f"{_ABSENT}: not measured", style="dim")
        else:
            for row in at_rate.rows:
                median, p95, p99, dropped, answered = _latency_cells(row)
                self.hanging("", row.contender, style="bold")
                self.hanging("  ", f"median {median} ms, p95 {p95} ms, p99 {p99} ms;")
                self.hanging("  ", f"{answered} answered in time, {dropped} dropped")
        if at_rate.ratios:
            self.console.print()
            self.hanging("", f"async def over def, p95 latency at {at_rate.rate}; left of the bar it is shorter", "dim")
            self.strips([(ratio.arrangement, ratio.p95, ratio.estimate, False) for ratio in at_rate.ratios])
        for doubt in at_rate.doubts:
            self.hanging("! ", doubt, style="bold")


def _table(columns: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("")
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True, vertical="bottom")
    return table


def _latency_cells(row: LatencyRow) -> tuple[str, ...]:
    p95 = f"{row.p95_ms} {row.p95_spread}".rstrip()
    return tuple(
        _ABSENT if text == NOT_MEASURED else text
        for text in (row.median_ms, p95, row.p99_ms, row.dropped, row.answered)
    )


def _cells(row: ContenderStory) -> tuple[str, ...]:
    rate = f"{row.rate} {row.rate_spread}".rstrip()
    texts = (rate, row.latency_median_ms, row.latency_p95_ms, row.cpu_us, row.voluntary_switches, row.threads_ran)
    return tuple(_ABSENT if text == NOT_MEASURED else text for text in texts)
