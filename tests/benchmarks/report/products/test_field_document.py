"""What a report says of many contenders beside one reference, and of what is unequal between them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from benchmarks.judge.judgement import Comparison, Entry, Estimate, Field, Judgement
from benchmarks.model import Run
from benchmarks.report.charts.forest import field_chart
from benchmarks.report.document import Block, Chart, Note, Paragraph, Section, Table
from benchmarks.report.formats import FORMATS, render
from benchmarks.report.products.field import field_blocks, tie_letters, work_blocks
from benchmarks.report.products.run import run_document

REFERENCE = "fastapi-async@uvicorn"
RATES = {"starlette-async@uvicorn": 2.1, "blacksheep-async@uvicorn": 2.0, REFERENCE: 1.0, "quart-sync@hypercorn": 0.5}


def near(value: float) -> Estimate:
    """Return an estimate within 3 %."""
    return Estimate(value=value, low=value / 1.03, high=value * 1.03, samples=6)


@pytest.fixture
def field() -> Field:
    """Four contenders, of which the first two are tied."""
    entries = tuple(
        Entry(contender=name, rate=near(rate), with_work=(near(1.2), near(1.1), near(1.0)))
        for name, rate in RATES.items()
    )
    return Field(
        workload="health", reference=REFERENCE, entries=entries, ties=((0, 1),), resolution=0.06, impossible=("No.",)
    )


@pytest.fixture
def compared(run: Run, judgement: Judgement, field: Field) -> tuple[Run, Judgement]:
    """A run of a field: each contender over the reference, and what was observed of each."""
    duels = tuple(
        Comparison(above=name, below=REFERENCE, workload="health", rate=near(rate), standing="faster", sentence="So.")
        for name, rate in RATES.items()
        if name != REFERENCE
    )
    seen = {"JSON": "json", "event loop": "uvloop", "response headers": "content-length, content-type"}
    likeness = {name: {**seen, "JSON": "pydantic"} if name == REFERENCE else seen for name in RATES}
    plan = dataclasses.replace(run.plan, against=REFERENCE)
    return (
        dataclasses.replace(run, plan=plan, likeness=likeness),
        dataclasses.replace(judgement, duels=duels, fields=(field,)),
    )


def of_kind(blocks: Sequence[Block], kind: type[Block]) -> list[Block]:
    """Return the blocks of a kind."""
    return [block for block in blocks if isinstance(block, kind)]


def test_the_answer_names_the_first_and_those_that_are_not_separated_from_it(
    run: Run, judgement: Judgement, field: Field
) -> None:
    """A picture and its figures follow, with a letter for each tie; what cannot be is told."""
    answer, chart, note = field_blocks(run, field, judgement, is_first=True)

    assert isinstance(answer, Paragraph)
    assert "strong" == answer.kind
    assert "Starlette on uvicorn, async def serves the most, 2.10 × [2.04, 2.16]" in answer.text
    assert "1 other is not separated from it" in answer.text
    assert isinstance(chart, Chart)
    (table,) = chart.instead
    assert isinstance(table, Table)
    assert [
        "Starlette on uvicorn, async def (a)",
        "BlackSheep on uvicorn, async def (a)",
        "FastAPI on uvicorn, async def",
        "Quart on Hypercorn, def",
    ] == [row.cells[0] for row in table.rows]
    assert Note("No.", "warning") == note


@pytest.mark.parametrize(
    ("ties", "first", "told"),
    [
        (((1, 2),), "starlette-async@uvicorn", "ahead of all others"),
        (((0, 3),), "starlette-async@uvicorn", "3 others are not separated from it"),
        ((), REFERENCE, "nothing serves more than FastAPI on uvicorn, async def, the reference"),
    ],
)
def test_each_way_in_which_a_field_may_begin_has_its_sentence(  # noqa: PLR0917 (pytest passes them by name)
    run: Run, judgement: Judgement, field: Field, ties: tuple[tuple[int, int], ...], first: str, told: str
) -> None:
    """Who is first is said together with who might be."""
    entries = sorted(field.entries, key=lambda entry: entry.contender != first)
    changed = dataclasses.replace(field, ties=ties, entries=tuple(entries))
    answer = next(field_blocks(run, changed, judgement, is_first=True))

    assert isinstance(answer, Paragraph)
    assert told in answer.text


def test_what_is_left_where_views_work_is_a_picture_and_a_table(field: Field) -> None:
    """With the reference to look at first; of requests that wait there is neither."""
    chart, table = work_blocks(field, 0.05)

    assert isinstance(chart, Chart)
    assert isinstance(table, Table)
    drawing = chart.draw()
    assert drawing is not None
    first = field.entries[0]
    assert f"→ {first.with_work[-1].value:.2f} ×" in drawing.description
    assert ["Contender", "measured", "1 ms", "5 ms", "20 ms"] == [column.title for column in table.columns]
    assert [False, False, True, False] == [row.strong for row in table.rows]
    waiting = tuple(dataclasses.replace(entry, with_work=()) for entry in field.entries)
    assert [] == list(work_blocks(dataclasses.replace(field, entries=waiting), 0.05))


def test_letters_are_shared_by_what_is_not_separated() -> None:
    """A contender may be tied with those before it, and with others after it."""
    assert ["a", "a b", "b", ""] == tie_letters([(0, 1), (1, 2)], 4)
    assert ["aa"] == tie_letters([(0, 0)] * 27, 1)[0].split()[-1:]


def test_a_run_of_a_field_tells_it_first_and_each_comparison_on_request(compared: tuple[Run, Judgement]) -> None:
    """The comparisons of a field are not the answer once more."""
    document = run_document(*compared, ())
    sections = {block.title: block for block in document.blocks if isinstance(block, Section)}

    assert isinstance(document.blocks[0], Paragraph)
    assert "What else is unequal" in sections
    each = sections["health: each against FastAPI on uvicorn, async def, and why"]
    assert (True, 3) == (each.is_folded, len(each.blocks))
    assert "Where the view itself works" in sections


def test_what_differs_from_the_reference_is_marked_and_what_is_alike_is_a_sentence(
    compared: tuple[Run, Judgement],
) -> None:
    """JSON differs from FastAPI's in all; the loop is the same, so it needs no column."""
    document = run_document(*compared, ())
    (section,) = (block for block in document.blocks if isinstance(block, Section) and "unequal" in block.title)
    (table,) = of_kind(section.blocks, Table)
    assert isinstance(table, Table)
    shown = {str(row.cells[0]): row.cells[1] for row in table.rows}

    assert "JSON" == table.columns[1].title
    assert ("pydantic", "≠ json") == (shown["FastAPI on uvicorn, async def"], shown["Quart on Hypercorn, def"])
    (said,) = of_kind(section.blocks, Paragraph)
    assert isinstance(said, Paragraph)
    assert "event loop: uvloop" in said.text
    assert "response headers: 2" in said.text


