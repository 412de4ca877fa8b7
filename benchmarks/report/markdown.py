"""Renders a report as Markdown that GitHub shows well: tables, the tutorial's words, and the ratios drawn in text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Judgement
from benchmarks.model import Run
from benchmarks.report.at_rate import AtRateStory
from benchmarks.report.outcomes import SYMBOLS
from benchmarks.report.ratio_axis import RatioAxis, strip
from benchmarks.report.story import Answer, BridgesStory, ClaimStory, FigureStory, Story, VerdictStory, WorkloadStory
from benchmarks.report.telling import tell

# A bracket makes a link or a definition only by what follows it: intervals stay readable in the source.
_SPECIAL: Final = re.compile(r"([\\`*_<>|#~$]|\](?=[\[(:]))")
# What would begin a list, a task or a heading's underline, were it first on a line.
_LEADING: Final = re.compile(r"^([-+](?=\s|$)|[=\[]|\d+(?=[.)](?:\s|$)))")
# GitHub tells a person of this name that they were mentioned.
_MENTION: Final = re.compile(r"(?<!\w)@")
_PRINTED: Final = re.compile(r"\.{4,}:")
_STRIP_WIDTH: Final = 41
_COLUMNS: Final = (
    *("Contender", "req/s", "±", "median, ms", "p95, ms", "p99, ms"),
    *("CPU, µs/req", "voluntary switches/req", "threads that ran", "valid trials"),
)


def render_markdown(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> str:
    """Return the report as one Markdown document.

    Args:
        run: What was measured.
        judgement: What was judged of it.
        claims: The ledger that it was judged by.
    """
    return "\n".join(_lines(tell(run, judgement, claims))) + "\n"


def _lines(story: Story) -> Iterator[str]:
    yield "# Is `async def` faster than `def`?"
    for alert in story.alerts:
        yield from ("", f"> **{_text(alert)}**")
    yield ""
    for answer in story.answers:
        yield _answer(answer)
    yield from _duels(story)
    yield from ("", "## Verdicts", "", *_verdicts(story))
    yield from ("", "Brackets hold 95 % intervals.", "", "## What was found, and why")
    for claim in story.claims:
        yield from ("", *_claim(claim))
    for workload in story.workloads:
        yield from ("", *_workload(workload))
    yield from ("", "## How it was measured", "")
    yield from (f"- {_text(rule)}" for rule in story.method)
    if story.placebo:
        yield f"- {_text(story.placebo)}"
    if story.ceilings:
        ceilings = ", ".join(f"{_text(rate)} on {_code(contender)}" for contender, rate in story.ceilings)
        yield f"- The loader reached {ceilings}."
    yield from _notes(story)
    yield from ("", "## Measure it again", "", *_block(story.command))
    yield from ("", "## Environment", "", "| Fact | Value |", "|---|---|")
    yield f"| run | {_cell(story.name)} |"
    yield f"| when | {_cell(story.when)} |"
    yield from (f"| {_cell(name)} | {_cell(value)} |" for name, value in story.environment)
    yield from ("", "Every trial, and the version of every package, is in `run.json` beside this file.")


def _answer(answer: Answer) -> str:
    figure = answer.verdict.decisive
    shown = f" {_figure(figure)}." if figure else ""
    return f"- {_text(answer.verdict.tried_on)}: **{_text(answer.word)}**.{shown} {_text(answer.verdict.why)}"


def _duels(story: Story) -> Iterator[str]:
    duels = [duel for workload in story.workloads for duel in workload.duels]
    if not duels:
        return
    yield from ("", "## The race", "")
    for duel in duels:
        against = f"{_code(duel.contender)} against {_code(duel.other)}"
        yield f"- {against}: **{duel.outcome}**. {_text(duel.sentence)} {_text(duel.why)}"


def _verdicts(story: Story) -> Iterator[str]:
    yield "| | Claim | Tried on | Verdict | Measured | The tutorial |"
    yield "|---:|---|---|---|---|---|"
    for claim in story.claims:
        for verdict in claim.verdicts:
            figure = verdict.decisive
            cells = (
                str(claim.number),
                claim.title,
                verdict.tried_on,
                f"{SYMBOLS[verdict.outcome]} {verdict.outcome}",
                figure.labelled if figure else "",
                figure.tutorial if figure else "",
            )
            yield _row(cells)
        if not claim.verdicts:
            yield _row((str(claim.number), claim.title, "", "no verdict in this run", "", ""))


def _claim(claim: ClaimStory) -> Iterator[str]:
    yield f"### {claim.number}. {_text(claim.title)}"
    yield ""
    # What k6 printed keeps its form in a code span.
    quoted = (_code(words) if _PRINTED.search(words) else _text(words) for words in claim.quote)
    yield "\n>\n".join(f"> {words}" for words in quoted)
    yield from ("", f"*{_text(claim.english)}*", "")
    for verdict in claim.verdicts:
        yield _verdict(verdict)
    if claim.beside:
        yield from ("", "Beside it:", "")
    for verdict in claim.beside:
        yield _verdict(verdict)


def _verdict(verdict: VerdictStory) -> str:
    figures = "; ".join(_figure(figure) for figure in verdict.figures)
    return (
        f"- {SYMBOLS[verdict.outcome]} **{verdict.outcome}** on {_text(verdict.tried_on)}"
        f"{f' ({figures})' if figures else ''}: {_text(verdict.sentence)} {_text(verdict.why)}"
    )


def _figure(figure: FigureStory) -> str:
    tutorial = f", the tutorial {_text(figure.tutorial)}" if figure.tutorial else ""
    return f"{_text(figure.name)} {_text(figure.measured)}{tutorial}"


def _workload(workload: WorkloadStory) -> Iterator[str]:
    yield f"## {_text(workload.title)}"
    if workload.ratios:
        axis = RatioAxis.around([ratio.estimate for ratio in workload.ratios])
        name_width = max(len(ratio.arrangement) for ratio in workload.ratios)
        yield from ("", "Requests per second, async def over def; left of the bar, async def is slower:", "")
        yield from _block(
            *(
                f"{ratio.arrangement:<{name_width}}  {strip(axis, ratio.estimate, _STRIP_WIDTH)}  {ratio.rate}".rstrip()
                for ratio in workload.ratios
            )
        )
        yield from ("", "| Async over sync | req/s | average latency | p95 latency | CPU per request |")
        yield "|---|---:|---:|---:|---:|"
        for ratio in workload.ratios:
            yield _row((ratio.arrangement, ratio.rate, ratio.latency_average, ratio.latency_p95, ratio.cpu), code=True)
    for bridges in workload.bridges:
        yield from _bridges(bridges, waits=workload.waits)
    if workload.at_rate is not None:
        yield from _at_rate(workload.at_rate)
    if not workload.contenders:
        yield from ("", "No contender took part.")
        return
    yield from ("", f"| {' | '.join(_COLUMNS)} |", f"|---|{'---:|' * (len(_COLUMNS) - 1)}")
    for row in workload.contenders:
        figures = (row.rate, row.rate_spread.removeprefix("±"), row.latency_median_ms, row.latency_p95_ms)
        costs = (row.latency_p99_ms, row.cpu_us, row.voluntary_switches, row.threads_ran, row.trials)
        yield _row((row.contender, *figures, *costs), code=True)


def _bridges(bridges: BridgesStory, *, waits: bool) -> Iterator[str]:
    yield from ("", f"What bridges do with {_text(bridges.title)}, a request:", "")
    waiting = (" waits at once |", "---:|") if waits else ("", "")
    yield f"| Contender | req/s | threads started | event loops started | voluntary switches | CPU, µs |{waiting[0]}"
    yield f"|---|---|---:|---:|---:|---:|{waiting[1]}"
    for cost in bridges.costs:
        ratios = "; ".join(ratio.against for ratio in cost.ratios)
        numbers = (cost.threads, cost.loops, cost.voluntary_switches, cost.cpu_us, *([cost.waits] if waits else []))
        yield _row((cost.contender, ratios, *numbers), code=True)
    yield ""
    yield from (f"- {_text(told)}" for told in (*bridges.findings, *bridges.refusals))


def _at_rate(at_rate: AtRateStory) -> Iterator[str]:
    yield from ("", f"Latency at {_text(at_rate.rate)}, from when a request was due, in ms:", "")
    yield "| Contender | median | p95 | ± | p99 | dropped | answered in time | valid trials |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for row in at_rate.rows:
        latencies = (row.median_ms, row.p95_ms, row.p95_spread.removeprefix("±"), row.p99_ms)
        yield _row((row.contender, *latencies, row.dropped, row.answered, row.trials), code=True)
    if at_rate.ratios:
        yield from ("", "| Async over sync, at that rate | p95 latency |", "|---|---:|")
        yield from (_row((ratio.arrangement, ratio.p95), code=True) for ratio in at_rate.ratios)
    if at_rate.doubts:
        yield ""
        yield from (f"- {_text(doubt)}" for doubt in at_rate.doubts)


def _notes(story: Story) -> Iterator[str]:
    if story.notes or story.void:
        yield from ("", "## Notes", "")
    yield from (f"- {_text(note)}" for note in story.notes)
    yield from (f"- Void: {_code(contender)}, {_text(reason)}" for contender, reason in story.void)


def escaped(text: str) -> str:
    """Return a text as Markdown that shows it and nothing else."""
    return _text(text)


def _text(text: str) -> str:
    """Escape everything in a text that Markdown or GitHub would read as more than text."""
    escaped = _SPECIAL.sub(r"\\\1", text.replace("&", "&amp;"))
    return _LEADING.sub(_escape_leading, _MENTION.sub("&#64;", escaped))


def _escape_leading(match: re.Match[str]) -> str:
    return f"{match[1]}\\" if match[1].isdigit() else f"\\{match[1]}"


def _cell(text: str) -> str:
    return _text(text) or " "


def _code(text: str, *, in_table: bool = False) -> str:
    """Put a text into a code span, between more backticks than it has in a row."""
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    space = " " if text.startswith("`") or text.endswith("`") else ""
    # A table ends its cell at a bar even inside a code span.
    inside = text.replace("|", r"\|") if in_table else text
    return f"{fence}{space}{inside}{space}{fence}"


def _row(cells: Sequence[str], *, code: bool = False) -> str:
    """Write a table's row; ``code`` sets its first cell, an id, as such."""
    first, *others = cells
    head = _code(first, in_table=True) if code else _cell(first)
    return f"| {' | '.join((head, *map(_cell, others)))} |"


def _block(*lines: str) -> Iterator[str]:
    fence = "`" * max(3, 1 + max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0))
    yield fence
    yield from lines
    yield fence
