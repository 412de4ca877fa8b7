"""Draws a heat map: a square for each wait and number of connections, with the line from which async def pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.judge.crossover import CONNECTIONS, WAITS_MS
from benchmarks.judge.keyword_map import Boundary
from benchmarks.report.charts.canvas import Chart, Layout, Sheet, draw
from benchmarks.report.charts.palette import BAD, BAND, DOUBT, GOOD, INK, MUTED, PAPER, Colour
from benchmarks.report.charts.rate_curves import contender_colours
from benchmarks.report.document import Grid, Square

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OPACITY: Final = (0.0, 0.16, 0.3, 0.46)
_ROWS_ABOVE: Final = 2.0


@dataclass(frozen=True, slots=True)
class _Heat:
    """A grid, the colours of the letters in it, and where async def starts to pay, where the grid is of that."""

    grid: Grid
    colours: Mapping[str, Colour]
    boundaries: Sequence[Boundary]


def heat_map(
    name: str, title: str, grid: Grid, *, contenders: Sequence[str] = (), boundaries: Sequence[Boundary] = ()
) -> Chart:
    """Draw a grid of a map.

    Args:
        name: Unique among the grids.
        title: What it shows.
        grid: A wait a row, a number of connections a column.
        contenders: Ids of those that the letters in it stand for.
        boundaries: Where async def starts to pay, a row each; empty where the grid is not of the keyword.
    """
    heat = _Heat(grid, contender_colours(contenders), boundaries)
    return draw(
        "heat",
        name,
        title,
        _words(grid),
        height=lambda layout: layout.row_px * _ROWS_ABOVE + _square_px(layout) * len(grid.rows) + 4,
        paint=lambda sheet: _paint(sheet, heat),
    )


def _words(grid: Grid) -> str:
    rows = (
        f"{name}: "
        + ", ".join(f"{column} {square.label}" for column, square in zip(grid.columns, squares, strict=True))
        for name, squares in grid.rows
    )
    return f"{grid.caption} By wait, then connections and what is so there. {'. '.join(rows)}."


def _square_px(layout: Layout) -> float:
    return layout.row_px * (1.3 if layout.is_narrow else 1.25)


def _paint(sheet: Sheet, heat: _Heat) -> None:
    layout, grid = sheet.layout, heat.grid
    left = layout.text_px("100 ms") + 10
    top, square_px = layout.row_px * _ROWS_ABOVE, _square_px(layout)
    width = layout.width_px - left - 2
    axes = sheet.axes(left=left, top=top, width=width, height=square_px * len(grid.rows))
    axes.set_xlim(0, len(grid.columns))
    axes.set_ylim(len(grid.rows), 0)
    axes.set_xticks([])
    axes.set_yticks([])
    sheet.text(left + width, layout.row_px * 0.5, "connections →", anchor="right", colour=MUTED.light)
    sheet.text(2, layout.row_px * 1.5, "wait ↓", colour=MUTED.light)
    for position, column in enumerate(grid.columns):
        middle = left + width * (position + 0.5) / len(grid.columns)
        sheet.text(middle, layout.row_px * 1.5, column, anchor="center", colour=MUTED.light)
    for row, (name, squares) in enumerate(grid.rows):
        sheet.text(left - 8, top + square_px * (row + 0.5), name, anchor="right", colour=MUTED.light)
        for column_number, square in enumerate(squares):
            _square(axes, square, column_number, row, heat.colours, narrow=layout.is_narrow)
    if heat.boundaries:
        _boundary(axes, heat.boundaries)


def _square(axes: Axes, square: Square, column: int, row: int, colours: Mapping[str, Colour], *, narrow: bool) -> None:
    colour, opacity = _fill(square, colours)
    axes.fill(
        [column + 0.03, column + 0.97, column + 0.97, column + 0.03],
        [row + 0.04, row + 0.04, row + 0.96, row + 0.96],
        facecolor=colour,
        alpha=opacity,
        linewidth=0,
        zorder=1,
    )
    text = square.text
    if narrow:
        # There is no room for two things: the letter says who, and a ratio its size.
        who, _, what = text.partition(" ")
        text = f"{who}{what if what in {'=', '?'} else ''}"[:4]
    axes.text(
        column + 0.5,
        row + 0.5,
        text.rstrip("×") if narrow else text,
        ha="center",
        va="center_baseline",
        color=INK.light if square.measured else MUTED.light,
        fontweight="bold" if square.measured else "normal",
        zorder=7,
    )


def _fill(square: Square, colours: Mapping[str, Colour]) -> tuple[str, float]:
    if square.tone == "equal":
        return BAND.light, 1.0
    if square.tone == "unsure":
        return DOUBT.light, 0.1
    if square.tone in colours:
        return colours[square.tone].light, _OPACITY[square.level]
    return (GOOD if square.tone == "more" else BAD).light, _OPACITY[square.level]


def _boundary(axes: Axes, lines: Sequence[Boundary]) -> None:
    """Draw from how many connections on async def pays, row by row, and how sure that is."""
    for row, boundary in enumerate(lines):
        assert boundary.wait_ms == WAITS_MS[row]  # noqa: S101 (a row of the grid each)
        if boundary.begins is None:
            continue
        begins = _across(boundary.begins)
        low, high = _across(boundary.low or CONNECTIONS[0]), _across(boundary.high or CONNECTIONS[-1])
        if high - low > 0.05:
            axes.plot([low, high], [row + 0.88] * 2, color=INK.light, linewidth=2, zorder=5, solid_capstyle="butt")
        for colour, width, order in ((PAPER.light, 6, 5), (INK.light, 3, 6)):
            axes.plot([begins] * 2, [row + 0.04, row + 0.96], color=colour, linewidth=width, zorder=order)


def _across(connections: float) -> float:
    """Return how far across a number of connections lies: a column's middle is that of its own number."""
    columns = np.arange(len(CONNECTIONS)) + 0.5
    at = float(np.interp(np.log(connections), np.log(CONNECTIONS), columns))
    return 0.02 if connections <= CONNECTIONS[0] else at
