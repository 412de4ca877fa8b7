from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from benchmarks.report.document import Document, Paragraph, Section
from benchmarks.report.formats.terminal import print_blocks, print_document, render
from tests.benchmarks.report.made_up_documents import HOSTILE, everything


def printed(document: Document, width: int = 80, *, details: bool = False, **options: object) -> str:
    """Print a document and return what was written."""
    output = io.StringIO()
    console = Console(file=output, width=width, **options)  # type: ignore[arg-type] # the tests know what they pass
    print_document(console, document, details=details)
    return output.getvalue()


def test_the_answer_is_what_still_stands_on_the_screen() -> None:
    """Sections come from the last to the first, then the question and its answer, then what is to be copied."""
    told = printed(everything())

    order = (
        "Signs",
        "Drawn",
        "What was found",
        "Is async def faster",
        "Read this first",
        "Measure it again",
        "--details",
    )
    places = [told.index(f"\n{part}") if part == "Signs" else told.rindex(part) for part in order]
    assert sorted(places) == places


@pytest.mark.parametrize("width", [160, 100, 80, 60, 40])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Nothing is left for the terminal to wrap but what is there to be copied; every figure is there."""
    told = printed(everything(), width, details=True)

    assert [] == [line for line in told.splitlines() if cell_len(line) > width and not line.startswith("Measure it")]
    for figure in ("4,105", "8,210 ±2.4 %", "0.50 × [0.48, 0.52]", "2.4×", "kernel", "tutorial 2.02 ×"):
        assert figure in " ".join(told.split())


def test_what_is_for_copying_is_not_broken() -> None:
    """Whatever the width."""
    (line,) = [line for line in printed(everything(), 40).splitlines() if line.startswith("Measure it again: ")]

    assert line.endswith("x" * 60)


def test_details_are_left_out_until_they_are_asked_for() -> None:
    """And it says how to ask; a text file has them."""
    assert "Only on request." not in printed(everything())
    assert "--details shows them" in printed(everything())
    assert "Only on request." in printed(everything(), details=True)
    assert "--details" not in printed(everything(), details=True)
    assert "Only on request." in render(everything())


def test_a_section_of_details_alone_has_no_heading() -> None:
    """Nothing stands below it."""
    folded = Section(title="Outer", blocks=(Section(title="Inner", blocks=(Paragraph("x"),), is_folded=True),))
    document = Document(kind="k", title="T", blocks=(folded,))

    assert "Outer" not in printed(document)
    assert "--details shows them" in printed(document)


def test_colour_only_repeats_what_words_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """A coloured document has the words of a plain one, and with NO_COLOR there is none."""
    coloured = printed(everything(), force_terminal=True, color_system="truecolor")
    assert "\x1b[" in coloured
    assert printed(everything()) == re.sub(r"\x1b\[[0-9;]*m", "", coloured)

    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(
        r"\x1b\[[0-9;]*[34][0-7]", printed(everything(), force_terminal=True, color_system="truecolor")
    )


def test_a_console_without_the_signs_gets_ascii() -> None:
    """Every sign has a plain one to stand for it."""
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii", write_through=True), width=100)
    print_document(console, everything())

    told = raw.getvalue().decode("ascii")
    assert "0.50 x [0.48, 0.52]" in told
    assert "+ replicated" in told
    assert "v slower" in told


def test_nothing_in_a_document_is_taken_for_markup_or_escape() -> None:
    """Brackets are printed, and what would steer the terminal is replaced."""
    told = printed(everything(HOSTILE), 160, details=True, force_terminal=True)

    assert "\x1b[2J" not in told
    assert "[red]" in told


def test_blocks_can_be_printed_alone() -> None:
    """As a warning on the way, without a question above."""
    output = io.StringIO()
    print_blocks(Console(file=output), [Paragraph("One line.")])

    assert "One line.\n" == output.getvalue()
