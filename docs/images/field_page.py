"""Writes the figures of "The field, on one machine, on one day": ``python docs/images/field_page.py [run's folder]``.

They come from the run that is kept beside this file. With a folder, its run is kept from then on, without histograms.
"""

from __future__ import annotations

import gzip
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.cli import runs
from benchmarks.judge.judge import judge
from benchmarks.judge.judgement import Judgement
from benchmarks.measure.journal import read_run
from benchmarks.model import Run
from benchmarks.report.charts.canvas import Drawing
from benchmarks.report.document import Block, Chart, Document, Paragraph
from benchmarks.report.formats import render
from benchmarks.report.formats.html import standalone
from benchmarks.report.method import environment_facts, facts_table
from benchmarks.report.products.field import WORK, field_blocks, work_blocks
from benchmarks.report.products.likeness import likeness
from benchmarks.report.products.run_evidence import Told
from benchmarks.report.reproduce import compare_command

HERE = Path(__file__).parent
KEPT = HERE / "field-run.jsonl.gz"
PAGE = HERE.parent / "explanation" / "the-field.md"
PICTURES = {kind: HERE / f"{kind}.svg" for kind in ("field-health", "field-wait", "work-health")}
PHONES = {kind: HERE / f"{kind}-phone.svg" for kind in PICTURES}
WRITTEN = re.compile(r"(?<=<!-- Written by docs/images/field_page.py. -->\n).*(?=<!-- End. -->)", re.DOTALL)


def main() -> None:
    """Keep a run if one is named, and write the page and its pictures."""
    if sys.argv[1:]:
        KEPT.write_bytes(gzip.compress(without_histograms(Path(sys.argv[1], "journal.jsonl").read_bytes()), mtime=0))
    told = kept()
    for name, drawing in drawings(told).items():
        PICTURES[name].write_text(standalone(drawing), encoding="utf-8")
        PHONES[name].write_text(standalone(drawing, narrow=True), encoding="utf-8")
    PAGE.write_text(WRITTEN.sub(lambda _: f"\n{figures(told)}\n\n", PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def without_histograms(journal: bytes) -> bytes:
    """Return a journal without what is most of it, and of no use here."""
    return re.sub(rb'"histogram":"[^"]*"', b'"histogram":null', journal)


def kept() -> Told:
    """Return the run that is kept, and what is judged of it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "journal.jsonl").write_bytes(gzip.decompress(KEPT.read_bytes()))
        run = read_run(Path(folder))
    claims = runs.ledger()
    return Told(run, judge(run, tuple(claims)), claims)


def drawings(told: Told) -> dict[str, Drawing]:
    """Return the pictures of the page, by name."""
    charts = (
        block
        for field in told.judgement.fields
        for block in (
            *field_blocks(told.run, field, told.judgement, is_first=False),
            *work_blocks(field, told.judgement.margin),
        )
        if isinstance(block, Chart)
    )
    return {drawing.name: drawing for chart in charts if (drawing := chart.draw()) is not None}


def figures(told: Told) -> str:
    """Return what the page says of the run, as Markdown."""
    return "\n\n".join(_figures(told.run, told.judgement, told))


def _figures(run: Run, judgement: Judgement, told: Told) -> Iterator[str]:
    yield f"This is run `{run.name}`, made by\n\n```text\n$ {compare_command(run.plan, run.environment)}\n```"
    for field in judgement.fields:
        answer, chart, *others = field_blocks(run, field, judgement, is_first=False)
        yield from pictured(answer, chart, f"field-{field.workload}")
        yield from map(markdown, others)
        left = list(work_blocks(field, judgement.margin))
        if left:
            chart, table = left
            yield "## Where the view itself works"
            yield from pictured(Paragraph(WORK), chart, f"work-{field.workload}", table)
    yield "## What is unequal beside the framework"
    (section,) = likeness(told)
    explained, *tables = section.blocks
    yield markdown(explained)
    yield folded(f"What was observed of each of {len(run.likeness)}", *tables)
    yield "## What has no place in a picture"
    refused = [duel for duel in judgement.duels if duel.refusal]
    yield "\n".join(f"- `{duel.above}`, {duel.workload}: {markdown(Paragraph(duel.refusal or ''))}" for duel in refused)
    yield folded(
        "The machine and its software",
        *(facts_table("", environment_facts(run.environment, packages=packages)) for packages in (False, True)),
    )


def pictured(answer: Block, chart: Block, name: str, *instead: Block) -> Iterator[str]:
    """Yield an answer, its picture, and the same in figures."""
    if not isinstance(answer, Paragraph) or not isinstance(chart, Chart):
        raise TypeError("A field begins with its answer and its picture.")
    yield markdown(answer)
    without_brackets = re.sub(r" \[[^]]*\]", "", answer.text)
    yield f"![{without_brackets}](../images/{PICTURES[name].name})"
    yield markdown(Paragraph(chart.caption, "quiet"))
    yield folded("The same in figures", *(instead or chart.instead))


def folded(title: str, *blocks: Block) -> str:
    """Return blocks below a line that unfolds them."""
    return f"<details>\n<summary>{title}</summary>\n\n{markdown(*blocks)}\n\n</details>"


def markdown(*blocks: Block) -> str:
    """Return blocks as Markdown, without a title."""
    document = Document(kind="field", title="", blocks=blocks)
    text = render(document, "markdown").partition("\n")[2].strip()
    # The handbook wants to know what a block is.
    return re.sub(r"^```$(.*?)^```$", r"```text\1```", text, flags=re.MULTILINE | re.DOTALL)


if __name__ == "__main__":
    main()
