from __future__ import annotations

import dataclasses
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.cells import cell_len
from rich.console import Console

from benchmarks.judge.crossover import CrossoverMap, judge_map
from benchmarks.judge.keyword_map import Boundary
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.model import Place, Run, Trial
from benchmarks.report.charts.heat_map import heat_map
from benchmarks.report.charts.rate_curves import rate_curves
from benchmarks.report.crossover.data import map_document
from benchmarks.report.crossover.files import write_map_reports
from benchmarks.report.crossover.html import render_map_html
from benchmarks.report.crossover.markdown import render_map_markdown
from benchmarks.report.crossover.progress import SweepProgress
from benchmarks.report.crossover.story import tell_map
from benchmarks.report.crossover.terminal import print_map
from benchmarks.report.crossover.words import boundary_text, connections, contender_name
from benchmarks.report.files import ReportFileError

Sweep = Callable[..., Run]
HOSTILE = "</script><b>|`x` \x1b[2J"


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


def printed(found: CrossoverMap, width: int = 100, **options: object) -> str:
    """Print a map and return what was written."""
    output = io.StringIO()
    print_map(Console(file=output, width=width, **options), found)  # type: ignore[arg-type] # the tests know
    return output.getvalue()


def test_the_heat_map_is_letters_and_figures(found: CrossoverMap) -> None:
    """Every wait is a row, every number of connections a column; who is estimated is marked."""
    lines = printed(found).splitlines()
    start = lines.index("Who serves the most, and how many times the next")
    heads = [line.split() for line in lines[start:]]

    assert ["1", "2", "5", "10", "20", "50", "100", "200", "500"] in heads
    row = next(line for line in lines[start:] if line.lstrip().startswith("0 ms"))
    assert row.rstrip().endswith("D 2.4×")
    assert "~D" in row
    assert "A  flask-sync@hypercorn" in lines


def test_the_answers_stand_at_the_end(found: CrossoverMap) -> None:
    """For each question about the keyword, wait by wait, and who serves the most."""
    told = " ".join(printed(found).split("Where does async def pay?")[1].split())

    assert "Flask: its best async def over its best def: with a wait of 0 to" in told
    assert "on (surely from" in told or "connection on" in told
    assert "Of 72 places, the most is served by FastAPI on uvicorn, async def" in told
    assert "lab crossover --budget 600s --seed 3 -c flask-sync@hypercorn" in told


def test_where_theory_parts_is_told_with_cell_and_factor(found: CrossoverMap) -> None:
    """The place, the factor, both rates, and which bound."""
    told = " ".join(printed(found, 200).split())

    assert re.search(r"flask-async@hypercorn at 0 ms, 500 connections: 0\.(49|50) × the theory", told)
    assert "the CPU allows 1,111 req/s" in told
    assert "flask-async@hypercorn falls with more connections: 0.5" in told


@pytest.mark.parametrize("width", [80, 100, 60, 40])
def test_no_line_is_wider_than_the_terminal(found: CrossoverMap, width: int) -> None:
    """A heat map that has no room is printed in bands."""
    lines = printed(found, width).splitlines()

    assert [] == [line for line in lines if cell_len(line) > width and not line.startswith("Measure it again")]


def test_colour_only_repeats_what_is_written(found: CrossoverMap, monkeypatch: pytest.MonkeyPatch) -> None:
    """A coloured map has the characters of a plain one, and with NO_COLOR there is none."""
    coloured = printed(found, force_terminal=True, color_system="truecolor")
    assert "\x1b[" in coloured
    assert printed(found) == re.sub(r"\x1b\[[0-9;]*m", "", coloured)

    monkeypatch.setenv("NO_COLOR", "1")
    plain = printed(found, force_terminal=True, color_system="truecolor")
    assert not re.search(r"\x1b\[[0-9;]*[34][0-7]", plain)


def test_a_console_without_the_signs_gets_ascii(found: CrossoverMap) -> None:
    """The figures keep their sign."""
    raw = io.BytesIO()
    written = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    print_map(Console(file=written, width=100), found)

    assert "D 2.4x" in raw.getvalue().decode("ascii")


