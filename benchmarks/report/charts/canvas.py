"""The room that a chart has and the sheet that it is painted on: one drawing for a wide page and one for a phone."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from benchmarks.report.charts.palette import GRID, INK, MUTED, PAPER
from benchmarks.report.plain_text import one_line, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Sans-serif text is about this wide, in units of its size; matplotlib's own font, which lays out, is the wider one.
_CHARACTER_EM: Final = 0.56
_LONGEST: Final = 20_000
"""Of a text alternative, which has all the data."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The room that a chart has; lengths are CSS pixels at the size that it is meant to be seen in.

    Attributes:
        name: ``wide`` for a projector or a desk, ``narrow`` for a phone.
        width_px: Of the drawing.
        font_px: Of its text.
        row_px: Height of one line of a chart that is made of lines.
    """

    name: Literal["wide", "narrow"]
    width_px: float
    font_px: float
    row_px: float

    @property
    def is_narrow(self) -> bool:
        """Whether labels go above what they name, there being no room beside it."""
        return self.name == "narrow"

    def text_px(self, text: str) -> float:
        """Estimate how wide a text is."""
        return len(text) * self.font_px * _CHARACTER_EM

    def fit(self, text: str, width_px: float) -> str:
        """Shorten a text to a width."""
        return shorten(text, max(4, int(width_px / (self.font_px * _CHARACTER_EM))))


WIDE: Final = Layout("wide", 920, 17, 30)
NARROW: Final = Layout("narrow", 350, 12.5, 22)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One chart, ready to be put into a page.

    Attributes:
        name: Unique on the page, for example ``ratio-health``.
        title: What it shows, in a line.
        description: Its data, in words.
        wide: SVG for a projector or a desk.
        narrow: SVG for a phone.
    """

    name: str
    title: str
    description: str
    wide: str
    narrow: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A figure under way, and its layout."""

    figure: Figure
    layout: Layout
    height_px: float

    def axes(self, *, left: float, top: float, width: float, height: float) -> Axes:
        """Add bare axes at a place given in pixels from the top left corner; tick labels go below it."""
        axes = self.figure.add_axes(
            (
                left / self.layout.width_px,
                1 - (top + height) / self.height_px,
                width / self.layout.width_px,
                height / self.height_px,
            )
        )
        axes.set_facecolor("none")
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(length=0, labelcolor=MUTED.light, pad=5)
        return axes

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        colour: str = INK.light,
        anchor: Literal["left", "center", "right"] = "left",
        bold: bool = False,
        over_lines: bool = False,
    ) -> None:
        """Write a text whose middle line is ``y`` pixels below the top; ``over_lines`` keeps lines from crossing it."""
        self.figure.text(
            x / self.layout.width_px,
            1 - y / self.height_px,
            one_line(text),
            color=colour,
            ha=anchor,
            va="center_baseline",
            fontweight="bold" if bold else "normal",
            bbox={"facecolor": PAPER.light, "edgecolor": "none", "pad": 1.5} if over_lines else None,
        )


def draw(
    kind: str,
    workload: str,
    title: str,
    description: str,
    *,
    height: Callable[[Layout], float],
    paint: Callable[[Sheet], None],
) -> Chart:
    """Paint a chart in each layout.

    Args:
        kind: What is charted, in a word; one chart of a kind for each workload.
        workload: Whose it is.
        title: What the chart shows.
        description: Its data, in words: the text alternative.
        height: Gives the height in pixels that the chart needs in a layout.
        paint: Paints it.
    """
    from benchmarks.report.charts.svg import render  # noqa: PLC0415 (brings matplotlib, which few commands need)

    name, title, description = f"{kind}-{_identifier(workload)}", one_line(title), one_line(description, _LONGEST)

    def drawing(layout: Layout) -> str:
        height_px = height(layout)
        return render(
            f"{name}-{layout.name}",
            title,
            description,
            width_px=layout.width_px,
            height_px=height_px,
            font_px=layout.font_px,
            paint=lambda figure: paint(Sheet(figure=figure, layout=layout, height_px=height_px)),
        )

    return Chart(name=name, title=title, description=description, wide=drawing(WIDE), narrow=drawing(NARROW))


def _identifier(workload: str) -> str:
    """Make an id of a workload's name: the name, or what is left of it with a checksum that keeps two such apart."""
    kept = re.sub(r"[^a-z0-9]+", "-", workload.lower())
    return kept if kept == workload else f"{kept}-{zlib.crc32(workload.encode('utf-8', 'replace')):08x}"


def gridline(axes: Axes, x: float) -> None:
    """Draw a thin vertical line behind the data."""
    axes.axvline(x, color=GRID.light, linewidth=1, zorder=0)
