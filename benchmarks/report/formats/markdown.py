"""Renders a document as Markdown that GitHub shows well: tables, quotes, and ratios drawn in text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from benchmarks.judge.judgement import Figure
from benchmarks.report import figures
from benchmarks.report.document import (
    Block,
    Cell,
    Chart,
    Command,
    Document,
    Note,
    Paragraph,
    Section,
    Square,
    Table,
    Verdict,
    grouped,
)
from benchmarks.report.figures import sign
from benchmarks.report.plain_text import one_line, spans

# A bracket makes a link or a definition only by what follows it: intervals stay readable in the source.
_SPECIAL: Final = re.compile(r"([\\`*_<>|#~$]|\](?=[\[(:]))")
# What would begin a list, a task or a heading's underline, were it first on a line.
_LEADING: Final = re.compile(r"^([-+](?=\s|$)|[=\[]|\d+(?=[.)](?:\s|$)))")
# GitHub would notify a person of this name.
_MENTION: Final = re.compile(r"(?<!\w)@")
_PRINTED: Final = re.compile(r"\.{4,}:")
_STRIP_WIDTH: Final = 41


def render(document: Document) -> str:
    """Return the document as Markdown."""
    lines = [f"# {_text(document.title)}", *_blocks(document.blocks, 2)]
    if document.about:
        lines += ["", _text(document.about)]
    return "\n".join(lines) + "\n"


def _blocks(blocks: Iterable[Block], level: int) -> Iterator[str]:
    for name, group in grouped(blocks):
        if name:
            yield ""
        for block in group:
            yield from _block(block, level)


def _block(block: Block, level: int) -> Iterator[str]:
    match block:
        case Section():
            yield from ("", f"{'#' * level} {_text(block.title)}")
            yield from _blocks(block.blocks, level + 1)
        case Paragraph():
            yield from ("", _paragraph(block))
        case Note(level="alert"):
            yield from ("", f"> **{_text(block.text)}**")
        case Note():
            mark = "" if block.level == "plain" else f"{sign(block.level)} "
            yield f"- {mark}{_text(f'{block.text} {block.advice}')}"
        case Verdict():
            yield _verdict(block)
        case Table(kind="ratios"):
            yield from _ratios(block)
        case Table():
            yield from _table(block)
        case Chart():
            yield from _blocks(block.instead, level)
        case Command():
            yield from ("", f"{_text(block.title)}:", "", *_fenced([one_line(block.text)]))


def _paragraph(block: Paragraph) -> str:
    if block.kind == "quote":
        text = one_line(block.text)
        # What k6 printed keeps its form in a code span.
        return f"> {_code(text) if _PRINTED.search(text) else _text(text)}"
    mark = {"strong": "**", "quiet": "*", "source": "*"}.get(block.kind, "")
    return f"{mark}{_text(block.text)}{mark}"


def _verdict(verdict: Verdict) -> str:
    word = verdict.answer or f"{sign(verdict.outcome)} {verdict.outcome}"
    measured = "; ".join(map(_figure, verdict.figures))
    parts = (f"{measured}." if measured else "", _text(verdict.sentence), _text(verdict.why))
    return " ".join((f"- {_text(verdict.subject)}: **{_text(word)}**.", *filter(None, parts)))


def _figure(figure: Figure) -> str:
    outcome = f"{sign(figure.outcome)} " if figure.outcome else ""
    tutorial = figure.tutorial_value
    reference = "" if tutorial is None else f", the tutorial {figures.amount(tutorial, figure.unit)}"
    finding = f" ({figure.finding})" if figure.finding else ""
    return _text(f"{outcome}{figure.name} {figures.estimated(figure.estimate, figure.unit)}{reference}{finding}")


def _ratios(block: Table) -> Iterator[str]:
    ratios = [(one_line(row.cells[0]), row.estimate) for row in block.rows]
    reach, width = figures.ratio_reach(ratio for _, ratio in ratios), max(len(name) for name, _ in ratios)
    lines = [
        f"{name:<{width}}  {figures.ratio_strip(reach, ratio, _STRIP_WIDTH)}  {figures.estimated(ratio, '×')}"
        for name, ratio in ratios
    ]
    yield from ("", f"{_text(block.caption)}; left of the bar it is below 1:", "", *_fenced(lines))


def _table(block: Table) -> Iterator[str]:
    if block.caption:
        yield from ("", _text(block.caption + (" Bold is measured." if block.kind == "map" else "")))
    yield ""
    yield _line([_text(column.heading) for column in block.columns])
    yield f"|---|{'|'.join('---' if column.is_text else '---:' for column in block.columns[1:])}|"
    for row in block.rows:
        cells = [_cell(cell, column.unit) for cell, column in zip(row.cells, block.columns, strict=True)]
        if row.group:
            cells[0] = f"{_text(row.group)}, {cells[0]}"
        yield _line([f"**{cell}**" if row.strong and cell.strip() else cell for cell in cells])
    if block.has_absent:
        yield from ("", f"{figures.ABSENT}: {figures.NOT_MEASURED}.")


def _cell(cell: Cell, unit: str) -> str:
    match cell:
        case Verdict():
            return _text(f"{sign(cell.outcome)} {cell.outcome} {cell.sentence}", in_table=True)
        case Square():
            return f"**{_text(cell.label)}**" if cell.measured else _text(cell.label)
        case _:
            return _text(figures.shown(cell, unit), in_table=True)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell or ' ' for cell in cells)} |"


def _text(text: str, *, in_table: bool = False) -> str:
    """Return a text as Markdown that shows it and nothing else; what stands between backticks is code."""
    told = "".join(_code(part, in_table=in_table) if is_code else _escaped(part) for part, is_code in spans(text))
    return _LEADING.sub(_escape_leading, told.strip())


def _escaped(text: str) -> str:
    """Escape everything in a text that Markdown or GitHub would read as more than text."""
    return _MENTION.sub("&#64;", _SPECIAL.sub(r"\\\1", text.replace("&", "&amp;")))


def _escape_leading(match: re.Match[str]) -> str:
    return f"{match[1]}\\" if match[1].isdigit() else f"\\{match[1]}"


def _code(text: str, *, in_table: bool = False) -> str:
    """Put a text into a code span, between more backticks than it has in a row."""
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    space = " " if text.startswith("`") or text.endswith("`") else ""
    # A table ends its cell at a bar even inside a code span.
    inside = text.replace("|", r"\|") if in_table else text
    return f"{fence}{space}{inside}{space}{fence}"


def _fenced(lines: list[str]) -> Iterator[str]:
    fence = "`" * max(3, 1 + max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0))
    yield fence
    yield from (line.rstrip() for line in lines)
    yield fence