def test_nothing_in_a_map_is_taken_for_markup(make_sweep: Sweep) -> None:
    """A reason that a server gave is shown, in every form, and does nothing."""

    def spoil(trial: Trial) -> Trial:
        return dataclasses.replace(trial, failure=f"[red]{HOSTILE}") if trial.round == 1 else trial

    hostile = judge_map(make_sweep(change=spoil, visits=2))

    assert "[red]</script><b>|`x`" in " ".join(printed(hostile, 200).split())
    assert "\x1b[2J" not in printed(hostile)
    page = render_map_html(hostile)
    assert "<b>|" not in page
    assert "&lt;b&gt;" in page
    assert r"\<b\>\|\`x\`" in render_map_markdown(hostile)


@pytest.fixture(scope="module")
def page(found: CrossoverMap) -> str:
    """The map's page."""
    return render_map_html(found)


def test_markdown_has_tables_that_hold(found: CrossoverMap) -> None:
    """Every row of a table has the cells of its head."""
    page = render_map_markdown(found)
    tables = re.findall(r"(?:^\|.*\n)+", page, flags=re.MULTILINE)

    assert len(tables) >= 5
    for table in tables:
        assert 1 == len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()})
    assert "**D 2.4×**" in page
    assert page.startswith("# Where does `async def` pay?")


def test_the_page_needs_nothing_else(page: str) -> None:
    """No script, no style that its policy does not admit, no address; a drawing for each grid and the curves."""
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!data:,|#)", page.replace("http://www.w3.org", ""))
    assert " style=" not in page
    assert 2 * (2 + 1 + 1) == page.count("<svg")


def test_drawings_are_well_formed_and_told_in_words(found: CrossoverMap) -> None:
    """Who cannot see a heat map is told each of its squares."""
    story = tell_map(found)
    charts = (heat_map(story, story.winners), rate_curves(story, found))

    for chart in charts:
        for drawing in (chart.wide, chart.narrow):
            assert "img" == ET.fromstring(drawing).get("role")  # noqa: S314 (our own drawing)
    assert "500 D 2.4×" in charts[0].description
    assert "0 ms, 500 connections: " in charts[-1].description
    assert "in theory 8,333 req/s" in charts[-1].description


def test_a_map_of_one_contender_can_be_told(make_sweep: Sweep) -> None:
    """There is nobody to compare it with; the page is whole all the same."""
    alone = make_sweep()
    only = dataclasses.replace(alone, trials=tuple(t for t in alone.trials if t.contender == "fastapi-async@uvicorn"))
    found = judge_map(only)

    assert "No point of flask-sync@hypercorn" in printed(found)
    assert 4 == render_map_html(found).count("<svg")
    assert "A" in render_map_markdown(found)


def test_what_is_not_known_of_a_server_is_said(make_sweep: Sweep) -> None:
    """A platform that does not tell, or too few connections: never a 0."""
    unobserved = tell_map(judge_map(make_sweep(observed=False))).contestants
    assert {("not observed", "not measured")} == {(each.threads, each.cpu) for each in unobserved}

    few = tell_map(judge_map(make_sweep([(0, 1), (20, 2)]))).contestants
    assert "not known: too few connections were tried" == few[0].threads
    assert "never at its limit" in few[0].cpu


def test_where_everybody_gives_up_nobody_wins(make_sweep: Sweep) -> None:
    """The square says so, and the explanation what that means."""

    def give_up(trial: Trial) -> Trial:
        assert trial.result is not None
        if trial.load.vus < 500 or trial.workload != "wait-100ms":
            return trial
        return dataclasses.replace(trial, result=dataclasses.replace(trial.result, completed=0, errors={"timeout": 1}))

    story = tell_map(judge_map(make_sweep(change=give_up)))

    assert "none" == story.winners.squares[-1][-1].label
    assert "none: every contender" in story.winners.explanation
    assert "none:" not in tell_map(judge_map(make_sweep())).winners.explanation


