"""Draws one claim on its own axis: each quantity with its interval, what the tutorial found, and the half-way mark."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from benchmarks.judge.judgement import Estimate, Figure, Verdict
from benchmarks.report.charts.canvas import Drawing, Layout, Scale, Sheet, around_one, draw, interval, shown_as
from benchmarks.report.charts.palette import MUTED, framework_colour, framework_mark
from benchmarks.report.figures import FIRM_ROUNDS, amount, estimated, is_measured

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROWS_PER_LINE: Final = 2.0
_ROWS_BELOW: Final = 2.5
_RATIOS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.33, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50, 100)
_MOST_TICKS: Final = 5
_ROOM: Final = 1.15
_FARTHEST: Final = 4.0
"""How far beyond its value a hopelessly wide interval may stretch the axis."""


class _Line(NamedTuple):
    """A quantity of a claim, and what it is compared with."""

    name: str
    estimate: Estimate
    unit: str
    colour: str
    mark: str
    tutorial: float | None
    half_way: float | None

    @property
    def told(self) -> str:
        """The line in words."""
        against = "" if self.tutorial is None else f", the tutorial {amount(self.tutorial, self.unit)}"
        return f"{self.name}: {estimated(self.estimate, self.unit)}{against}."


def claim_chart(
    claim: str, title: str, verdicts: Sequence[Verdict], *, margin: float, much: float = 0.0
) -> Drawing | None:
    """Draw what the verdicts on a claim rest on; ``None`` where nothing of it was measured.

    Args:
        claim: Its id.
        title: What it shows.
        verdicts: From the top.
        margin: Half-width of what counts as equal.
        much: From what ratio on the first counts as much better; 0 where the claim has no such mark.
    """
    lines = [line for verdict in verdicts for line in _lines(verdict, much)]
    lines = [line for line in lines if line.unit == lines[0].unit]
    if not lines:
        return None
    return draw(
        "claim",
        claim,
        title,
        " ".join(line.told for line in lines),
        height=lambda layout: layout.row_px * (_ROWS_PER_LINE * len(lines) + _ROWS_BELOW),
        paint=lambda sheet: _paint(sheet, lines, margin, much),
        is_small=True,
    )


def _lines(verdict: Verdict, much: float) -> Iterator[_Line]:
    """Yield a line for each figure that is claimed, or for all of them where the tutorial gave no ratio."""
    framework = verdict.arrangement.partition("@")[0] or verdict.subject.lower()
    colour, mark = framework_colour(framework).light, framework_mark(framework)
    measured = [each for each in verdict.figures if each.estimate is not None and is_measured(each.estimate.value)]
    is_ratio = bool(measured) and measured[0].unit == "×"
    for number, figure in enumerate(measured):
        if figure.estimate is None or (is_ratio and number > 0 and figure.tutorial_value is None):
            continue
        if is_ratio and figure.estimate.value <= 0:
            continue
        name = figure.name.removesuffix(" async/sync").removesuffix(" (range)")
        name = name.replace(", async", "").replace(", sync", " with def")
        told, estimate = f"{verdict.subject}: {name}", figure.estimate
        if not figure.unit and estimate.low is None:
            # A count that is exact needs no rounds to be firm.
            estimate = dataclasses.replace(estimate, samples=max(FIRM_ROUNDS, estimate.samples))
        yield _Line(told, estimate, figure.unit, colour, mark, figure.tutorial_value, _half_way(figure, much))


def _half_way(figure: Figure, much: float) -> float | None:
    """Return the mark that decides: half-way to the tutorial's ratio, by logarithms, or where much begins."""
    if figure.unit != "×":
        return None
    if figure.tutorial_value is not None and figure.tutorial_value > 0:
        return math.sqrt(figure.tutorial_value)
    return much or None


def _paint(sheet: Sheet, lines: Sequence[_Line], margin: float, much: float) -> None:
    layout, is_ratio = sheet.layout, lines[0].unit == "×"
    height, left, width = layout.row_px * _ROWS_PER_LINE * len(lines), 18.0, layout.width_px - 36
    scale = _ratios(lines) if is_ratio else _counts(lines)
    axes = sheet.axes(scale, Scale(len(lines), 0), left=left, top=0, width=width, height=height)
    if is_ratio:
        around_one(axes, margin)
    for number, line in enumerate(lines):
        _mark(axes, line, number, layout)
        top = layout.row_px * (_ROWS_PER_LINE * number + 0.5)
        written = estimated(line.estimate, line.unit)
        room_px = layout.width_px - layout.text_px(written) - 14
        sheet.text(2, top, line.name, colour=line.colour, over_lines=True, room_px=room_px)
        sheet.text(layout.width_px - 2, top, written, anchor="right", over_lines=True)
    marks = ["thick: the tutorial"] if any(line.tutorial is not None for line in lines) else []
    if any(line.half_way is not None for line in lines):
        marks.append("dotted: where “much” begins" if much and not marks else "dotted: half-way to it")
    below = sheet.height_px - layout.row_px * 0.5
    sheet.text(layout.width_px / 2, below, "; ".join(marks), anchor="center", colour=MUTED.light)


def _mark(axes: Axes, line: _Line, number: int, layout: Layout) -> None:
    """Draw what a quantity is compared with, and over it the quantity."""
    ends, place = [number + 0.48, number + 0.92], number + 0.7
    if line.half_way is not None:
        axes.plot([line.half_way] * 2, ends, color=MUTED.light, linewidth=2, linestyle=(0, (1, 1)), zorder=2)
    if line.tutorial is not None:
        axes.plot([line.tutorial] * 2, ends, color=MUTED.light, linewidth=3.5, zorder=2, solid_capstyle="butt")
    gid = shown_as("mark", number, line.told)
    interval(axes, line.estimate, place, layout, line.colour, 2, line.mark, gid=gid)


def _reach(lines: Sequence[_Line]) -> tuple[float, float]:
    """Return the least and the most that must be on the axis."""
    values = []
    for line in lines:
        value, low, high = line.estimate.value, line.estimate.low, line.estimate.high
        values += [value, *(each for each in (line.tutorial, line.half_way) if each is not None)]
        values += [value if low is None else max(low, value / _FARTHEST)]
        values += [value if high is None else min(high, value * _FARTHEST)]
    return min(values), max(values)


def _ratios(lines: Sequence[_Line]) -> Scale:
    least, most = _reach(lines)
    low, high = min(1.0, least) / _ROOM, max(1.0, most) * _ROOM
    ticks = [each for each in _RATIOS if low <= each <= high]
    step = max(1, math.ceil(len(ticks) / _MOST_TICKS))
    first = ticks.index(1) % step
    return Scale(low, high, {each: f"{each:g} ×" for each in ticks[first::step]}, is_log=True)


def _counts(lines: Sequence[_Line]) -> Scale:
    most = max(1.0, _reach(lines)[1]) * 1.05
    decade = 10 ** math.floor(math.log10(most / (_MOST_TICKS - 1)))
    step = next(each * decade for each in (1, 2, 5, 10) if most / (each * decade) < _MOST_TICKS)
    step = max(1.0, step)
    return Scale(-most * 0.02, most, {step * each: f"{step * each:g}" for each in range(int(most / step) + 1)})
