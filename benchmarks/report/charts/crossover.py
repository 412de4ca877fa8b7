"""Draws a crossover map: heat maps with lines between what differs, and curves of rates with the theory."""

from __future__ import annotations

import itertools
import math
import string
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.judge.crossover import CONNECTIONS, Choice, CrossoverMap
from benchmarks.judge.theory import theory_per_s
from benchmarks.model import Place
from benchmarks.report.charts.canvas import Drawing, Layout, Scale, Sheet, draw, label
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

_LEGEND: Final = {
    "more": "async def serves more",
    "less": "fewer",
    "equal": "equal",
    "unsure": "not certain",
    "measured": "measured",
    "line": "starts to pay",
}
_SWATCH_EM: Final = 1.9
_MARKERS: Final = "osD^vP*X"
_STEPS: Final = 60
_ROWS_BELOW: Final = 2.0

_Rates = Mapping[tuple[Place, str], Choice]
"""Of every contender at every place."""


def heat_map(
    name: str,
    title: str,
    grid: Table,
    *,
    contenders: Sequence[str] = (),
    areas: Sequence[Sequence[Hashable]] = (),
) -> Drawing:
    """Draw a grid of a map, whose rows are waits and whose columns are numbers of connections.

    Args:
        name: Unique among the grids.
        title: What it shows.
        grid: Has squares.
        contenders: Ids of those that the letters in it stand for; none where the grid is of the keyword.
        areas: For each square what it belongs to: a line runs between neighbours that belong to different areas.
    """
    colours = _contender_colours(contenders)
    squares = [[cell for cell in row.cells if isinstance(cell, Square)] for row in grid.rows]
    names, columns = [str(row.cells[0]) for row in grid.rows], [column.title for column in grid.columns[1:]]
    left_out = {"more", "less"} if contenders else set()
    if contenders or not _edges(areas):
        left_out |= {"line"}
    legend = {key: text for key, text in _LEGEND.items() if key not in left_out}

    def paint(sheet: Sheet) -> None:
        axes = _map_axes(sheet, names, columns)
        for row, own in enumerate(squares):
            for column, square in enumerate(own):
                _square(axes, square, column, row, colours, sheet.layout)
        _lines_between(axes, areas, sheet.layout)
        _legend(sheet, legend, sheet.height_px - _legend_px(legend, sheet.layout))

    labels = (", ".join(f"{column} {each.label}" for column, each in zip(columns, own, strict=True)) for own in squares)
    rows = ". ".join(f"{name}: {row}" for name, row in zip(names, labels, strict=True))
    return draw(
        "heat",
        name,
        title,
        f"{grid.caption} By wait, then connections and what is so there. {rows}.",
        height=lambda layout: (
            layout.row_px * (_MAP_ROWS_ABOVE + _SQUARE_ROWS[layout.is_narrow] * len(names)) + _legend_px(legend, layout)
        ),
        paint=paint,
    )


def _map_axes(sheet: Sheet, names: Sequence[str], columns: Sequence[str]) -> Axes:
    """Return axes on which each square is 1 by 1, with the names of rows and columns beside them."""
    layout, row_px = sheet.layout, sheet.layout.row_px
    # A browser's font may be wider than the one that lays out.
    left = 1.15 * layout.text_px("100 ms") + 10
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


def _square(  # noqa: PLR0917 (what is drawn and where, then how)
    axes: Axes, square: Square, column: int, row: int, colours: Mapping[str, Colour], layout: Layout
) -> None:
    _fill(axes, (column + 0.03, row + 0.04, 0.94, 0.92), square, colours)
    is_unsure = square.tone == "unsure"
    label(
        axes,
        _short(square.text) if layout.is_narrow else square.text,
        (column + 0.5, row + 0.5),
        anchor="center",
        # Hatching must not run through figures.
        over_lines=is_unsure,
        fontweight="bold" if square.measured else "normal",
        zorder=7,
    )
    if square.measured:
        _dot(axes, column + 0.1, row + 0.2, layout)


