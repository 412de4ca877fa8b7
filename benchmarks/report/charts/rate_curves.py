"""Draws rates against connections, a panel for each of some waits: measured, estimated between, and in theory."""

from __future__ import annotations

import itertools
import math
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.judge.crossover import CONNECTIONS, CrossoverMap
from benchmarks.judge.theory import Capacity, theory_per_s
from benchmarks.model import Place
from benchmarks.report.charts.canvas import Chart, Layout, Sheet, draw, gridline
from benchmarks.report.charts.palette import BAD, DOUBT, GOOD, GRID, INK, MUTED, OTHER, Colour, framework_colour
from benchmarks.report.figures import amount
from benchmarks.report.words import contender_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WAITS_SHOWN: Final = (0, 5, 20, 100)

_MORE_COLOURS: Final = (OTHER, DOUBT, GOOD, BAD, MUTED, INK)
_MARKERS: Final = "osD^vP*X"
_STEPS: Final = 60
_ROWS_BELOW: Final = 2.0


@dataclass(frozen=True, slots=True)
class _Curves:
    """A map, the letter of each contender by id, and the colour of each letter."""

    found: CrossoverMap
    letters: Mapping[str, str]
    colours: Mapping[str, Colour]


def contender_colours(contenders: Sequence[str]) -> dict[str, Colour]:
    """Return a colour for the letter of each contender: the framework's hue for its first, others for the rest."""
    more = itertools.cycle(_MORE_COLOURS)
    chosen: dict[str, Colour] = {}
    for letter, contender in zip(string.ascii_uppercase, contenders, strict=False):
        hue = framework_colour(contender.partition("@")[0].rpartition("-")[0])
        chosen[letter] = next(more) if hue == OTHER or hue in chosen.values() else hue
    return chosen


def rate_curves(found: CrossoverMap, letters: Mapping[str, str]) -> Chart:
    """Draw the rates of every contender, and the theory beside them.

    Args:
        found: The map.
        letters: What stands for each contender, by id.
    """
    curves = _Curves(found, letters, contender_colours(tuple(letters)))
    return draw(
        "curves",
        "crossover",
        "Requests per second against connections, measured and in theory",
        _words(curves),
        height=lambda layout: _panel_px(layout) * (len(WAITS_SHOWN) if layout.is_narrow else 2),
        paint=lambda sheet: _paint(sheet, curves),
    )


def _words(curves: _Curves) -> str:
    told = []
    for contender, letter in curves.letters.items():
        rates = {
            (cell.place, choice.contender): choice
            for row in curves.found.cells
            for cell in row
            for choice in cell.rates
        }
        parts = [
            f"{wait} ms, {number} connections: {amount(choice.rate.value, 'req/s')}, in theory "
            f"{amount(choice.theory_per_s, 'req/s')}"
            for wait in WAITS_SHOWN
            for number in (CONNECTIONS[0], 20, CONNECTIONS[-1])
            if (choice := rates.get((Place(wait, number), contender))) is not None
        ]
        told.append(f"{letter}, {contender_name(contender)}: {'; '.join(parts)}.")
    return " ".join(told)


def _panel_px(layout: Layout) -> float:
    return layout.row_px * (10 if layout.is_narrow else 9.5)


def _paint(sheet: Sheet, curves: _Curves) -> None:
    layout, panel_px = sheet.layout, _panel_px(sheet.layout)
    across = 1 if layout.is_narrow else 2
    room = layout.width_px / across
    left_px = layout.text_px("10,000") + 8
    limits = _limits(curves.found)
    for position, wait in enumerate(WAITS_SHOWN):
        left, top = room * (position % across), panel_px * (position // across)
        sheet.text(left + left_px, top + layout.row_px * 0.6, f"wait {wait} ms", bold=True)
        axes = sheet.axes(
            left=left + left_px,
            top=top + layout.row_px * 1.1,
            width=room - left_px - layout.font_px * 1.8,
            height=panel_px - layout.row_px * (1.1 + _ROWS_BELOW),
        )
        _frame(axes, limits, layout)
        sheet.text(
            left + room / 2 + left_px / 2,
            top + panel_px - layout.row_px * 0.55,
            "connections",
            anchor="center",
            colour=MUTED.light,
        )
        ends = {
            curves.letters[capacity.contender]: _contender(axes, curves, capacity, number, wait)
            for number, capacity in enumerate(curves.found.capacities)
        }
        height_px = panel_px - layout.row_px * (1.1 + _ROWS_BELOW)
        _letters(axes, ends, curves.colours, math.log(limits[1] / limits[0]) * layout.font_px / height_px)


def _frame(axes: Axes, limits: tuple[float, float], layout: Layout) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(CONNECTIONS[0] * 0.9, CONNECTIONS[-1] * 1.1)
    axes.set_ylim(*limits)
    ticks = (1, 5, 20, 100, 500) if layout.is_narrow else CONNECTIONS
    axes.set_xticks(ticks, labels=[str(tick) for tick in ticks])
    rates = [rate for rate in (1, 10, 100, 1_000, 10_000, 100_000) if limits[0] <= rate <= limits[1]]
    axes.set_yticks(rates, labels=[f"{rate:,}" for rate in rates])
    axes.set_xticks([], minor=True)
    axes.set_yticks([], minor=True)
    for tick in ticks:
        gridline(axes, tick)
    for rate in rates:
        axes.axhline(rate, color=GRID.light, linewidth=1, zorder=0)


def _letters(axes: Axes, ends: Mapping[str, float], colours: Mapping[str, Colour], apart: float) -> None:
    """Write each letter at the end of its curve, apart from each other by a logarithm at least."""
    at = -math.inf
    for letter, rate in sorted(ends.items(), key=lambda end: end[1]):
        at = max(math.log(rate), at + apart)
        axes.annotate(
            letter,
            (CONNECTIONS[-1], math.exp(at)),
            xytext=(10, 0),
            textcoords="offset points",
            va="center_baseline",
            color=colours[letter].light,
            fontweight="bold",
            annotation_clip=False,
        )


def _contender(axes: Axes, curves: _Curves, capacity: Capacity, number: int, wait: float) -> float:
    """Draw one contender's curves, and return the rate at which they end."""
    colour = curves.colours[curves.letters[capacity.contender]].light
    steps = np.geomspace(CONNECTIONS[0], CONNECTIONS[-1], _STEPS)
    theory = [theory_per_s(capacity, Place(wait, float(step))) for step in steps]
    axes.plot(steps, theory, color=colour, linewidth=1.6, linestyle=(0, (4, 2)), zorder=2)
    (row,) = (row for row in curves.found.cells if row[0].place.wait_ms == wait)
    values = [
        next(choice.rate.value for choice in cell.rates if choice.contender == capacity.contender) for cell in row
    ]
    axes.plot(CONNECTIONS, values, color=colour, linewidth=2.4, zorder=3)
    measured = [
        (rate.place.connections, rate.rate_per_s)
        for rate in curves.found.rates
        if rate.contender == capacity.contender and rate.place.wait_ms == wait
    ]
    if measured:
        axes.plot(
            [connections for connections, _ in measured],
            [rate for _, rate in measured],
            linestyle="none",
            marker=_MARKERS[number % len(_MARKERS)],
            markersize=7,
            color=colour,
            zorder=4,
        )
    return values[-1]


def _limits(found: CrossoverMap) -> tuple[float, float]:
    values = [choice.rate.value for row in found.cells for cell in row for choice in cell.rates]
    values += [rate.rate_per_s for rate in found.rates]
    return max(1e-3, min(values) / 1.5), max(values) * 2
