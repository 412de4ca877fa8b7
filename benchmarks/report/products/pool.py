"""Builds the document of pooled runs: their common ratio first, then each run's own."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from benchmarks.judge.judgement import Comparison, Estimate
from benchmarks.judge.pool import Pool
from benchmarks.report.charts.ratios import forest_chart
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
from benchmarks.report.words import arrangement_name

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


def pool_document(pool: Pool, chosen: Sequence[Comparison]) -> Document:
    """Return the document of ``lab pool``; the runs of the chosen ratios are shown one by one."""
    return Document(
        kind="pool",
        title=f"Is `async def` faster than `def`? {len(pool.runs)} runs together",
        blocks=filled(_blocks(pool, chosen)),
        data={"pool": pool},
        records=[_record(ratio, *line) for ratio in pool.ratios for line in (*_runs(ratio), *_sums(ratio))],
    )


def _blocks(pool: Pool, chosen: Sequence[Comparison]) -> Iterator[Block]:
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
    lines = (
        Row((label, estimate), strong=number >= len(runs)) for number, (label, estimate, _) in enumerate(runs + sums)
    )
    figures = Table(
        caption="Each run's ratio with its 95 % interval, and its weight in the mean",
        columns=(Column("Run"), Column("ratio", "×"), Column("weight", "%")),
        rows=tuple(map(Row, runs)),
    )
    expected = "Below it: where one more machine is expected. " if len(sums) > 1 else ""
    forest = Chart(
        draw=functools.partial(forest_chart, ratio, pool.quantity, margin=pool.margin),
        caption=(
            f"{pool.quantity.capitalize()}, async def over def, with 95 % intervals. Diamond: the mean of the machines' "
            f"own ratios. {expected}Grey band: counts as equal (±{100 * pool.margin:g} %)."
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
    if _is_expected(ratio):
        yield "one more machine", ratio.predicted, None


def _every(pool: Pool) -> Table:
    expected = Column("one more machine")
    return table_of(
        f"{pool.quantity.capitalize()}, async def over def, workload {pool.workload}. I²: share of the spread that "
        "the runs' own errors do not explain. Between: one standard deviation between machines, as a factor.",
        pool.ratios,
        (
            (Column("Arrangement"), lambda ratio: arrangement_name(ratio.arrangement)),
            (Column("together", "×"), lambda ratio: ratio.estimate if ratio.effects else None),
            (expected, lambda ratio: interval(ratio.predicted, "×") if _is_expected(ratio) else ABSENT),
            (Column("I²", "%", is_minor=True), lambda ratio: getattr(ratio.effects, "i_squared", None)),
            (Column("between", "×", is_minor=True), lambda ratio: getattr(ratio.effects, "between_factor", None)),
            (Column("runs"), lambda ratio: len(ratio.studies)),
        ),
    )


def _is_expected(ratio: Comparison) -> bool:
    return ratio.predicted is not None and ratio.predicted.low is not None


def _left_out(reasons: Iterable[tuple[str, str]]) -> Iterator[Note]:
    """Yield each reason once, with the runs that it is about."""
    by_reason: dict[str, dict[str, None]] = {}
    for label, reason in reasons:
        by_reason.setdefault(reason, {})[label] = None
    for reason, labels in by_reason.items():
        more = len(labels) - _NAMED
        names = ", ".join([*list(labels)[:_NAMED], *([f"{more} more"] if more > 0 else [])])
        yield Note(f"{names}: {reason}")


def _record(ratio: Comparison, run: str, estimate: Estimate | None, weight: float | None) -> dict[str, Any]:
    own = {"ratio": "value", "low": "low", "high": "high", "samples": "samples"}
    return {
        "arrangement": ratio.arrangement,
        "workload": ratio.workload,
        "run": run,
        **{column: getattr(estimate, name, None) for column, name in own.items()},
        "weight": weight,
    }
