from __future__ import annotations

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from benchmarks.report.formats.markdown import render
from tests.benchmarks.report.made_up_documents import HOSTILE, everything


def parsed(markdown: str) -> list[Token]:
    """Parse as GitHub's dialect: CommonMark with tables and strikethrough."""
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)


def rows(tokens: Sequence[Token]) -> list[list[str]]:
    """Return the text of every table row, cell by cell."""
    found: list[list[str]] = []
    for position, token in enumerate(tokens):
        if token.type == "tr_open":
            found.append([])
        elif token.type in {"td_open", "th_open"}:
            children = tokens[position + 1].children or ()
            found[-1].append("".join(child.content for child in children))
    return found


def test_the_document_begins_with_the_answer() -> None:
    """After the title and what must be read first."""
    lines = [line for line in render(everything()).splitlines() if line]

    assert "# Is `async def` faster on Flask on Hypercorn?" == lines[0]
    assert lines[1].startswith("> **Read this first")
    assert lines[2].startswith("- Flask on Hypercorn: **Yes**. rate 2.00 × [1.95, 2.07], the tutorial 2.02 ×")


def test_tables_are_whole() -> None:
    """Every row has the cells of its heading; what was not measured is told, and a row in a group has both names."""
    document = render(everything())
    tables = rows(parsed(document))

    assert {2, 3, 6} == {len(row) for row in tables}
    assert ["Contender", "rate, req/s", "p95, ms", "ratio", "verdict", "said"] in tables
    assert ["Flask on Hypercorn, async def", "8,210 ±2.4 %", "1.50", "0.50 × [0.48, 0.52]", "", ""] in tables
    assert "–: not measured." in document
    assert "| ✓ replicated 2.00 ×" in document.replace("**", "")


def test_ratios_are_drawn_in_text() -> None:
    """Left and right of the bar."""
    drawn = [line for line in render(everything()).splitlines() if "│" in line and "●" in line]

    assert [True, False] == [line.index("●") > line.index("│") for line in drawn]


def test_the_tutorials_words_are_quoted() -> None:
    """What k6 printed as code."""
    document = render(everything())

    assert "> 也沒多厲害啊" in document
    assert "> `http_reqs......................: 249101 8303.043402/s`" in document


def test_what_is_drawn_elsewhere_is_a_table_here() -> None:
    """Bold is measured."""
    assert ["0 ms", "2.4×", "~A 1.1×"] in rows(parsed(render(everything()).replace("\\~", "~")))


def test_hostile_text_stays_text() -> None:
    """No name or note becomes markup, a link, an image, a mention or another cell."""
    document = render(everything(HOSTILE))
    tokens = parsed(document)
    inline = {child.type for token in tokens for child in token.children or ()}

    assert inline <= {"text", "code_inline", "strong_open", "strong_close", "em_open", "em_close", "softbreak"}
    assert not {"html_block", "html_inline"} & {token.type for token in tokens}
    assert {2, 3, 6} == {len(row) for row in rows(tokens)}
    assert "<script>alert(1)</script>" in "".join(child.content for token in tokens for child in token.children or ())
    assert " @all" not in "".join(token.content for token in tokens if token.type == "inline")
    assert "\x1b" not in document
