"""The result of a command as a list of blocks: every product builds a ``Document``, and every renderer prints one.

Texts are plain. Renderers make them safe for their format; a product escapes nothing. Text between two backticks is
code.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from benchmarks.judge.judgement import Estimate, Figure

if TYPE_CHECKING:
    from benchmarks.report.charts.canvas import Drawing

Level: TypeAlias = Literal["plain", "good", "warning", "bad", "alert"]
"""Of a note: ``alert`` must be read before anything else; the others are signs of a list."""

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of prose.

    Attributes:
        text: The prose.
        kind: ``strong`` is the answer, ``quiet`` an explanation, ``quote`` the tutorial's words, ``source`` where the
            figures are from: a figure that is copied has it with it.
    """

    text: str
    kind: Literal["plain", "strong", "quiet", "quote", "source"] = "plain"


@dataclass(frozen=True, slots=True)
class Note:
    """One item of a list of things to know, with what to do about it."""

    text: str
    level: Level = "plain"
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found about one subject; as a cell of a table, its outcome and sentence.

    Attributes:
        subject: What it is about.
        outcome: The word of its badge.
        word: The word of the headline; only an answer has one, and answers are printed large.
        size: How much, in words: ``twice``; empty where there is nothing to add to the word.
        figures: The first one decided; may be empty.
        sentence: What was found.
        why: The cause; empty where an earlier verdict has the same.
        hue: The framework that it is about.
        hint: What the subject's name stands for, such as ids; shown where a pointer rests on it.
    """

    subject: str
    outcome: str
    word: str = ""
    size: str = ""
    figures: tuple[Figure, ...] = ()
    sentence: str = ""
    why: str = ""
    hue: str = ""
    hint: str = ""

    @property
    def answer(self) -> str:
        """The word of the headline and how much: ``No, half``."""
        return f"{self.word.partition(',')[0]}, {self.size}" if self.size else self.word


@dataclass(frozen=True, slots=True)
class Square:
    """One square of a map.

    Attributes:
        text: What is written in it.
        tone: ``more``, ``less``, ``equal`` or ``unsure``; or the letter of a contender, which has a colour of its own.
        level: How strong the tone is, 0 to 3.
        measured: Whether this place was measured; if not, it is estimated.
    """

    text: str
    tone: str
    level: int
    measured: bool

    @property
    def label(self) -> str:
        """The text; ``~`` marks an estimate."""
        return f"{'' if self.measured else '~'}{self.text}"


Cell: TypeAlias = str | int | float | Estimate | Verdict | Square | None
"""``None`` is a value that was not measured, never 0."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        title: Its heading.
        unit: Unit of its values, see ``figures.cell``; written into the heading.
        group: A heading over several columns.
        is_text: Whether it holds words, which are aligned left.
        is_minor: Whether a narrow terminal may leave it out.
        hint: The long form of an abbreviated title.
    """

    title: str
    unit: str = ""
    group: str = ""
    is_text: bool = False
    is_minor: bool = False
    hint: str = ""

    @property
    def heading(self) -> str:
        """Title and unit."""
        return f"{self.title}, {self.unit}" if self.title and self.shown_unit else self.title or self.unit

    @property
    def shown_unit(self) -> str:
        """The unit, where the values do not carry it themselves."""
        return "" if self.unit in {"×", "%"} else self.unit


@dataclass(frozen=True, slots=True)
class Row:
    """Cells of a table; the first one names the row.

    Attributes:
        cells: As many as the table has columns.
        group: Rows of one group stand together under its name.
        strong: Whether to look at this row first.
        anchor: Id of the section with the details.
        hint: What its name stands for, such as an id; shown where a pointer rests on it.
    """

    cells: tuple[Cell, ...]
    group: str = ""
    strong: bool = False
    anchor: str = ""
    hint: str = ""

    @property
    def estimate(self) -> Estimate | None:
        """The first estimate in it."""
        return next((cell for cell in self.cells if isinstance(cell, Estimate)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Values in rows and columns.

    Attributes:
        caption: What it shows.
        columns: The first one names the rows.
        rows: Each with as many cells.
        kind: ``numbers`` is compact; ``facts`` are names and values without headings; ``glance`` has outcomes in a few
            words; ``ratios`` are drawn on one axis around 1, where a format can; ``map`` has squares.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    kind: Literal["numbers", "facts", "glance", "ratios", "map"] = "numbers"

    @property
    def has_absent(self) -> bool:
        """Whether a value in it was not measured."""
        return any(cell is None for row in self.rows for cell in row.cells)


def table_of(
    caption: str,
    items: Iterable[_Item],
    columns: Iterable[tuple[Column, Callable[[_Item], Cell]]],
    *,
    group: Callable[[_Item], str] = lambda _item: "",
    strong: Callable[[_Item], bool] = lambda _item: False,
    hint: Callable[[_Item], str] = lambda _item: "",
) -> Table:
    """Return a table with a row for each item; columns come with the function that gives an item's cell in them."""
    headings, cells = zip(*columns, strict=True)
    rows = (Row(tuple(cell(item) for cell in cells), group(item), strong(item), hint=hint(item)) for item in items)
    return Table(caption=caption, columns=headings, rows=tuple(rows))