def _fill(axes: Axes, box: tuple[float, float, float, float], square: Square, colours: Mapping[str, Colour]) -> None:
    """Fill a square, given by its left, top, width and height; hatched where it is uncertain."""
    left, top, width, height = box
    corners = ([left, left + width, left + width, left], [top, top, top + height, top + height])
    if square.tone == "unsure":
        axes.fill(*corners, facecolor="none", edgecolor=DOUBT.light, hatch="//", linewidth=0, zorder=1)
        return
    shade = SHADES[square.level]
    tones = {"equal": (BAND, 1.0), "more": (GOOD, shade), "less": (BAD, shade)}
    colour, opacity = tones.get(square.tone) or (colours.get(square.tone, OTHER), shade)
    axes.fill(*corners, facecolor=colour.light, alpha=opacity, linewidth=0, zorder=1)


def _dot(axes: Axes, x: float, y: float, layout: Layout) -> None:
    """Mark a square that was measured."""
    size = layout.font_px * 0.28
    axes.plot([x], [y], marker="o", linestyle="none", markersize=size, color=INK.light, markeredgewidth=0, zorder=7)


def _short(text: str) -> str:
    """Return what fits into a square of a phone: ``.89?``, ``12``, ``D?``.

    The letter says who, a ratio its size. A sign of doubt always stays.
    """
    who, _, what = text.partition(" ")
    if what:
        return f"{who}{what if what in {'=', '?'} else ''}"
    return text.removeprefix("0").rstrip("×") if text[:1].isdigit() else text


def _lines_between(axes: Axes, areas: Sequence[Sequence[Hashable]], layout: Layout) -> None:
    """Draw lines along the edges of squares, between neighbours that belong to different areas."""
    xs = [at for (start, end), _ in _edges(areas) for at in (start, end, math.nan)]
    ys = [at for _, (start, end) in _edges(areas) for at in (start, end, math.nan)]
    weight = 2.0 if layout.is_narrow else 3.0
    for colour, width, order in ((PAPER.light, weight + 3, 5), (INK.light, weight, 6)):
        axes.plot(xs, ys, color=colour, linewidth=width, zorder=order, solid_capstyle="projecting", clip_on=False)


def _edges(areas: Sequence[Sequence[Hashable]]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return the edges between neighbours that belong to different areas: from where to where, across and down."""
    edges = []
    for row, own in enumerate(areas):
        for column, area in enumerate(own):
            if column and own[column - 1] != area:
                edges.append(((column, column), (row, row + 1)))
            if row and areas[row - 1][column] != area:
                edges.append(((column, column + 1), (row, row)))
    return edges


def _legend(sheet: Sheet, legend: Mapping[str, str], top: float) -> None:
    """Say below a map what its looks mean."""
    layout = sheet.layout
    for key, (x, y) in _legend_places(legend, layout).items():
        middle, width, high = top + y + layout.row_px / 2, layout.font_px * 1.4, layout.font_px
        axes = sheet.axes(Scale(0, 1), Scale(1, 0), left=x, top=middle - high / 2, width=width, height=high)
        if key == "measured":
            _dot(axes, 0.5, 0.5, layout)
        elif key == "line":
            axes.plot([0.5, 0.5], [0, 1], color=INK.light, linewidth=3, solid_capstyle="butt")
        else:
            _fill(axes, (0, 0, 1, 1), Square("", key, len(SHADES) - 1, measured=False), {})
        sheet.text(x + layout.font_px * _SWATCH_EM, middle, legend[key], colour=MUTED.light)


def _legend_places(legend: Mapping[str, str], layout: Layout) -> dict[str, tuple[float, float]]:
    """Return where each entry of a legend begins, in pixels; what does not fit is on the next line."""
    places, x, y = {}, 2.0, layout.row_px * 0.4
    for key, text in legend.items():
        width = layout.font_px * (_SWATCH_EM + 1) + layout.text_px(text)
        if x > 2 and x + width > layout.width_px:
            x, y = 2.0, y + layout.row_px
        places[key] = (x, y)
        x += width
    return places


def _legend_px(legend: Mapping[str, str], layout: Layout) -> float:
    return max(y for _, y in _legend_places(legend, layout).values()) + layout.row_px


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
