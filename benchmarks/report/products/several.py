"""Builds the documents of several runs: what changed from one to another, and what many of them say together."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.judge.diff import Diff, Differences
from benchmarks.judge.judgement import Comparison, Estimate
from benchmarks.judge.pool import Pool
from benchmarks.judge.trials import QUANTITIES
from benchmarks.model import Run
from benchmarks.report.charts.forest import forest_chart
from benchmarks.report.document import (
    Block,
    Chart,
    Column,
    Document,
    Note,
    Paragraph,
    Row,
    Section,
    Table,
    comparisons,
    filled,
    table_of,
)
from benchmarks.report.figures import ABSENT, interval
from benchmarks.report.method import fact_name, fact_text, facts_table
from benchmarks.report.reproduce import run_facts
from benchmarks.report.words import arrangement_name

_FIRST_LOOKED_AT: Final = "rate"
_NAMED: Final = 3
"""How many runs are named beside a reason; the others are counted."""

_RULES: Final = (
    "A run's ratio is made inside its rounds, where the machine was the same. Its rounds give its interval and weight.",
    "The mean is of the machines' own ratios (random effects): variance between machines by Paule and Mandel.",
    "Its interval is by Hartung, Knapp, Sidik and Jonkman, which is right for few runs too.",
    "I² and the factor between machines say how much the machines themselves differ.",
    "Where they do, the last line of a forest says more about your machine than the mean does.",
    "A run whose A/A comparison failed, or whose loader was at its limit, has no ratio here.",
)


def diff_document(diff: Diff, left: tuple[Run, Path | None], right: tuple[Run, Path | None]) -> Document:
    """Return the document of ``lab diff``: of the left run and the right one, each with the folder that has it."""
    blocks = (Paragraph("Both are the same run: there is nothing to compare.", "strong"),)
    return Document(
        kind="diff",
        title=f"What changed from {left[0].name} to {right[0].name}?",
        blocks=blocks if diff.same_run else filled(_diff_blocks(diff)),
        data={"first": run_facts(*left), "second": run_facts(*right), "diff": diff},
        records=[
            *(_change_record("async over sync", change) for change in diff.ratios),
            *(_change_record("contender", change) for change in diff.contenders),
        ],
        about=f"First: {left[0].name}, {left[0].started_at}. Second: {right[0].name}, {right[0].started_at}.",
    )


def _diff_blocks(diff: Diff) -> Iterator[Block]:
    if diff.withheld is not None:
        yield Note(f"No evidence: the A/A comparison of a run failed. {diff.withheld}", "alert")
    rates = [change for change in diff.ratios if change.decides == _FIRST_LOOKED_AT]
    yield Paragraph(_summary(rates), "strong")
    yield from _tables(rates)
    yield Paragraph(f"These are runs of {'one machine, as far as is known' if diff.same_machine else 'two machines'}.")
    yield from (Note(note) for note in diff.notes)
    for name, only in (("first", diff.only_left), ("second", diff.only_right)):
        if only:
            yield Note(f"Only in the {name}: {', '.join(only)}.")
    others = [change for change in diff.ratios if change.decides != _FIRST_LOOKED_AT]
    yield Section(title="async def over def: latency and CPU time", blocks=tuple(_tables(others)), is_folded=True)
    yield Section(title="Each contender", blocks=tuple(_tables(diff.contenders)), is_folded=True)
    yield _differences("What differs in the machine and its software", diff.environment)
    changed = {name: versions for name, versions in diff.packages.items() if None not in versions}
    yield _differences("What differs in packages", changed)
    # A hundred of them, where one of the two could run the tests as well.
    if lone := {name: versions for name, versions in diff.packages.items() if name not in changed}:
        section = _differences(f"Packages that only one of the two had ({len(lone)})", lone)
        yield dataclasses.replace(section, is_folded=True)


def _summary(rates: Sequence[Comparison]) -> str:
    """Say in a sentence how many ratios of rates changed, and which."""
    if not rates:
        return "The two have no arrangement with both keywords in common: only contenders can be compared."
    changed = [change for change in rates if change.standing in {"faster", "slower"}]
    of = f"the {len(rates)} ratios of requests per second, async def over def"
    if not changed:
        return f"No change was found in {of}."
    names = ", ".join(dict.fromkeys(arrangement_name(change.arrangement) for change in changed))
    return f"{len(changed)} of {of}, changed: {names}."


def _tables(changes: Sequence[Comparison]) -> Iterator[Table]:
    for workload, quantity in dict.fromkeys((change.workload, change.decides) for change in changes):
        own = [change for change in changes if (change.workload, change.decides) == (workload, quantity)]
        unit = _unit(own[0])
        yield table_of(
            f"{workload}, {QUANTITIES[quantity].title}: first, second, second over first",
            own,
            (
                (Column(""), _subject),
                (Column("first", unit), lambda change: change.first),
                (Column("second", unit), lambda change: change.second),
                (Column("change", "×"), lambda change: change.estimate),
                (Column("", is_text=True, is_minor=True), _said),
            ),
        )


def _differences(title: str, differences: Differences) -> Section:
    rows = [
        (fact_name(name), " → ".join(fact_text(name, value) for value in values))
        for name, values in differences.items()
    ]
    return Section(title=title, blocks=(facts_table("", rows),) if rows else (Paragraph("The same in both.", "quiet"),))


def _change_record(kind: str, change: Comparison) -> dict[str, Any]:
    record: dict[str, Any] = {"kind": kind, "workload": change.workload, "subject": _subject(change)}
    record |= {"quantity": QUANTITIES[change.decides].title, "unit": _unit(change)}
    for name, estimate in (("first", change.first), ("second", change.second), ("change", change.estimate)):
        for part in ("value", "low", "high"):
            record[f"{name}_{part}"] = getattr(estimate, part, None)
    return {**record, "said": _said(change)}


def _said(change: Comparison) -> str:
    return change.finding or f"not judged: {change.refusal}"


def _subject(change: Comparison) -> str:
    return change.arrangement or change.above


def _unit(change: Comparison) -> str:
    return "×" if change.arrangement else QUANTITIES[change.decides].unit


def pool_document(pool: Pool, chosen: Sequence[Comparison]) -> Document:
    """Return the document of ``lab pool``; the runs of the chosen ratios are shown one by one."""
    return Document(
        kind="pool",
        title=f"Is `async def` faster than `def`? {len(pool.runs)} runs together",
        blocks=filled(_pool_blocks(pool, chosen)),
        data={"pool": pool},
        records=[_run_record(ratio, *line) for ratio in pool.ratios for line in (*_runs(ratio), *_sums(ratio))],
    )


def _pool_blocks(pool: Pool, chosen: Sequence[Comparison]) -> Iterator[Block]:
    yield from (Paragraph(ratio.sentence) for ratio in chosen)
    yield Paragraph(
        "Machines differ in how many requests per second they serve. What travels is the ratio that each of them "
        f"found. Every run asked the same: {pool.asked}.",
        "quiet",
    )
    together = (
        Row((arrangement_name(ratio.arrangement), ratio.estimate), strong=ratio in chosen)
        for ratio in pool.ratios
        if ratio.estimate is not None
    )
    yield comparisons(f"All runs together, {pool.quantity}, async def over def", together)
    yield from (_forest(pool, ratio) for ratio in chosen)
    yield Section(title="Every arrangement", blocks=(_every(pool),), is_folded=True)
    yield Section(title="Left out", blocks=tuple(_left_out(pool.left_out)))
    yield Section(title="How it was pooled", blocks=tuple(map(Note, _RULES)), is_folded=True)


def _forest(pool: Pool, ratio: Comparison) -> Section:
    title = f"{arrangement_name(ratio.arrangement)}: async def over def, {pool.quantity}"
    if not ratio.studies:
        return Section(title=title, blocks=(Paragraph("No run has a ratio to pool."),))
    runs, sums = list(_runs(ratio)), list(_sums(ratio))
    lines = (Row(line[:2], strong=line in sums) for line in runs + sums)
    figures = Table(
        caption="Each run's ratio with its 95 % interval, and its weight in the mean",
        columns=(Column("Run"), Column("ratio", "×"), Column("weight", "%")),
        rows=tuple(map(Row, runs)),
    )
    expected = "Below it: where one more machine is expected. " if len(sums) > 1 else ""
    forest = Chart(
        draw=functools.partial(forest_chart, ratio, pool.quantity, margin=pool.margin),
        caption=(
            f"{pool.quantity.capitalize()}, async def over def, with 95 % intervals. Diamond: the mean of the "
            f"machines' own ratios. {expected}Grey band: counts as equal (±{100 * pool.margin:g} %)."
        ),
        instead=(comparisons("A line for each run", lines),),
    )
    folded = Section(title=f"The same in figures ({len(runs)} runs)", blocks=(figures,), is_folded=True)
    return Section(title=title, blocks=(forest, folded))


_Line = tuple[str, Estimate | None, float | None]


def _runs(ratio: Comparison) -> Iterator[_Line]:
    """Yield the label of each run, its ratio, and its weight in the mean."""
    for number, study in enumerate(ratio.studies):
        yield study.run, study.estimate, None if ratio.effects is None else ratio.effects.weights[number]


def _sums(ratio: Comparison) -> Iterator[_Line]:
    """Yield what all runs say together, and what one more machine is expected to show."""
    if ratio.estimate is not None:
        yield "together", ratio.estimate, None
    if ratio.predicted is not None and ratio.predicted.low is not None:
        yield "one more machine", ratio.predicted, None


def _every(pool: Pool) -> Table:
    def expected(ratio: Comparison) -> str:
        return interval(ratio.predicted, "×") if getattr(ratio.predicted, "low", None) is not None else ABSENT

    return table_of(
        f"{pool.quantity.capitalize()}, async def over def, workload {pool.workload}. I²: share of the spread that "
        "the runs' own errors do not explain. Between: one standard deviation between machines, as a factor.",
        pool.ratios,
        (
            (Column("Arrangement"), lambda ratio: arrangement_name(ratio.arrangement)),
            (Column("together", "×"), lambda ratio: ratio.estimate if ratio.effects else None),
            (Column("one more machine"), expected),
            (Column("I²", "%", is_minor=True), lambda ratio: getattr(ratio.effects, "i_squared", None)),
            (Column("between", "×", is_minor=True), lambda ratio: getattr(ratio.effects, "between_factor", None)),
            (Column("runs"), lambda ratio: len(ratio.studies)),
        ),
    )


def _left_out(reasons: Iterable[tuple[str, str]]) -> Iterator[Note]:
    """Yield each reason once, with the runs that it is about."""
    by_reason: dict[str, dict[str, None]] = {}
    for label, reason in reasons:
        by_reason.setdefault(reason, {})[label] = None
    for reason, labels in by_reason.items():
        more = len(labels) - _NAMED
        names = ", ".join([*list(labels)[:_NAMED], *([f"{more} more"] if more > 0 else [])])
        yield Note(f"{names}: {reason}")


def _run_record(ratio: Comparison, run: str, estimate: Estimate | None, weight: float | None) -> dict[str, Any]:
    own = {"ratio": "value", "low": "low", "high": "high", "samples": "samples"}
    return {
        "arrangement": ratio.arrangement,
        "workload": ratio.workload,
        "run": run,
        **{column: getattr(estimate, name, None) for column, name in own.items()},
        "weight": weight,
    }