@pytest.mark.parametrize(
    ("boundary", "told"),
    [
        ((None, None, None, None, True), "never pays, and costs"),
        ((None, None, None, None, False), "never pays"),
        ((None, 10.0, None, None, False), "does not pay, as far as this sweep can tell"),
        ((1.0, 1.0, 1.0, None, False), "pays from 1 connection on"),
        ((1.0, 1.0, 5.2, None, False), "pays from 1 connection on (surely from 6)"),
        ((6.2, 5.0, 7.7, None, False), "pays from about 7 connections on (surely from 8)"),
        (
            (6.2, 5.0, None, 190.0, True),
            "may pay from about 7 connections on, up to 190 connections; not surely anywhere",
        ),
    ],
)
def test_a_boundary_is_told_in_whole_connections(
    boundary: tuple[float | None, float | None, float | None, float | None, bool], told: str
) -> None:
    """With how sure it is."""
    begins, low, high, ends, costs = boundary

    assert told == boundary_text(Boundary(wait_ms=5, begins=begins, low=low, high=high, ends=ends, costs=costs))


def test_names_are_spelled_out() -> None:
    """Also one that has no view."""
    assert "Flask on Hypercorn + eventloop, async def" == contender_name("flask-async@hypercorn+eventloop")
    assert "bare on uvicorn" == contender_name("bare@uvicorn")
    assert ("1 connection", "6.7 connections", "140 connections") == tuple(map(connections, (1, 6.68, 140.2)))


def test_json_is_one_document_of_every_field(make_sweep: Sweep, found: CrossoverMap) -> None:
    """Numbers with their units in their names, null for what is missing, and the answers in words."""
    document = json.loads(map_document(found))

    assert ("crossover", 2, "complete", 600.0) == tuple(
        document[name] for name in ("document", "format_version", "state", "budget_s")
    )
    assert {field.name for field in dataclasses.fields(CrossoverMap)} <= set(document)
    assert {"wait_ms": 0, "connections": 1} == document["cells"][0][0]["place"]
    assert 3 == len(document["answers"])
    endless = dataclasses.replace(found, noise=float("inf"))
    assert json.loads(map_document(endless))["noise"] is None


def test_reports_are_written_whole_or_not_at_all(tmp_path: Path, found: CrossoverMap) -> None:
    """A folder that is none is an error in words."""
    page = write_map_reports(tmp_path, found)

    assert {"map.html", "map.md"} == {path.name for path in tmp_path.iterdir()}
    assert page == tmp_path / "map.html"
    with pytest.raises(ReportFileError, match="lab crossover --from FOLDER"):
        write_map_reports(tmp_path / "missing", found)


def test_progress_is_a_line_a_visit_with_what_is_left(make_sweep: Sweep) -> None:
    """Where there is no terminal; void trials are told as such."""
    run = make_sweep([(5, 20)])
    output, now = io.StringIO(), [0.0]
    failed = dataclasses.replace(run.trials[0], failure="it died")

    with SweepProgress(Console(file=output, width=200), 600.0, 4, lambda: now[0]) as progress:
        progress.checking(4)
        for contender, trial in zip(run.plan.contenders, (failed, *run.trials[1:]), strict=True):
            scheduled = _scheduled(run, contender.id, trial)
            progress.started(scheduled)
            progress.ended(scheduled, trial)
            if trial is failed:
                # That was the calibration's; a visit begins.
                progress.visiting(Place(5, 20), 5.0)
                progress.started(scheduled)
                progress.ended(scheduled, trial)
            now[0] += 30.0
    told = output.getvalue()

    assert "checking that 4 contenders give the same answer" in told
    assert "1  left 8:00  5 ms, 20 connections" in told
    assert "flask-sync@hypercorn void" in told
    assert "fastapi-async@uvicorn 3,810" in told


def _scheduled(run: Run, contender: str, trial: Trial) -> ScheduledTrial:
    (chosen,) = [each for each in run.plan.contenders if each.id == contender]
    return ScheduledTrial(trial.round, trial.position, chosen, run.plan.workloads[0], trial.load)
