"""Prints paragraphs, lines of cells and strips on a terminal of any width and encoding."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from benchmarks.judge.judgement import Estimate
from benchmarks.report.ratio_axis import RatioAxis, strip

_SMALLEST_STRIP: Final = 15
_LARGEST_STRIP: Final = 41
_ASCII: Final = str.maketrans(
    dict(zip("✓✗×µ–÷│─●’²\ufffd", "+xxu-/|-o'2?", strict=True))
    | {"±": "+-", "…": "...", "∞": "inf", "→": "->", "←": "<-"}
)


def print_in_any_encoding(console: Console, tell: Callable[[Console], None]) -> None:
    """Print on a console; one whose encoding lacks our signs gets ASCII.

    Args:
        console: Where to; its width is kept to.
        tell: Prints on the console that it is given.
    """
    if not console.options.ascii_only:
        tell(console)
        return
    draft = io.StringIO()
    tell(Console(file=draft, width=console.width, no_color=True))
    console.print(Text(to_ascii(draft.getvalue())), end="", soft_wrap=True)


class Printer:
    """Prints on one console; every text is a ``Text``, so that nothing in a run is taken for markup."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def strips(self, ratios: Sequence[tuple[str, str, Estimate | None, bool]]) -> None:
        """Print ratios: a name, the ratio in words, the estimate, and whether it is a headline."""
        axis = RatioAxis.around([estimate for _, _, estimate, _ in ratios])
        name_cells = max(cell_len(name) for name, _, _, _ in ratios)
        rate_cells = max(cell_len(rate) for _, rate, _, _ in ratios)
        room = min(_LARGEST_STRIP, self.console.width - name_cells - rate_cells - 6)
        for name, rate, estimate, headline in ratios:
            drawn = strip(axis, estimate, room) if room >= _SMALLEST_STRIP else ""
            style = "bold" if headline else ""
            self.line(2, (name, name_cells, style), (rate, rate_cells, style), (drawn, 0, ""))

    def fits(self, table: Table) -> bool:
        """Tell whether a table can be printed without breaking a cell."""
        unbounded = self.console.options.update_width(10_000)
        return Measurement.get(self.console, unbounded, table).maximum <= self.console.width

    def heading(self, text: str) -> None:
        """Print a heading after an empty line."""
        self.console.print()
        self.hanging("", text, style="bold underline")

    def line(self, indent: int, *cells: tuple[str, int, str]) -> None:
        """Print cells of text, least width and style on one line; what does not fit goes below, indented."""
        text = Text(" " * indent)
        for content, width, style in cells:
            if not content:
                continue
            if text.cell_len > indent and text.cell_len + cell_len(content) > self.console.width:
                self.console.print(_trimmed(text), soft_wrap=True)
                text = Text(" " * (indent + 2))
            text.append(content, style)
            text.append(" " * (max(0, width - cell_len(content)) + 2))
        self.console.print(_trimmed(text), soft_wrap=True)

    def hanging(self, marker: str, text: str, style: str = "") -> None:
        """Print a paragraph whose lines after the first stand below its first word."""
        indent = cell_len(marker)
        wrapped = Text(text).wrap(self.console, max(10, self.console.width - indent))
        for number, line in enumerate(wrapped):
            line.rstrip()
            line.stylize(style)
            self.console.print(Text.assemble((marker if number == 0 else " " * indent, style), line), soft_wrap=True)


def _trimmed(text: Text) -> Text:
    text.rstrip()
    return text


def to_ascii(text: str) -> str:
    """Return a text with signs of ASCII for ours, and question marks for what else is not of it."""
    return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")
