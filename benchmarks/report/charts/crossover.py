"""Draws a crossover map: heat maps with the line from which async def pays, and curves of rates with the theory."""

from __future__ import annotations

import itertools
import math
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.judge.crossover import CONNECTIONS, WAITS_MS, Choice, CrossoverMap
from benchmarks.judge.keyword_map import Boundary
from benchmarks.judge.theory import theory_per_s
from benchmarks.model import Place
from benchmarks.report.charts.canvas import Drawing, Scale, Sheet, draw, label
from benchmarks.report.charts.palette import (
    BAD,
    BAND,
    CELL_COLOURS,
    DOUBT,
    GOOD,
    INK,
    MUTED,
    OTHER,
    PAPER,
    SHADES,
    UNSURE_SHADE,
    Colour,
    framework_colour,
)
from benchmarks.report.document import Square, Table
from benchmarks.report.figures import amount
from benchmarks.report.words import contender_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAP_ROWS_ABOVE: Final = 2.0
_SQUARE_ROWS: Final = (1.25, 1.3)  # wide, narrow
WAITS_SHOWN: Final = (0, 5, 20, 100)

_MARKERS: Final = "osD^vP*X"
_STEPS: Final = 60
_ROWS_BELOW: Final = 2.0

_Rates = Mapping[tuple[Place, str], Choice]
"""Of every contender at every place."""


def heat_map(
    name: str, title: str, grid: Table, *, contenders: Sequence[str] = (), boundaries: Sequence[Boundary] = ()
) -> Drawing:
    """Draw a grid of a map, whose rows are waits and whose columns are numbers of connections.

    Args:
        name: Unique among the grids.
        title: What it shows.
        grid: Has squares.
        contenders: Ids of those that the letters in it stand for.
        boundaries: Where async def starts to pay, a row each; empty where the grid is not of the keyword.
    """
    colours = _contender_colours(contenders)
    squares = [[cell for cell in row.cells if isinstance(cell, Square)] for row in grid.rows]
    names, columns = [str(row.cells[0]) for row in grid.rows], [column.title for column in grid.columns[1:]]

    def paint(sheet: Sheet) -> None:
        axes = _map_axes(sheet, names, columns)
        for row, own in enumerate(squares):
            for column, square in enumerate(own):
                _square(axes, square, column, row, colours, narrow=sheet.layout.is_narrow)
        _boundary(axes, boundaries)

    labels = (", ".join(f"{column} {each.label}" for column, each in zip(columns, own, strict=True)) for own in squares)
    rows = ". ".join(f"{name}: {row}" for name, row in zip(names, labels, strict=True))
    return draw(
        "heat",
        name,
        title,
        f"{grid.caption} By wait, then connections and what is so there. {rows}.",
        height=lambda layout: layout.row_px * (_MAP_ROWS_ABOVE + _SQUARE_ROWS[layout.is_narrow] * len(names)) + 4,
        paint=paint,
    )


def _map_axes(sheet: Sheet, names: Sequence[str], columns: Sequence[str]) -> Axes:
    """Return axes on which each square is 1 by 1, with the names of rows and columns beside them."""
    layout, row_px = sheet.layout, sheet.layout.row_px
    left = layout.text_px("100 ms") + 10
    top, square_px = row_px * _MAP_ROWS_ABOVE, row_px * _SQUARE_ROWS[layout.is_narrow]
    width = layout.width_px - left - 2
    sheet.text(left + width, row_px * 0.5, "connections →", anchor="right", colour=MUTED.light)
    sheet.text(2, row_px * 1.5, "wait ↓", colour=MUTED.light)
    for position, column in enumerate(columns):
        middle = left + width * (position + 0.5) / len(columns)
        sheet.text(middle, row_px * 1.5, column, anchor="center", colour=MUTED.light)
    for row, name in enumerate(names):
        sheet.text(left - 8, top + square_px * (row + 0.5), name, anchor="right", colour=MUTED.light)
    across, down = Scale(0, len(columns)), Scale(len(names), 0)
    return sheet.axes(across, down, left=left, top=top, width=width, height=square_px * len(names))


def _square(axes: Axes, square: Square, column: int, row: int, colours: Mapping[str, Colour], *, narrow: bool) -> None:
    shade = SHADES[square.level]
    tones = {"equal": (BAND, 1.0), "unsure": (DOUBT, UNSURE_SHADE), "more": (GOOD, shade), "less": (BAD, shade)}
    colour, opacity = tones.get(square.tone) or (colours.get(square.tone, OTHER), shade)
    left, top = column + 0.03, row + 0.04
    corners = ([left, left + 0.94, left + 0.94, left], [top, top, top + 0.92, top + 0.92])
    axes.fill(*corners, facecolor=colour.light, alpha=opacity, linewidth=0, zorder=1)
    text = square.text
    if narrow:
        # There is no room for two things: the letter says who, and a ratio its size.
        who, _, what = text.partition(" ")
        text = f"{who}{what if what in {'=', '?'} else ''}"[:4]
    label(
        axes,
        text.rstrip("×") if narrow else text,
        (column + 0.5, row + 0.5),
        anchor="center",
        fontweight="bold" if square.measured else "normal",
        zorder=7,
    )


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