@pytest.mark.parametrize("form", FORMATS)
def test_a_field_is_told_in_every_format(compared: tuple[Run, Judgement], form: str) -> None:
    """It is a document like any other."""
    told = render(run_document(*compared, ()), form)
    assert "Starlette on uvicorn, async def" in told or "starlette-async@uvicorn" in told or form == "csv"


def test_a_chart_of_a_field_brackets_what_is_tied(field: Field) -> None:
    """With a line for each contender, and one bracket more than without a tie."""
    drawn = field_chart(field, margin=0.05)
    without = field_chart(dataclasses.replace(field, ties=()), margin=0.05)

    assert drawn is not None
    assert without is not None
    assert all(name in drawn.wide for name in ("Starlette", "BlackSheep", "Quart"))
    assert 1 == drawn.wide.count("<path") - without.wide.count("<path")


def test_the_first_screen_has_the_fastest_of_a_field_and_the_reference(field: Field) -> None:
    """With the dots of their rounds; a tie that goes on beyond them ends with them."""
    chart = field_chart(
        field, margin=0.05, most=2, rounds={"starlette-async@uvicorn": (2.0, 2.2)}, title="The fastest 2 of 4"
    )

    assert chart is not None
    assert "The fastest 2 of 4" == chart.title
    assert ("Starlette" in chart.wide, "FastAPI" in chart.wide, "Quart" in chart.wide) == (True, True, False)
    assert "in its rounds 2.00 ×, 2.20 ×" in chart.wide
