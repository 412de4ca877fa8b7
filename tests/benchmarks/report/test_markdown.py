from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Judgement
from benchmarks.model import Run
from benchmarks.report.markdown import render_markdown

HOSTILE = "a | b\n# c <script>alert(1)</script> [x](javascript:alert) `| y` *z* @everyone &lt; ![i](http://host/i.png)"


def parsed(markdown: str) -> list[Token]:
    """Parse as GitHub's dialect: CommonMark with tables and strikethrough."""
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)


def inline_types(tokens: Sequence[Token]) -> set[str]:
    """Return the kinds of inline elements that were found."""
    return {child.type for token in tokens for child in token.children or ()}


def rows(tokens: Sequence[Token]) -> list[list[str]]:
    """Return the text of every table row, cell by cell."""
    found: list[list[str]] = []
    for position, token in enumerate(tokens):
        if token.type == "tr_open":
            found.append([])
        elif token.type in {"td_open", "th_open"}:
            children = tokens[position + 1].children or []
            found[-1].append("".join(child.content for child in children))
    return found


def test_the_document_begins_with_the_answers(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """Who reads three lines knows."""
    lines = render_markdown(run, judgement, claims).splitlines()

    assert "# Is `async def` faster than `def`?" == lines[0]
    assert lines[2].startswith(
        "- FastAPI on uvicorn: **Yes**. rate async/sync 2.00 × [1.95, 2.07], the tutorial 2.02 ×."
    )
    assert lines[3].startswith("- Flask on Hypercorn: **No, slower**.")


def test_tables_are_whole(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """Every row has the cells of its heading, and the verdicts their sign, word and figures."""
    tables = rows(parsed(render_markdown(run, judgement, claims)))

    assert {2, 5, 6, 7, 10} == {len(row) for row in tables}
    assert [
        "2",
        "async def serves twice the requests of def",
        "Flask on Hypercorn",
        "✗ contradicted",
        "0.50 × [0.48, 0.52]",
        "2.02 ×",
    ] in tables
    assert ["fastapi-sync@uvicorn", "4,105", "2.0 %", "2.39", "3.17", "4.14", "248", "4.7", "11", "5 of 5"] in tables


def test_the_tutorials_words_are_quoted(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """In Traditional Chinese and in English, what k6 printed as code."""
    document = render_markdown(run, judgement, claims)

    assert "> 可以看到對大部分的等待時間都有幫助" in document
    assert "> `http_reqs......................: 249101 8303.043402/s`" in document
    assert "*It can be seen to help with most of the waiting times.*" in document


def test_the_opposite_signs_are_seen(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """The ratios are drawn in text, left and right of the bar."""
    drawn = [line for line in render_markdown(run, judgement, claims).splitlines() if "│" in line and "●" in line]

    sides = {line.split()[0]: line.index("●") > line.index("│") for line in drawn[:6]}
    assert {
        "flask@hypercorn": False,
        "flask@hypercorn+asgiref": False,
        "flask@hypercorn+eventloop": True,
        "flask@uvicorn+eventloop": True,
        "fastapi@hypercorn": True,
        "fastapi@uvicorn": True,
    } == sides


def test_the_same_views_stand_behind_each_bridge(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """What a request costs and how often it is answered, a row for each contender; waits where views wait."""
    document = render_markdown(run, judgement, claims)

    assert [
        "flask-async@hypercorn+eventloop",
        "3.71 × [3.60, 3.82] of flask-async@hypercorn; 1.02 × [0.99, 1.05] of fastapi-async@hypercorn",
        "0.0",
        "0.0",
        "0.0",
        "265",
        "55.3",
    ] in rows(parsed(document))
    assert "What bridges do with async def on Hypercorn, a request:" in document
    assert 4 == document.count("- Behind the bridge")


def test_hostile_text_stays_text(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """No name or note becomes markup, a link, an image, a mention or another cell."""
    document = render_markdown(
        dataclasses.replace(run, name=HOSTILE, environment={HOSTILE: HOSTILE}),
        dataclasses.replace(
            judgement,
            notes=(HOSTILE, "- item", "1. item", "=== x", "[ ] task"),
            placebo_failed=HOSTILE,
            summaries=tuple(
                dataclasses.replace(each, contender=HOSTILE, void=(HOSTILE,)) for each in judgement.summaries
            ),
            twins=tuple(dataclasses.replace(each, arrangement=HOSTILE) for each in judgement.twins),
            bridges=tuple(
                dataclasses.replace(each, above=HOSTILE, below=HOSTILE, sentence=HOSTILE, cause=HOSTILE)
                for each in judgement.bridges
            ),
            bridge_costs=tuple(
                dataclasses.replace(each, server=HOSTILE, contender=HOSTILE) for each in judgement.bridge_costs
            ),
            verdicts=tuple(
                dataclasses.replace(each, arrangement=HOSTILE, sentence=HOSTILE, why=HOSTILE)
                for each in judgement.verdicts
            ),
        ),
        claims,
    )
    tokens = parsed(document)

    assert {"text", "code_inline", "strong_open", "strong_close", "em_open", "em_close", "softbreak"} >= inline_types(
        tokens
    )
    assert not {"html_block", "html_inline"} & {token.type for token in tokens}
    assert {2, 5, 6, 7, 10} == {len(row) for row in rows(tokens)}
    assert "<script>alert(1)</script>" in "".join(child.content for token in tokens for child in token.children or ())
    assert " @everyone" not in "".join(
        token.content for token in tokens if token.type == "inline" and "`" not in token.content
    )
    assert 1 == max(token.level for token in tokens if token.type == "bullet_list_open") + 1


@pytest.mark.parametrize("state", ["interrupted", "running"])
def test_a_run_without_anything_is_told_truthfully(
    run: Run, judgement: Judgement, claims: Sequence[Claim], state: str
) -> None:
    """There are alerts and no verdict."""
    nothing = dataclasses.replace(
        judgement, verdicts=(), summaries=(), twins=(), placebo=None, ceiling_per_s={}, notes=()
    )
    document = render_markdown(dataclasses.replace(run, state=state), nothing, claims)  # type: ignore[arg-type] # of RunState

    assert "> **This run" in document
    assert 6 == document.count("no verdict in this run")
    assert "None" not in document