def rate_curves(found: CrossoverMap, letters: Mapping[str, str]) -> Drawing:
    """Draw the rates of every contender, by its letter, and the theory beside them."""
    rates = {(cell.place, choice.contender): choice for row in found.cells for cell in row for choice in cell.rates}
    told = (f"{letter}, {contender_name(each)}: {'; '.join(_told(rates, each))}." for each, letter in letters.items())
    return draw(
        "curves",
        "crossover",
        "Requests per second against connections, measured and in theory",
        " ".join(told),
        height=lambda layout: layout.row_px * (10 * len(WAITS_SHOWN) if layout.is_narrow else 9.5 * 2),
        paint=lambda sheet: _paint(sheet, found, letters, rates),
    )


def _told(rates: _Rates, contender: str) -> Iterator[str]:
    for wait, number in itertools.product(WAITS_SHOWN, (CONNECTIONS[0], 20, CONNECTIONS[-1])):
        if (choice := rates.get((Place(wait, number), contender))) is not None:
            measured, in_theory = amount(choice.rate.value, "req/s"), amount(choice.theory_per_s, "req/s")
            yield f"{wait} ms, {number} connections: {measured}, in theory {in_theory}"


def _paint(sheet: Sheet, found: CrossoverMap, letters: Mapping[str, str], rates: _Rates) -> None:
    layout, row_px, across = sheet.layout, sheet.layout.row_px, 1 if sheet.layout.is_narrow else 2
    panel_px = sheet.height_px / len(WAITS_SHOWN) * across
    room = layout.width_px / across
    left_px, height_px = layout.text_px("10,000") + 8, panel_px - row_px * (1.1 + _ROWS_BELOW)
    every = [*(choice.rate.value for choice in rates.values()), *(rate.rate_per_s for rate in found.rates)]
    low, high = max(1e-3, min(every) / 1.5), max(every) * 2
    colours = _contender_colours(tuple(letters))
    ticks = (1, 5, 20, 100, 500) if layout.is_narrow else CONNECTIONS
    x = Scale(CONNECTIONS[0] * 0.9, CONNECTIONS[-1] * 1.1, {tick: str(tick) for tick in ticks}, is_log=True)
    y = Scale(low, high, {10**power: f"{10**power:,}" for power in range(6) if low <= 10**power <= high}, is_log=True)
    for position, wait in enumerate(WAITS_SHOWN):
        left, top = left_px + room * (position % across), panel_px * (position // across)
        width = room - left_px - layout.font_px * 1.8
        sheet.text(left, top + row_px * 0.6, f"wait {wait} ms", bold=True)
        axes = sheet.axes(x, y, left=left, top=top + row_px * 1.1, width=width, height=height_px)
        middle, below = left + (room - left_px) / 2, top + panel_px - row_px * 0.55
        sheet.text(middle, below, "connections", anchor="center", colour=MUTED.light)
        ends = {}
        for capacity, marker in zip(found.capacities, itertools.cycle(_MARKERS), strict=False):
            letter = letters[capacity.contender]
            colour = colours[letter].light
            estimated = [rates[Place(wait, number), capacity.contender].rate.value for number in CONNECTIONS]
            ends[letter] = estimated[-1]
            axes.plot(CONNECTIONS, estimated, color=colour, linewidth=2.4, zorder=3)
            steps = [float(step) for step in np.geomspace(CONNECTIONS[0], CONNECTIONS[-1], _STEPS)]
            theory = [theory_per_s(capacity, Place(wait, step)) for step in steps]
            axes.plot(steps, theory, color=colour, linewidth=1.6, linestyle=(0, (4, 2)), zorder=2)
            here = [r for r in found.rates if r.contender == capacity.contender and r.place.wait_ms == wait]
            places, measured = [rate.place.connections for rate in here], [rate.rate_per_s for rate in here]
            axes.plot(places, measured, linestyle="none", marker=marker, markersize=7, color=colour, zorder=4)
        # Each letter at the end of its curve, apart from each other.
        at, apart = -math.inf, math.log(high / low) * layout.font_px / height_px
        for letter, rate in sorted(ends.items(), key=lambda end: end[1]):
            at = max(math.log(rate), at + apart)
            place, colour = (CONNECTIONS[-1], math.exp(at)), colours[letter].light
            label(axes, letter, place, (10, 0), colour=colour, fontweight="bold", annotation_clip=False)


def _contender_colours(contenders: Sequence[str]) -> dict[str, Colour]:
    """Return a colour for the letter of each contender: the framework's hue for its first, others for the rest."""
    more = itertools.cycle(CELL_COLOURS)
    chosen: dict[str, Colour] = {}
    for letter, contender in zip(string.ascii_uppercase, contenders, strict=False):
        hue = framework_colour(contender.partition("@")[0].rpartition("-")[0])
        chosen[letter] = next(more) if hue == OTHER or hue in chosen.values() else hue
    return chosen
