"""Builds the part of a report about a field: the answer, the picture with its ties, what is left where views work."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.judge.field import WORK_MS
from benchmarks.judge.judgement import Entry, Field, Judgement
from benchmarks.model import Run
from benchmarks.report.charts.forest import field_chart
from benchmarks.report.document import Block, Chart, Column, Note, Paragraph, Row, comparisons, table_of
from benchmarks.report.figures import estimated, level, value_of
from benchmarks.report.words import contender_name

MOST_SHOWN: Final = 8
"""Of the fastest of a field, on the first screen."""

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
WORK: Final = (
    "Computed, not measured: the same time of a core is added to a request of each contender. What a view does itself "
    "soon outweighs what its framework costs."
)


def field_blocks(run: Run, field: Field, judgement: Judgement, *, is_first: bool) -> Iterator[Block]:
    """Yield the answer of a field in a sentence, its picture, and its table.

    Args:
        run: That it is of.
        field: Of one workload.
        judgement: That it is of.
        is_first: Whether it is what the report begins with: its picture then shows the fastest alone.
    """
    workload = next(each for each in run.plan.workloads if each.name == field.workload)
    waits = f", each request waiting {workload.wait_ms:g} ms" if workload.wait_ms else ""
    yield Paragraph(f"{field.workload}{waits}: {_answer(field)}", "strong")
    title = f"{field.workload}: requests per second over {field.reference}; one letter: not separated"
    letters = tie_letters(field.ties, len(field.entries))
    rows = [
        Row((f"{contender_name(entry.contender)}{letter and f' ({letter})'}", entry.rate), hint=entry.contender)
        for entry, letter in zip(field.entries, letters, strict=True)
    ]
    picture = field_picture(field, judgement, MOST_SHOWN if is_first else None)
    yield dataclasses.replace(picture, instead=(comparisons(title, rows),))
    yield from (Note(sentence, "warning") for sentence in field.impossible)


def field_picture(field: Field, judgement: Judgement, most: int | None = None) -> Chart:
    """Return the picture of a field, of at most this many of the fastest beside the reference."""
    rates = [entry.rate for entry in field.entries if entry.contender != field.reference]
    shown, count = min(most or len(field.entries), len(field.entries)), len(field.entries)
    reference = contender_name(field.reference)
    title = f"Requests per second over {reference}, workload {field.workload}"
    if shown < count:
        title += f": the fastest {shown} of {count}"
    caption = (
        f"With {level(rates)} intervals, and a dot for each round. A bracket holds contenders that these rounds do not "
        f"separate: two must differ by {100 * field.resolution:.2g} % or more, all pairs considered (Tukey). Filled: "
        "async def. Hollow: def. A stroke: the most that the connections, or the CPU time per request on the server's "
        "cores, allow."
    )
    rounds = {duel.above: duel.rounds for duel in judgement.duels if duel.workload == field.workload}
    draw = functools.partial(field_chart, field, margin=judgement.margin, most=most, rounds=rounds, title=title)
    return Chart(draw=draw, caption=caption)


def _answer(field: Field) -> str:
    first = field.entries[0]
    if field.ties and field.ties[0][0] == 0:
        tied = field.ties[0][1]
        beside = f"{tied} other{'s are' if tied > 1 else ' is'} not separated from it"
    else:
        beside = "ahead of all others"
    if first.contender == field.reference:
        return f"nothing serves more than {contender_name(first.contender)}, the reference; {beside}."
    served = f"{estimated(first.rate, '×')} the requests of {contender_name(field.reference)}"
    return f"{contender_name(first.contender)} serves the most, {served}; {beside}."


def work_blocks(field: Field, margin: float) -> Iterator[Block]:
    """Yield what is left of each ratio where the view itself works: a picture and a table; nothing if requests wait."""
    if not field.entries[0].with_work:
        return
    columns = (
        (Column(f"{work_ms:g} ms", "×", "where the view works"), functools.partial(_left, number))
        for number, work_ms in enumerate(WORK_MS)
    )
    table = table_of(
        f"{field.workload}: requests per second over {field.reference}",
        field.entries,
        (
            (Column("Contender"), lambda entry: contender_name(entry.contender)),
            (Column("measured", "×"), lambda entry: value_of(entry.rate)),
            *columns,
        ),
        strong=lambda entry: entry.contender == field.reference,
    )
    told = ", ".join(f"{work_ms:g}" for work_ms in WORK_MS)
    caption = f"From the measured ratio towards 1: the view works {told} ms, each fainter than the one before."
    yield Chart(draw=functools.partial(field_chart, field, margin=margin, works_ms=WORK_MS), caption=caption)
    yield table


def _left(number: int, entry: Entry) -> float | None:
    return value_of(entry.with_work[number])


def tie_letters(ties: Sequence[tuple[int, int]], count: int) -> list[str]:
    """Return the letters of each place: two that share one are not separated.

    Args:
        ties: First and last place of each span.
        count: Of places.
    """
    names = [_LETTERS[number % 26] * (1 + number // 26) for number in range(len(ties))]
    return [
        " ".join(name for name, (first, last) in zip(names, ties, strict=True) if first <= place <= last)
        for place in range(count)
    ]
