from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.errors import LabError
from benchmarks.judge.crossover import CrossoverMap, judge_map
from benchmarks.model import Run, Trial
from benchmarks.report.charts import crossover as charts
from benchmarks.report.charts.crossover import heat_map, rate_curves
from benchmarks.report.document import Chart, Command, Document, Note, Paragraph, Section, Square, Table
from benchmarks.report.formats import render, write_both
from benchmarks.report.products import crossover
from benchmarks.report.products.crossover import headline, keyword_grid, letters_of, map_document, winners_grid
from tests.benchmarks.report.made_up_documents import undrawn

Sweep = Callable[..., Run]


@pytest.fixture(scope="module")
def found(make_sweep: Sweep) -> CrossoverMap:
    """A map with something of everything: a parting, a break, and noise."""
    return judge_map(
        make_sweep(
            visits=2,
            noise=0.01,
            factor=lambda name, _wait, number: 0.5 if name == "flask-async@hypercorn" and number == 500 else 1.0,
        )
    )


def sections(document: Document) -> dict[str, Section]:
    """Return the sections by title."""
    return {block.title: block for block in document.blocks if isinstance(block, Section)}


def limits(found: CrossoverMap) -> set[tuple[object, object]]:
    """Return what limits the contenders: the waits that they hold, and their CPU time."""
    (*_, table) = sections(map_document(found))["Who serves the most, and how many times the next"].blocks
    assert isinstance(table, Table)
    return {(row.cells[2], row.cells[3]) for row in table.rows}


def test_the_answers_come_first(found: CrossoverMap) -> None:
    """The title is one, then each question about the keyword has a map, and who serves the most; notes tell them."""
    document = map_document(found)
    notes = [
        block for part in list(sections(document).values())[:3] for block in part.blocks if isinstance(block, Note)
    ]

    assert headline(found) == document.title
    assert document.data["answers"] == tuple(note.text for note in notes)
    assert [
        "Flask: its best async def over its best def",
        "Flask on Hypercorn: async def over def",
        "Who serves the most, and how many times the next",
        "Measurement and theory",
        "Anomalies",
        "Notes",
        "How it was measured",
    ] == list(sections(document))


def test_a_map_is_letters_and_figures_in_squares(found: CrossoverMap) -> None:
    """Every wait is a row, every number of connections a column; who is estimated is marked."""
    grid = winners_grid(found)

    assert ["1", "2", "5", "10", "20", "50", "100", "200", "500"] == [column.title for column in grid.columns[1:]]
    assert ["0 ms", "1 ms", "2 ms", "5 ms", "10 ms", "20 ms", "50 ms", "100 ms"] == [row.cells[0] for row in grid.rows]
    _, _, second, *_, last = grid.rows[0].cells
    assert Square("D 2.4×", "D", 2, measured=True) == last
    assert isinstance(second, Square)
    assert "~D" in second.label


def test_what_is_estimated_is_never_called_measured(found: CrossoverMap) -> None:
    """The first sentence counts squares, and so does each map; what one of a pair gave up is no measured ratio."""
    first = map_document(found).blocks[0]
    visited = sum(cell.visits > 0 for row in found.cells for cell in row)

    assert isinstance(first, Paragraph)
    assert f"Measured: {visited} of the 72 squares of the map." in first.text
    for grid in (winners_grid(found), *map(keyword_grid, found.keywords)):
        squares = [cell for row in grid.rows for cell in row.cells if isinstance(cell, Square)]
        measured = sum(square.measured for square in squares)
        assert f"{measured} of 72 were measured" in grid.caption
        assert measured <= visited


def test_the_decision_can_be_copied_in_every_format(found: CrossoverMap) -> None:
    """As one sentence without markup, on one line where a line is copied."""
    document = undrawn(map_document(found))
    commands = [block for block in document.blocks if isinstance(block, Command)]

    assert ["For a decision document", "Measure it again"] == [command.title for command in commands]
    assert commands[0].text == document.data["decision"]
    for form in ("terminal", "markdown", "html"):
        assert commands[0].text.split("(")[0] in render(document, form)


@pytest.mark.parametrize(
    ("text", "short"),
    [("0.89?", ".89?"), ("0.92×", ".92"), ("1.0?", "1.0?"), ("12×", "12"), ("=", "="), ("D 2.4×", "D"), ("D ?", "D?")],
)
def test_a_phone_keeps_every_sign_of_doubt(text: str, short: str) -> None:
    """In four characters."""
    assert short == charts._short(text)


def test_what_is_uncertain_is_hatched_at_every_size(found: CrossoverMap) -> None:
    """In the colours of the page, and each drawing with a pattern of its own."""
    drawing = heat_map("w", "Winners", winners_grid(found))

    for svg in (drawing.wide, drawing.narrow):
        assert "<pattern" in svg
        assert "stroke-doubt" in svg
        ids = set(re.findall(r'<pattern[^>]* id="([^"]+)"|<pattern id="([^"]+)"', svg))
        assert ids
    assert set(re.findall(r'id="(h[^"]+)"', drawing.wide)).isdisjoint(re.findall(r'id="(h[^"]+)"', drawing.narrow))


