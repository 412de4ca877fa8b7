from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Judgement
from benchmarks.model import Run
from benchmarks.report.terminal import print_report

Printed = Callable[..., str]


@pytest.fixture
def printed(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> Printed:
    """Print a report and return what was written."""

    def report(width: int = 80, told: Judgement = judgement, of: Run = run, **options: object) -> str:
        output = io.StringIO()
        location = options.pop("location", None)
        console = Console(file=output, width=width, **options)  # type: ignore[arg-type] # the tests know what they pass
        print_report(console, of, told, claims, location if isinstance(location, Path) else None)
        return output.getvalue()

    return report


def test_the_verdicts_fit_on_one_screen(printed: Printed) -> None:
    """Answers and all verdicts, each on its line, are what a terminal of 80 columns still shows at the end."""
    screen = printed(80).splitlines()[-27:]

    assert "  FastAPI on uvicorn  Yes             2.00 × [1.95, 2.07]" in screen
    assert "   Flask on Hypercorn  ✗ contradicted  0.50 × [0.48, 0.52]     tutorial 2.02 ×" in screen
    assert 11 == sum("✓ replicated" in line or "✗ contradicted" in line for line in screen)


@pytest.mark.parametrize("width", [80, 100, 60, 40])
def test_no_line_is_wider_than_the_terminal(printed: Printed, width: int) -> None:
    """Nothing is left for the terminal to wrap but what is there to be copied."""
    lines = printed(width).splitlines()

    assert [] == [line for line in lines if cell_len(line) > width and not line.startswith("Measure it again")]


@pytest.mark.parametrize("width", [80, 40])
def test_every_figure_is_printed_at_any_width(printed: Printed, width: int) -> None:
    """A narrow terminal gets paragraphs for the table, not a table without columns."""
    report = printed(width)

    for fact in ("4,105 ±2.0 %", "248", "8.7", "fastapi@uvicorn", "1.60 × [1.55, 1.66]"):
        assert fact in report


def test_the_wide_table_has_twins_below_their_arrangement(printed: Printed) -> None:
    """Columns line up, and the ratios are drawn around a bar."""
    lines = printed(80).splitlines()
    row = lines.index(next(line for line in lines if line.rstrip() == "fastapi@uvicorn"))

    assert lines[row + 1].split() == ["def", "4,105", "±2.0", "%", "2.39", "3.17", "248", "4.7", "11"]
    assert lines[row + 2].split() == ["async", "def", "8,210", "±2.0", "%", "1.19", "1.58", "117", "0.0", "1"]
    assert any("│" in line and "●" in line and line.index("●") > line.index("│") for line in lines if "2.00 ×" in line)


def test_no_color_is_respected(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR a terminal gets no colour, and outcomes are still told apart."""
    monkeypatch.setenv("NO_COLOR", "1")
    report = printed(80, force_terminal=True, color_system="truecolor")

    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", report)
    assert "✗ contradicted" in report


def test_colour_only_repeats_what_words_say(printed: Printed) -> None:
    """A coloured report has the words of a plain one."""
    coloured = printed(80, force_terminal=True, color_system="truecolor")

    assert "\x1b[" in coloured
    assert printed(80) == re.sub(r"\x1b\[[0-9;]*m", "", coloured)


def test_a_pipe_gets_plain_text(printed: Printed) -> None:
    """There is no escape sequence in a file."""
    assert "\x1b" not in printed(80)


def test_a_console_without_the_signs_gets_ascii(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """An encoding that lacks ✓ or × is no error, and the outcomes keep a sign."""
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii", write_through=True), width=80)
    print_report(console, run, judgement, claims)
    report = raw.getvalue().decode("ascii")

    assert "+ replicated    2.00 x [1.95, 2.07]" in report
    assert "x contradicted" in report
    assert "us/req" in report


def test_nothing_in_a_run_is_taken_for_markup_or_escape(printed: Printed, judgement: Judgement) -> None:
    """Brackets are printed, and what would steer the terminal is replaced."""
    report = printed(told=dataclasses.replace(judgement, notes=("[red]loud[/red] \x1b[2J",)), force_terminal=True)

    assert "[red]loud[/red] \ufffd[2J" in report
    assert "\x1b[2J" not in report


def test_what_was_not_measured_is_a_dash_that_is_explained(printed: Printed, judgement: Judgement) -> None:
    """A missing figure is never 0."""
    first, *others = judgement.summaries
    partial = dataclasses.replace(first, cpu_us_per_request=None, running_threads=None)
    report = printed(told=dataclasses.replace(judgement, summaries=(partial, *others)))

    assert "–: not measured" in report
    assert "not measured" not in printed()
    assert ["def", "1,952", "±2.0", "%", "5.02", "6.66", "–", "5.8", "–"] in [
        line.split() for line in report.splitlines()
    ]


def test_withheld_verdicts_are_announced_above_them(printed: Printed, judgement: Judgement) -> None:
    """The alert stands above the answers, with the reason."""
    withheld = dataclasses.replace(
        judgement,
        placebo_failed="The A/A comparison failed: 1.20 ×.",
        verdicts=tuple(
            dataclasses.replace(verdict, outcome="refused", figures=(), sentence="Not judged.", why="A/A failed.")
            for verdict in judgement.verdicts
        ),
    )
    lines = printed(told=withheld).splitlines()

    assert (
        "! Verdicts that rest on timing are withheld. The A/A comparison failed: 1.20 ×."
        == lines[lines.index("Is async def faster than def?") + 1]
    )
    assert "  FastAPI on uvicorn  Withheld" in lines
    assert "   Flask on Hypercorn  ! refused" in lines


def test_an_empty_run_is_told_as_such(printed: Printed, run: Run, judgement: Judgement) -> None:
    """Without verdicts, trials or contenders there is a report, and it claims nothing."""
    nothing = dataclasses.replace(
        judgement, verdicts=(), summaries=(), twins=(), placebo=None, ceiling_per_s={}, notes=()
    )
    report = printed(told=nothing, of=dataclasses.replace(run, state="interrupted"))

    assert "was interrupted" in report
    assert "No valid trial was measured" in report
    assert "no verdict in this run" in report
    assert "✓" not in report


def test_what_is_for_copying_is_not_broken(printed: Printed) -> None:
    """Command and path stand on a line of their own, whatever the width."""
    location = Path("results") / "a-rather-long-folder-name-that-goes-on-and-on" / "report.html"
    lines = printed(40, location=location).splitlines()

    assert "Measure it again: lab compare quick --seed 20260301 --rounds 7" in lines
    assert f"Report: {location}" in lines


def test_what_a_bridge_does_is_told_of_the_async_views(printed: Printed) -> None:
    """Every ratio of theirs has its line; the cause is spelled out where only the bridge differs."""
    told = " ".join(printed(100).split())

    assert "flask-async@hypercorn+eventloop over others on its server, req/s flask-async@hypercorn 3.71 ×" in told
    assert "- health: Behind the bridge async served 3.71 times the requests of flask. Each request, without →" in told
    assert "the requests of fastapi." not in told
    assert "Behind the bridge sync" not in told


def test_bridges_that_cannot_be_judged_have_no_cause(printed: Printed, judgement: Judgement) -> None:
    """The figure stands; why it is no more than that is told of the verdicts already."""
    refused = tuple(
        dataclasses.replace(each, refusal="The A/A comparison failed.", sentence="Not judged.")
        for each in judgement.bridges
    )
    told = printed(100, dataclasses.replace(judgement, bridges=refused))

    assert "3.71 ×" in told
    assert "Not judged." not in told
