"""What a command tells, as a list of blocks: every product builds a ``Document``, every renderer sets one.

Texts are plain. Renderers make them safe for their format; a product escapes nothing. What stands between two backticks
is code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from benchmarks.judge.judgement import Estimate

if TYPE_CHECKING:
    from benchmarks.report.charts.canvas import Chart as Drawing

Level: TypeAlias = Literal["plain", "good", "warning", "bad", "alert"]
"""Of a note: ``alert`` must be read before anything else; the others are signs of a list."""


@dataclass(frozen=True, slots=True)
class Badge:
    """An outcome as a cell of a table: a sign, a word, and the figure behind it."""

    outcome: str
    text: str = ""


Cell: TypeAlias = str | int | float | Estimate | Badge | None
"""``None`` is what was not measured, never 0."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of prose.

    Attributes:
        text: What it says.
        kind: ``strong`` is the answer, ``quiet`` an explanation, ``quote`` the tutorial's words.
    """

    text: str
    kind: Literal["plain", "strong", "quiet", "quote"] = "plain"


@dataclass(frozen=True, slots=True)
class Note:
    """One of a list of things to know, with what to do about it."""

    text: str
    level: Level = "plain"
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One figure of a verdict.

    Attributes:
        name: What it is.
        estimate: ``None`` when it was not measured.
        unit: ``×``, ``ms`` or any other; empty for a count.
        reference: What the tutorial has, in the same unit; ``None`` when it gave no number.
        outcome: What this figure alone says, where a verdict has several that differ.
        finding: The same in a few words.
    """

    name: str
    estimate: Estimate | None
    unit: str
    reference: float | None = None
    outcome: str = ""
    finding: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found of one subject.

    Attributes:
        subject: What it is about.
        outcome: The badge's word.
        word: The headline's word, where it has one.
        figures: The first is the one that decided; may be empty.
        sentence: What was found.
        why: The cause; empty where it was told already.
        hue: Of the framework that it is about.
    """

    subject: str
    outcome: str
    word: str = ""
    figures: tuple[Measured, ...] = ()
    sentence: str = ""
    why: str = ""
    hue: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Verdicts below one another.

    Attributes:
        verdicts: In order.
        form: ``answers`` are large, ``list`` has the sentence and the cause of each.
    """

    verdicts: tuple[Verdict, ...]
    form: Literal["answers", "list"] = "list"


@dataclass(frozen=True, slots=True)
class Ratio:
    """One line of ``Comparisons``: a name, the estimate, and whether it is one to look at first."""

    name: str
    estimate: Estimate | None
    strong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparisons:
    """Ratios, drawn on one axis around 1; below 1 is left."""

    title: str
    ratios: tuple[Ratio, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        title: Its heading.
        unit: Of its values, see ``figures.cell``; written into the heading.
        group: A heading over several columns.
        is_text: Whether it is words, which are aligned left.
        is_minor: Whether a narrow terminal may leave it out.
        hint: What the title abbreviates.
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
    """Cells of a table, the first its name.

    Attributes:
        cells: As many as the table has columns.
        group: What it belongs to; rows of one group stand together under its name.
        strong: Whether it is one to look at first.
        anchor: Of the section that tells more.
    """

    cells: tuple[Cell, ...]
    group: str = ""
    strong: bool = False
    anchor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Values in rows and columns.

    Attributes:
        caption: What it shows.
        columns: The first names the rows.
        rows: Each with as many cells.
        kind: ``numbers`` is compact, ``facts`` names and values without headings, ``glance`` outcomes in a few words.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    kind: Literal["numbers", "facts", "glance"] = "numbers"


@dataclass(frozen=True, slots=True)
class Square:
    """One square of a ``Grid``.

    Attributes:
        text: What is written in it.
        tone: ``more``, ``less``, ``equal`` or ``unsure``; or the letter of a contender, which has a colour of its own.
        level: How strong the tone is, 0 to 3.
        measured: Whether somebody was there; if not, it is estimated.
    """

    text: str
    tone: str
    level: int
    measured: bool

    @property
    def label(self) -> str:
        """The text; ``~`` marks what is estimated."""
        return f"{'' if self.measured else '~'}{self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A heat map in text: squares in rows, all of one width."""

    caption: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Square, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawing, and what stands for it where nothing can be drawn.

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
    """Something to copy, whole: a command, or where a file lies."""

    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Blocks under a heading.

    Attributes:
        title: The heading.
        blocks: What stands below it; a section without any is not told.
        is_folded: Whether it is detail, shown on request.
        anchor: Id that a row of a table may lead to.
    """

    title: str
    blocks: tuple[Block, ...]
    is_folded: bool = False
    anchor: str = ""


Block: TypeAlias = Paragraph | Note | Verdicts | Comparisons | Table | Grid | Chart | Command | Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a command tells.

    Attributes:
        kind: What it is, in a word, for programs.
        title: The question, or what was looked at.
        blocks: The answer first, then sections. A terminal shows sections from the last to the first, so that the
            answer is what stands on the screen.
        data: The same for programs: dataclasses, mappings, sequences, numbers and text.
        records: The same as lines of named values, for a spreadsheet.
        columns: Names that come first in the records, and are there without any.
        about: Of which run, and when: small, at the end.
    """

    kind: str
    title: str
    blocks: tuple[Block, ...]
    data: Mapping[str, Any] = field(default_factory=dict)
    records: Iterable[Mapping[str, Any]] = ()
    columns: tuple[str, ...] = ()
    about: str = ""


def told(blocks: Iterable[Block | None]) -> tuple[Block, ...]:
    """Return the blocks that are there and say something: sections and tables without content are left out."""
    return tuple(block for block in blocks if block is not None and not _is_empty(block))


def _is_empty(block: Block) -> bool:
    match block:
        case Section(blocks=content):
            return all(map(_is_empty, content))
        case Table(rows=lines):
            return not lines
        case Comparisons(ratios=ratios):
            return not ratios
        case Verdicts(verdicts=verdicts):
            return not verdicts
        case _:
            return False
