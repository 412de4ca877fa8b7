"""Prints a document on a terminal of any width and encoding; the answer last, so that it stands on the screen."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

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
    Row,
    Section,
    Square,
    Table,
    Verdict,
    grouped,
)
from benchmarks.report.figures import sign
from benchmarks.report.plain_text import one_line, spans, to_ascii

_WIDTH: Final = 100
"""Of a document that is written to a file."""

_SMALLEST_STRIP: Final = 15
_LARGEST_STRIP: Final = 41
_LONGEST_NAME: Final = 40
_OUTCOME_CELLS: Final = len("✗ contradicted")
_STYLES: Final[Mapping[str, str]] = {
    "replicated": "bold green",
    "contradicted": "bold red",
    "inconclusive": "bold yellow",
    "refused": "bold magenta",
    "faster": "bold green",
    "slower": "bold red",
    "undecided": "bold yellow",
    "good": "green",
    "warning": "yellow",
    "bad": "bold red",
    "alert": "bold red",
    "holds": "green",
    "differs": "yellow",
    "fails": "bold red",
}
_MORE: Final = ("green", "bold green", "bold white on green")
_LESS: Final = ("red", "bold red", "bold white on red")
_BY_LETTER: Final = ("bold yellow", "bold magenta", "bold cyan", "bold blue", "bold green", "bold red")


def render(document: Document) -> str:
    """Return the document as plain text, with all of its details."""
    output = io.StringIO()
    print_document(Console(file=output, width=_WIDTH, no_color=True), document, details=True)
    return output.getvalue()


def print_document(console: Console, document: Document, *, details: bool = False) -> None:
    """Print a document within the console's width; with details, also what pages fold.

    Colour only repeats what words and signs say. A console whose encoding lacks the signs gets ASCII.
    """
    print_in_any_encoding(console, lambda capable: _Printer(capable, details=details).document(document))


def print_blocks(console: Console, blocks: Iterable[Block]) -> None:
    """Print blocks alone, as those of a warning on the way."""
    print_in_any_encoding(console, lambda capable: _Printer(capable, details=True).blocks(blocks))


def print_in_any_encoding(console: Console, tell: Callable[[Console], None]) -> None:
    """Print on a console by a function of it; one whose encoding lacks our signs gets ASCII."""
    if not console.options.ascii_only:
        tell(console)
        return
    draft = io.StringIO()
    tell(Console(file=draft, width=console.width, no_color=True))
    console.print(Text(to_ascii(draft.getvalue())), end="", soft_wrap=True)


class _Printer:
    """Prints on one console; every text is a ``Text``, so that nothing in a run is taken for markup."""

    def __init__(self, console: Console, *, details: bool) -> None:
        self.console = console
        self.details = details
        self.left_out = False
        self.is_brief = False

    def document(self, document: Document) -> None:
        """Print everything: sections from the last to the first, then the answer, then what is to be copied."""
        sections = [block for block in document.blocks if isinstance(block, Section)]
        commands = [block for block in document.blocks if isinstance(block, Command)]
        for section in reversed(sections):
            self.block(section)
        self.heading(document.title)
        self.blocks(block for block in document.blocks if not isinstance(block, Section | Command))
        self.blocks(commands)
        if self.left_out:
            self.hanging("", "Details are left out; --details shows them.", style="dim")

    def blocks(self, blocks: Iterable[Block]) -> None:
        """Print blocks in their order, with an empty line after those that are more than lines of text."""
        before: Block | None = None
        for _, group in grouped(blocks):
            names = [cell_len(_words(block.subject)) for block in group if isinstance(block, Verdict)]
            for block in group:
                if isinstance(before, Table | Verdict | Chart) and isinstance(block, Paragraph | Note):
                    self.console.print()
                if isinstance(block, Verdict):
                    self.verdict(block, min(max(names), _LONGEST_NAME))
                else:
                    self.block(block)
                before = block

    def block(self, block: Block) -> None:
        """Print one block."""
        match block:
            case Section():
                self.section(block)
            case Paragraph():
                style = {"strong": "bold", "quiet": "dim", "source": "dim", "quote": "italic"}.get(block.kind, "")
                self.hanging("  " if block.kind == "quote" else "", _words(block.text), style)
            case Note():
                self.note(block)
            case Table():
                self.console.print()
                {"facts": self.facts, "ratios": self.ratios, "map": self.map}.get(block.kind, self.table)(block)
            case Chart():
                self.blocks(block.instead)
            case Command():
                # For copying: a terminal may wrap it, but no line break may be put in.
                self.console.print(Text(f"\n{_words(block.title)}: {one_line(block.text)}"), soft_wrap=True)

    def section(self, section: Section) -> None:
        """Print a section; one that is folded, or that has only drawings, is left out. Of a card, only the outcomes."""
        if section.is_folded and not self.details:
            self.left_out = True
        elif any(_is_seen(block, details=self.details) for block in section.blocks):
            self.heading(section.title)
            around, self.is_brief = self.is_brief, section.is_card and not self.details
            self.blocks(section.blocks)
            self.is_brief = around
        else:
            self.left_out |= any(isinstance(block, Section) for block in section.blocks)

    def heading(self, text: str) -> None:
        """Print a heading after an empty line."""
        self.console.print()
        self.hanging("", _words(text), style="bold underline")

    def note(self, note: Note) -> None:
        """Print one of a list of notes, and below it what to do."""
        style = _STYLES.get(note.level, "")
        marker = "- " if note.level == "plain" else f"{'!' if note.level == 'alert' else sign(note.level)} "
        self.hanging(marker, _words(note.text), style if note.level != "good" else "")
        self.hanging("  ", _words(note.advice))

    def verdict(self, verdict: Verdict, name_cells: int) -> None:
        """Print a verdict: subject, outcome and first figure on a line; further figures have a line each.

        An answer and the outcomes of a card have the figure that decided, and no other.
        """
        word = verdict.answer or f"{sign(verdict.outcome)} {verdict.outcome}"
        outcome = (word, _OUTCOME_CELLS, "bold" if verdict.word else _STYLES.get(verdict.outcome, "bold"))
        first, *others = verdict.figures or (None,)
        if verdict.word or self.is_brief:
            shown, others = _decisive(verdict), []
        else:
            shown = "" if first is None else _measured(first, labelled=not first.unit or bool(others))
        self.line(2, (_words(verdict.subject), name_cells, ""), outcome, (shown, 0, ""))
        for figure in filter(None, others):
            self.line(2, ("", name_cells, ""), (" ", _OUTCOME_CELLS, ""), (_measured(figure, labelled=True), 0, ""))
        if not self.is_brief:
            self.hanging("    ", _words(verdict.sentence))
            self.hanging("    ", _words(verdict.why))

    def ratios(self, block: Table) -> None:
        """Print ratios with their names, drawn on one axis where there is room."""
        lines = [(one_line(row.cells[0], _LONGEST_NAME), row.estimate) for row in block.rows]
        written = [figures.estimated(ratio, "×") for _, ratio in lines]
        name_cells, written_cells = max(cell_len(name) for name, _ in lines), max(map(cell_len, written))
        room = min(_LARGEST_STRIP, self.console.width - name_cells - written_cells - 6)
        has_room = room >= _SMALLEST_STRIP
        bar = "; left of the bar it is below 1" if has_room else ""
        self.hanging("", f"{_words(block.caption)}{bar}", style="dim")
        reach = figures.ratio_reach(ratio for _, ratio in lines)
        for row, (name, ratio), text in zip(block.rows, lines, written, strict=True):
            drawn = figures.ratio_strip(reach, ratio, room) if has_room else ""
            style = "dim" if figures.is_faint(ratio) else "bold" if row.strong else ""
            self.line(2, (name, name_cells, style), (text, written_cells, style), (drawn, 0, style))

    def facts(self, block: Table) -> None:
        """Print names and values, a line each."""
        self.hanging("", _words(block.caption), style="dim")
        for row in block.rows:
            name, *values = (_cell(cell, "") for cell in row.cells)
            self.hanging("  ", f"{name}: {' '.join(values)}" if name else " ".join(values))

    def table(self, block: Table) -> None:
        """Print a table; one that has no room loses its minor columns first, and then becomes paragraphs."""
        self.hanging("", _words(block.caption), style="dim")
        minor = [number for number, column in enumerate(block.columns) if column.is_minor]
        major = [number for number in range(len(block.columns)) if number not in minor]
        tables = (_drawn(block, sorted(major + minor[:kept])) for kept in range(len(minor), -1, -1))
        unbounded, width = self.console.options.update_width(10_000), self.console.width
        drawn = next((each for each in tables if Measurement.get(self.console, unbounded, each).maximum <= width), None)
        if drawn is None:
            for row in block.rows:
                self.row(block, row, major)
        else:
            self.console.print(drawn)
        if any(row.cells[number] is None for row in block.rows for number in major):
            self.hanging("  ", f"{figures.ABSENT}: {figures.NOT_MEASURED}", style="dim")

    def row(self, block: Table, row: Row, columns: Sequence[int]) -> None:
        """Print one row of a table as a paragraph: its name, then each value after its heading."""
        name = _cell(row.cells[0], "")
        self.hanging("", f"{_words(row.group)}, {name}" if row.group else name, style="bold")
        told = []
        named = [
            (_words(block.columns[number].heading), row.cells[number], block.columns[number].unit) for number in columns
        ]
        badges = max((cell_len(heading) for heading, cell, _ in named if isinstance(cell, Verdict)), default=0)
        for heading, cell, unit in named[1:]:
            if isinstance(cell, Verdict):
                outcome = (f"{sign(cell.outcome)} {cell.outcome}", _OUTCOME_CELLS, _STYLES.get(cell.outcome, ""))
                self.line(2, (heading, badges, ""), outcome, (_words(cell.sentence), 0, ""))
            elif text := _cell(cell, unit):
                told.append(f"{heading} {text}")
        self.hanging("  ", "; ".join(told))

    def map(self, block: Table) -> None:
        """Print squares in rows, in bands where there is no room for a whole row."""
        corner, *titles = (one_line(column.title) for column in block.columns)
        self.hanging("", f"{_words(block.caption)} {corner}.", style="dim")
        names = [_cell(row.cells[0], "") for row in block.rows]
        head_cells = max(map(cell_len, names))
        width = max(map(cell_len, (*titles, *(_cell(cell, "") for row in block.rows for cell in row.cells[1:])))) + 1
        per_band = max(1, (self.console.width - head_cells) // width)
        for start in range(0, len(titles), per_band):
            header = "".join(f"{title:>{width}}" for title in titles[start : start + per_band])
            self.console.print(Text(f"{'':{head_cells}}{header}", "dim"), soft_wrap=True)
            for name, row in zip(names, block.rows, strict=True):
                line = Text(f"{name:>{head_cells}}", "dim")
                for cell in row.cells[1 + start : 1 + start + per_band]:
                    label = _cell(cell, "")
                    line.append(" " * (width - cell_len(label)))
                    line.append(label, _square_style(cell) if isinstance(cell, Square) else "")
                self.console.print(line, soft_wrap=True)

    def line(self, indent: int, *cells: tuple[str, int, str]) -> None:
        """Print cells of text, least width and style on one line; what does not fit goes below, indented."""
        text = Text(" " * indent)
        for content, width, style in cells:
            if not content and not width:
                continue
            if text.cell_len > indent and text.cell_len + cell_len(content) > self.console.width:
                self.flush(text)
                text = Text(" " * (indent + 2))
            text.append(content, style)
            text.append(" " * (max(0, width - cell_len(content)) + 2))
        self.flush(text)

    def flush(self, text: Text) -> None:
        """Print a line; what is too long goes on below, indented two cells further. An empty one is left out."""
        text.rstrip()
        if self.console.width < text.cell_len:
            indent = " " * (len(text.plain) - len(text.plain.lstrip()))
            self.wrapped(indent, text[len(indent) :], f"{indent}  ")
        elif text.cell_len:
            self.console.print(text, soft_wrap=True)

    def hanging(self, marker: str, text: str, style: str = "") -> None:
        """Print a paragraph whose lines after the first stand below its first word; none for no text."""
        if text:
            self.wrapped(marker, Text(text, style), " " * cell_len(marker))

    def wrapped(self, first: str, text: Text, others: str) -> None:
        """Print a text on as many lines as it needs, with these in front of its first line and of the others."""
        for number, line in enumerate(text.wrap(self.console, max(10, self.console.width - len(others)))):
            line.rstrip()
            self.console.print(Text.assemble((others if number else first, text.style), line), soft_wrap=True)


def _is_seen(block: Block, *, details: bool) -> bool:
    if isinstance(block, Section):
        return (details or not block.is_folded) and any(_is_seen(each, details=details) for each in block.blocks)
    return not isinstance(block, Chart) or bool(block.instead)


def _drawn(block: Table, columns: Sequence[int]) -> RichTable:
    table = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for number in columns:
        column = block.columns[number]
        is_text = column.is_text or number == 0
        heading = "\n".join(_words(part) for part in (column.title, column.shown_unit) if part)
        table.add_column(heading, justify="left" if is_text else "right", no_wrap=True, vertical="bottom")
    group = ""
    for row in block.rows:
        if row.group and row.group != group:
            table.add_row(Text(_words(row.group), style="bold"))
        group = row.group
        cells = [Text(_cell(row.cells[number], block.columns[number].unit)) for number in columns]
        for number, text in zip(columns, cells, strict=True):
            if isinstance(verdict := row.cells[number], Verdict):
                text.stylize(_STYLES.get(verdict.outcome, ""))
        if row.group:
            cells[0] = Text("  ") + cells[0]
        table.add_row(*cells, style="bold" if row.strong else "")
    return table


def _measured(figure: Figure, *, labelled: bool) -> str:
    """Return a figure of a verdict: its own outcome, its name where that is needed, and what the tutorial has."""
    name = f"{one_line(figure.name)}: " if labelled else ""
    tutorial = figure.tutorial_value
    reference = "" if tutorial is None else f"  tutorial {figures.amount(tutorial, figure.unit)}"
    outcome = f"{sign(figure.outcome)} " if figure.outcome else ""
    finding = f"  {one_line(figure.finding)}" if figure.finding else ""
    return f"{outcome}{name}{figures.estimated(figure.estimate, figure.unit)}{finding}{reference}"


def _decisive(verdict: Verdict) -> str:
    """Return the figure that decided, with its name where that is not plain; an answer has the tutorial's beside it."""
    if not verdict.figures:
        return ""
    first = verdict.figures[0]
    # A ratio is that of the heading, unless another quantity came out otherwise.
    differ = len({figure.outcome for figure in verdict.figures} - {None}) > 1
    name = f"{one_line(first.name.partition(',')[0])}: " if differ or not first.unit else ""
    has_tutorial = verdict.word and first.tutorial_value is not None
    tutorial = f"  tutorial {figures.amount(first.tutorial_value, first.unit)}" if has_tutorial else ""
    return f"{name}{figures.estimated(first.estimate, first.unit)}{tutorial}"


def _cell(cell: Cell, unit: str) -> str:
    if isinstance(cell, Verdict):
        return _words(f"{sign(cell.outcome)} {cell.outcome}  {cell.sentence}")
    return _words(cell.label if isinstance(cell, Square) else figures.shown(cell, unit))


def _square_style(square: Square) -> str:
    tones = {"equal": ("dim",), "unsure": ("yellow",), "more": _MORE, "less": _LESS}
    if (styles := tones.get(square.tone)) is not None:
        return styles[min(max(0, square.level - 1), len(styles) - 1)]
    return _BY_LETTER[ord(square.tone[:1] or "A") % len(_BY_LETTER)]


def _words(text: str) -> str:
    """Return a text on one line, without the marks of code."""
    return "".join(part for part, _ in spans(text))
