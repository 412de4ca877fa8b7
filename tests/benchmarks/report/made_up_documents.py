"""A document with a block of every kind, for tests of the renderers."""

from __future__ import annotations

import dataclasses

from benchmarks.judge.judgement import Estimate, Figure
from benchmarks.report.charts.canvas import Drawing
from benchmarks.report.document import (
    Block,
    Chart,
    Column,
    Command,
    Document,
    Note,
    Paragraph,
    Row,
    Section,
    Square,
    Table,
    Verdict,
    comparisons,
)

DOUBLE = Estimate(value=2.0, low=1.95, high=2.07, samples=7)
HALF = Estimate(value=0.5, low=0.48, high=0.52, samples=7)
HOSTILE = "</title><script>alert(1)</script> a | b\n# c [x](javascript:y) *z* @all &lt; \x1b[2J[red] {{ 7*7 }} \" ' ~"
DRAWING = Drawing(name="d", title="A drawing", description="In words.", wide="<svg></svg>", narrow="<svg> </svg>")


def verdict(subject: str, outcome: str = "replicated", *, word: str = "", text: str = "it holds") -> Verdict:
    """Return a verdict of two figures."""
    return Verdict(
        subject=subject,
        outcome=outcome,
        word=word,
        figures=(
            Figure(name="rate", estimate=DOUBLE, unit="×", tutorial_value=2.02),
            Figure(name="threads", estimate=None, unit="", tutorial_value=None, outcome="contradicted"),
        ),
        sentence=f"A sentence: {text}.",
        why=f"A cause: {text}; add --rounds 20.",
        hue="flask",
    )


def undrawn(document: Document) -> Document:
    """Return a document whose charts take no time to draw, for tests of all that stands around them."""

    def without(block: Block) -> Block:
        match block:
            case Chart():
                return dataclasses.replace(block, draw=lambda: DRAWING)
            case Section():
                return dataclasses.replace(block, blocks=tuple(map(without, block.blocks)))
            case _:
                return block

    return dataclasses.replace(document, blocks=tuple(map(without, document.blocks)))


def everything(name: str = "Flask on Hypercorn", drawing: Drawing | None = DRAWING) -> Document:
    """Return a document with every kind of block, which holds this name wherever a name may be.

    Args:
        name: Of whatever has one.
        drawing: What its chart draws.
    """
    table = Table(
        caption=f"Figures of {name}",
        columns=(
            Column("Contender"),
            Column("rate", unit="req/s"),
            Column("p95", unit="ms", group="latency", is_minor=True, hint="95th percentile"),
            Column("ratio", unit="×", group="latency"),
            Column("verdict"),
            Column("said", is_text=True),
        ),
        rows=(
            Row(
                ("def", 4105.0, None, DOUBLE, Verdict(subject="def", outcome="replicated", sentence="2.00 ×"), name),
                group=name,
                strong=True,
            ),
            Row(
                ("async def", Estimate(value=8210.0, low=8000.0, high=8400.0, samples=5), 1.5, HALF, "", ""), group=name
            ),
            Row((name, 1, 2.0, None, Verdict(subject=name, outcome="slower"), "the same"), anchor="more"),
        ),
    )
    facts = Table(
        caption="",
        columns=(Column("a"), Column("b", is_text=True)),
        rows=(Row(("kernel", name)),),
        kind="facts",
    )
    ratios = comparisons(f"async over sync, {name}", (Row((name, DOUBLE), strong=True), Row(("other", HALF))))
    grid = Table(
        caption="Who serves the most",
        columns=(Column("wait, connections"), Column("1"), Column("500")),
        rows=(
            Row(("0 ms", Square("2.4×", "more", 2, measured=True), Square("A 1.1×", "A", 1, measured=False))),
            Row(("5 ms", Square("=", "equal", 0, measured=True), Square("0.5×", "less", 3, measured=True))),
        ),
        kind="map",
    )
    chart = Chart(draw=lambda: drawing, caption=f"A chart of {name}", instead=(grid,))
    return Document(
        kind="everything",
        title=f"Is `async def` faster on {name}?",
        blocks=(
            Note(f"Read this first: {name}", "alert"),
            verdict(name, word="Yes"),
            Paragraph(f"A paragraph on `code` and {name}"),
            Paragraph(f"An explanation of {name}", "quiet"),
            ratios,
            Section(
                title="What was found",
                anchor="more",
                blocks=(
                    Paragraph("也沒多厲害啊", "quote"),
                    Paragraph("http_reqs......................: 249101 8303.043402/s", "quote"),
                    verdict(name),
                    verdict("other", "slower", text=name),
                    table,
                    Section(title="Folded", blocks=(facts, Paragraph("Only on request.")), is_folded=True),
                ),
            ),
            Section(title="Drawn", blocks=(chart,)),
            Section(
                title="Signs", blocks=(Note(name, "good"), Note("Unplugged.", "warning", "Plug it in."), Note(name))
            ),
            Command("Measure it again", f"lab compare quick --seed 20260301 --rounds 7 --contender {'x' * 60}"),
        ),
        data={"ratio": DOUBLE, "name": name},
        records=({"name": name, "ratio": 2.0}, {"name": "other", "ratio": None, "low": 0.48}),
        about=f"{name}, today",
    )
