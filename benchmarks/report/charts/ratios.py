"""Draws the headline: async over sync, with intervals, for every arrangement on one axis around 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.judge.comparison import equal_band
from benchmarks.judge.judgement import Comparison
from benchmarks.report.charts.canvas import Chart, Layout, Sheet, draw, gridline
from benchmarks.report.charts.palette import BAND, INK, MUTED, framework_colour, framework_mark
from benchmarks.report.figures import NOT_MEASURED, amount, estimated, is_measured
from benchmarks.report.naming import arrangement_name
from benchmarks.report.ratio_axis import RatioAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TICKS: Final = (2, 5, 10, 20, 50, 100, 200, 500, 1000)
_FEW_TICKS: Final = (2, 4)
_ROWS_ABOVE: Final = 1.5
_ROWS_BELOW: Final = 2.2
_ENDLESS: Final = 1e6


@dataclass(frozen=True, slots=True)
class _Forest:
    """What the chart shows: twins in the order of their lines, the equal margin, and the tutorial's ratio."""

    twins: Sequence[Comparison]
    margin: float
    tutorial_value: float | None


def ratio_chart(
    workload: str, twins: Sequence[Comparison], *, margin: float, tutorial_value: float | None = None
) -> Chart | None:
    """Draw the async/sync ratios of the rate of valid answers.

    Args:
        workload: Whose ratios.
        twins: Of every workload.
        margin: Half-width of what counts as equal, drawn as a band.
        tutorial_value: What the tutorial found, marked when given.
    Returns:
        ``None`` when the workload has no twins.
    """
    chosen = sorted((twin for twin in twins if twin.workload == workload), key=lambda twin: twin.framework)
    if not chosen:
        return None
    forest = _Forest(chosen, margin, tutorial_value)
    return draw(
        "ratio",
        workload,
        f"Requests per second: async def over def, workload {workload}",
        _words(forest),
        height=lambda layout: layout.row_px * (_ROWS_ABOVE + _ROWS_BELOW) + _line_px(layout) * len(chosen),
        paint=lambda sheet: _paint(sheet, forest),
    )


def _words(forest: _Forest) -> str:
    lines = [f"{arrangement_name(twin.arrangement)}: {estimated(twin.rate, '×')}." for twin in forest.twins]
    equal = f"The band of ±{100 * forest.margin:g} % around 1 counts as equal."
    tutorial = [f"The tutorial found {amount(forest.tutorial_value, '×')}."] if forest.tutorial_value else []
    meaning = "Above 1, async def serves more; below 1, fewer. Brackets hold 95 % intervals."
    return " ".join((meaning, *lines, equal, *tutorial))


def _line_px(layout: Layout) -> float:
    return layout.row_px * (2.1 if layout.is_narrow else 1.6)


def _paint(sheet: Sheet, forest: _Forest) -> None:
    layout, line_px = sheet.layout, _line_px(sheet.layout)
    names = [arrangement_name(twin.arrangement) for twin in forest.twins]
    left = 6.0 if layout.is_narrow else min(300.0, max(map(layout.text_px, names)) + 24)
    right = 6.0 if layout.is_narrow else layout.text_px("2.00 × [1.95, 2.07]") + 14
    top = layout.row_px * _ROWS_ABOVE
    axes = sheet.axes(left=left, top=top, width=layout.width_px - left - right, height=line_px * len(forest.twins))
    _scale(axes, forest, layout)
    for position, twin in enumerate(forest.twins):
        _mark(axes, twin, position + (0.68 if layout.is_narrow else 0.5), layout)
        _label(sheet, twin, names[position], top + line_px * (position + (0.28 if layout.is_narrow else 0.5)))
    middle = left + (layout.width_px - left - right) / 2
    below = sheet.height_px - layout.row_px * 0.6
    sheet.text(middle - 12, below, "← async def is slower", anchor="right", colour=MUTED.light)
    sheet.text(middle + 12, below, "async def is faster →", colour=MUTED.light)


def _scale(axes: Axes, forest: _Forest, layout: Layout) -> None:
    reach = RatioAxis.around([twin.rate for twin in forest.twins], forest.tutorial_value).reach
    axes.set_xscale("log")
    axes.set_xlim(1 / reach, reach)
    axes.set_ylim(len(forest.twins), 0)
    ticks = round_ratios(reach, most=5 if layout.is_narrow else 9)
    axes.set_xticks(ticks, labels=[f"{tick:g} ×" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_yticks([])
    axes.axvspan(*equal_band(forest.margin), color=BAND.light, linewidth=0, zorder=0)
    for tick in ticks:
        gridline(axes, tick)
    axes.axvline(1, color=INK.light, linewidth=1.5, zorder=1)
    if forest.tutorial_value:
        axes.axvline(forest.tutorial_value, color=MUTED.light, linewidth=2, linestyle=(0, (3, 2)), zorder=2)
        axes.annotate(
            f"the tutorial: {amount(forest.tutorial_value, '×')}",
            (forest.tutorial_value, 0),
            xytext=(0, layout.font_px * 0.5),
            textcoords="offset points",
            ha="right" if layout.is_narrow else "center",
            color=MUTED.light,
        )


def _mark(axes: Axes, twin: Comparison, y: float, layout: Layout) -> None:
    rate, colour = twin.rate, framework_colour(twin.framework).light
    if rate is None or not is_measured(rate.value) or rate.value <= 0:
        return
    error = None
    if rate.low is not None and rate.high is not None and rate.low > 0:
        error = [[rate.value - rate.low], [min(rate.high, _ENDLESS) - rate.value]]
    axes.errorbar(
        [rate.value],
        [y],
        xerr=error,
        fmt=framework_mark(twin.framework),
        markersize=layout.font_px * 0.5,
        color=colour,
        elinewidth=2.5,
        capsize=layout.font_px * 0.42,
        capthick=2.5,
        zorder=4,
    )


def _label(sheet: Sheet, twin: Comparison, name: str, y: float) -> None:
    layout, figure = sheet.layout, estimated(twin.rate, "×")
    is_missing = figure == NOT_MEASURED
    room_px = layout.width_px - layout.text_px(figure) - 16 if layout.is_narrow else 290.0
    sheet.text(
        2,
        y,
        layout.fit(name, room_px),
        colour=framework_colour(twin.framework).light,
        bold=twin.headline,
        over_lines=layout.is_narrow,
    )
    sheet.text(
        layout.width_px - 2,
        y,
        figure,
        anchor="right",
        colour=MUTED.light if is_missing else INK.light,
        bold=twin.headline and not is_missing,
        over_lines=layout.is_narrow,
    )


def round_ratios(reach: float, most: int) -> list[float]:
    """Return round ratios on both sides of 1, about ``most`` of them."""
    above = [tick for tick in (_FEW_TICKS if reach < 5 else _TICKS) if tick <= reach]
    step = max(1, math.ceil(2 * len(above) / most))
    kept = above[step - 1 :: step]
    return sorted([1.0, *kept, *(1 / tick for tick in kept)])