def comparisons(title: str, rows: Iterable[Row]) -> Table:
    """Return ratios, to be drawn on one axis; each row has a name and an estimate, the title says what is over what."""
    return Table(caption=title, columns=(Column("Arrangement"), Column("ratio", "×")), rows=tuple(rows), kind="ratios")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawing, and what replaces it where nothing can be drawn.

    Attributes:
        draw: Draws it; returns ``None`` where there is nothing to draw.
        caption: How to read it.
        instead: The same in blocks; empty where other blocks of the document have its figures.
    """

    draw: Callable[[], Drawing | None]
    caption: str
    instead: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """Something to copy, whole: a command, or the path of a file."""

    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Blocks under a heading.

    Attributes:
        title: The heading.
        blocks: What stands below it; a section without any is left out.
        is_folded: Whether it is detail, shown on request.
        anchor: Id that a link may lead to; empty for one that is made of the title.
        is_card: Whether it is one of several of a kind, side by side. A terminal shows only their outcomes at first.
    """

    title: str
    blocks: tuple[Block, ...]
    is_folded: bool = False
    anchor: str = ""
    is_card: bool = False


Block: TypeAlias = Paragraph | Note | Verdict | Table | Chart | Command | Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The result of a command.

    Attributes:
        kind: What it is, in a word, for programs.
        title: The question, or what was looked at.
        blocks: The answer first, then sections. What stands before the first section is the first screen of a page. A
            terminal shows sections from the last to the first, so that the answer is what stands on the screen.
        data: The same for programs: dataclasses, mappings, sequences, numbers and text.
        records: The same as lines of named values, for a spreadsheet.
        columns: Names that come first in the records, and are there even without any.
        about: Which run it is about, and when; small, at the end.
    """

    kind: str
    title: str
    blocks: tuple[Block, ...]
    data: Mapping[str, Any] = field(default_factory=dict)
    records: Iterable[Mapping[str, Any]] = ()
    columns: tuple[str, ...] = ()
    about: str = ""


def filled(blocks: Iterable[Block | None]) -> tuple[Block, ...]:
    """Return the blocks that have content: sections and tables without any are left out."""
    return tuple(block for block in blocks if block is not None and _has_content(block))


def lead(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Return what stands before the first section: the first screen of a page."""
    return tuple(itertools.takewhile(lambda block: not isinstance(block, Section | Command), blocks))


def _has_content(block: Block) -> bool:
    if isinstance(block, Section):
        return any(map(_has_content, block.blocks))
    return not isinstance(block, Table) or bool(block.rows)


def grouped(
    blocks: Iterable[Block],
) -> Iterator[tuple[Literal["notes", "answers", "verdicts", "cards", ""], list[Block]]]:
    """Yield blocks in groups, each with its kind: notes that follow one another are a list, so are verdicts and cards.

    All blocks of other kinds are groups without a name.
    """

    def kind(block: Block) -> Literal["notes", "answers", "verdicts", "cards", ""]:
        if isinstance(block, Verdict):
            return "answers" if block.word else "verdicts"
        if isinstance(block, Section) and block.is_card:
            return "cards"
        return "notes" if isinstance(block, Note) and block.level != "alert" else ""

    return ((name, list(group)) for name, group in itertools.groupby(blocks, kind))