def test_lines_run_between_squares(found: CrossoverMap) -> None:
    """Along their edges, where what is on both sides differs: no figure is crossed."""
    grid, areas = winners_grid(found), [[cell.winner for cell in row] for row in found.cells]

    with_lines, without = heat_map("w", "Winners", grid, areas=areas), heat_map("w", "Winners", grid)
    assert with_lines.wide != without.wide
    assert without.wide == heat_map("w", "Winners", grid, areas=[["same"] * 9] * 8).wide


def test_drawings_are_well_formed_and_told_in_words(found: CrossoverMap) -> None:
    """Who cannot see a heat map is told each of its squares."""
    charts = (heat_map("w", "Winners", winners_grid(found)), rate_curves(found, letters_of(found)))

    for chart in charts:
        for drawing in (chart.wide, chart.narrow):
            assert "img" == ET.fromstring(drawing).get("role")  # noqa: S314 (our own drawing)
    assert "500 D 2.4×" in charts[0].description
    assert "0 ms, 500 connections: " in charts[-1].description
    assert "in theory 8,333 req/s" in charts[-1].description


def test_where_nothing_can_be_drawn_a_grid_stands(found: CrossoverMap) -> None:
    """For each heat map; the curves' figures are records."""
    document = map_document(found)
    charts = [block for part in sections(document).values() for block in part.blocks if isinstance(block, Chart)]

    assert [True, True, True, False] == [bool(chart.instead) for chart in charts]
    assert {"map"} == {block.kind for chart in charts for block in chart.instead if isinstance(block, Table)}
    assert 72 * 4 == len(list(document.records))


def test_a_map_of_one_contender_can_be_told(make_sweep: Sweep) -> None:
    """There is nobody to compare it with; the page is whole all the same."""
    alone = make_sweep()
    only = dataclasses.replace(alone, trials=tuple(t for t in alone.trials if t.contender == "fastapi-async@uvicorn"))

    document = map_document(judge_map(only))

    assert any("No point of flask-sync@hypercorn" in note.text for note in sections(document)["Notes"].blocks)  # type: ignore[union-attr] # all are notes
    assert 4 == render(document, "html").count("<svg")


def test_what_is_not_known_of_a_server_is_said(make_sweep: Sweep) -> None:
    """A platform that does not tell, or too few connections: never a 0."""
    assert {("not observed", "not measured")} == limits(judge_map(make_sweep(observed=False)))

    few = limits(judge_map(make_sweep([(0, 1), (20, 2)])))
    assert "not known: too few connections were measured" in {threads for threads, _ in few}


def test_where_everybody_gives_up_nobody_wins(make_sweep: Sweep) -> None:
    """The square says so, and the caption what that means."""

    def give_up(trial: Trial) -> Trial:
        assert trial.result is not None
        if trial.load.vus < 500 or trial.workload != "wait-100ms":
            return trial
        return dataclasses.replace(trial, result=dataclasses.replace(trial.result, completed=0, errors={"timeout": 1}))

    grid = winners_grid(judge_map(make_sweep(change=give_up)))

    assert Square("none", "unsure", 0, measured=True) == grid.rows[-1].cells[-1]
    assert "none: every contender" in grid.caption
    assert "none:" not in winners_grid(judge_map(make_sweep())).caption


def test_a_section_is_a_function_and_shows_in_every_format(
    found: CrossoverMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more in the list is told everywhere."""
    further = Section(title="Further", blocks=(Note(f"{found.visits} visits, once more"),))
    monkeypatch.setattr(crossover, "SECTIONS", [*crossover.SECTIONS, lambda _: (further,)])
    document = map_document(found)

    for form in ("terminal", "markdown", "html"):
        assert f"{found.visits} visits, once more" in render(undrawn(document), form)


def test_json_is_one_document_of_every_field(found: CrossoverMap) -> None:
    """Numbers with their units in their names, null for what is missing, and the answers in words."""
    document = json.loads(render(map_document(found), "json"))

    assert ("crossover", 2, "complete", 600.0) == tuple(
        document[name] for name in ("document", "format_version", "state", "budget_s")
    )
    assert {field.name for field in dataclasses.fields(CrossoverMap)} <= set(document)
    assert {"wait_ms": 0, "connections": 1} == document["cells"][0][0]["place"]
    assert 3 == len(document["answers"])


def test_reports_are_written_whole_or_not_at_all(tmp_path: Path, found: CrossoverMap) -> None:
    """A folder that is none is an error in words."""
    document = undrawn(map_document(found))
    page = write_both(tmp_path, "map", document, "Do this.")

    assert {"map.html", "map.md"} == {path.name for path in tmp_path.iterdir()}
    assert page == tmp_path / "map.html"
    with pytest.raises(LabError, match="Do this"):
        write_both(tmp_path / "missing", "map", document, "Do this.")
