"""Draws forests: ratios with their intervals below one another, on one logarithmic axis around 1.

One is of the arrangements of a run, another of the runs that are pooled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.judge.comparison import equal_band
from benchmarks.judge.judgement import Comparison, Estimate
from benchmarks.report.charts.canvas import Drawing, Layout, Sheet, draw, gridline
from benchmarks.report.charts.palette import BAND, INK, MUTED, framework_colour, framework_mark
from benchmarks.report.figures import NOT_MEASURED, amount, estimated, is_measured, level, ratio_reach
from benchmarks.report.words import arrangement_name, twins_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_TICKS: Final = (2, 5, 10, 20, 50, 100, 200, 500, 1000)
_FEW_TICKS: Final = (2, 4)
_ROWS_BELOW: Final = 2.2
_ENDLESS: Final = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A line of a forest: what it is called, how it is marked, and whether it is one to look at first."""

    name: str
    estimate: Estimate | None
    colour: str
    mark: str = "o"
    weight: float = 1.6
    named_in: str = INK.light
    strong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forest:
    """What a chart shows.

    Attributes:
        rows: From the top.
        margin: Half-width of what counts as equal, drawn as a band.
        sides: What is so left of 1, and right of it.
        tutorial_value: What the tutorial found, marked when given.
        pitch: Of a line, in rows of the layout: wide and narrow.
    """

    rows: Sequence[_Row]
    margin: float
    sides: tuple[str, str]
    pitch: tuple[float, float]
    tutorial_value: float | None = None

    def line_px(self, layout: Layout) -> float:
        """Return how high a line is."""
        return layout.row_px * self.pitch[layout.is_narrow]

    @property
    def rows_above(self) -> float:
        """Room for what is written above the first line."""
        return 1.5 if self.tutorial_value else 0.4


def ratio_chart(
    workload: str, twins: Sequence[Comparison], *, margin: float, tutorial_value: float | None = None
) -> Drawing | None:
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
    rows = [
        _Row(
            name=twins_name(twin),
            estimate=twin.rate,
            colour=framework_colour(twin.framework).light,
            named_in=framework_colour(twin.framework).light,
            mark=framework_mark(twin.framework),
            weight=2.5,
            strong=twin.headline,
        )
        for twin in chosen
    ]
    sides = ("async def is slower", "async def is faster")
    forest = _Forest(rows=rows, margin=margin, sides=sides, pitch=(1.6, 2.1), tutorial_value=tutorial_value)
    words = (
        "Above 1, async def serves more; below 1, fewer.",
        f"Brackets hold {level(twin.rate for twin in chosen)} intervals.",
        *_told(rows),
        f"The band of ±{100 * margin:g} % around 1 counts as equal.",
        *([f"The tutorial found {amount(tutorial_value, '×')}."] if tutorial_value else []),
    )
    return _draw("ratio", workload, f"Requests per second: async def over def, workload {workload}", words, forest)


def forest_chart(ratio: Comparison, quantity: str, *, margin: float) -> Drawing | None:
    """Draw one pooled ratio.

    Args:
        ratio: Of many runs.
        quantity: What it is of, in words.
        margin: Half-width of what counts as equal, drawn as a band.
    Returns:
        ``None`` when no run has it.
    """
    hue = framework_colour(ratio.framework).light
    rows = [_Row(name=study.run, estimate=study.estimate, colour=hue) for study in ratio.studies if study.estimate]
    if ratio.estimate is not None:
        rows.append(_Row(name="together", estimate=ratio.estimate, colour=INK.light, mark="D", weight=2.8, strong=True))
    if ratio.predicted is not None and ratio.predicted.low is not None:
        rows.append(_Row(name="one more machine", estimate=ratio.predicted, colour=INK.light, mark="|", strong=True))
    sides = ("async def has less", "async def has more")
    forest = _Forest(rows=rows, margin=margin, sides=sides, pitch=(0.92, 1.9))
    title = f"{arrangement_name(ratio.arrangement)}: async def over def, {quantity}"
    return _draw("forest", ratio.arrangement, title, (*_told(rows), ratio.sentence), forest)


def _told(rows: Sequence[_Row]) -> list[str]:
    return [f"{row.name}: {estimated(row.estimate, '×')}." for row in rows]


def _draw(kind: str, name: str, title: str, words: Sequence[str], forest: _Forest) -> Drawing | None:
    if not forest.rows:
        return None
    return draw(
        kind,
        name,
        title,
        " ".join(words),
        height=lambda layout: (
            layout.row_px * (forest.rows_above + _ROWS_BELOW) + forest.line_px(layout) * len(forest.rows)
        ),
        paint=lambda sheet: _paint(sheet, forest),
    )


def _paint(sheet: Sheet, forest: _Forest) -> None:
    layout, line_px = sheet.layout, forest.line_px(sheet.layout)
    left = 6.0 if layout.is_narrow else min(300.0, max(layout.text_px(row.name) for row in forest.rows) + 24)
    right = 6.0 if layout.is_narrow else layout.text_px("2.00 × [1.95, 2.07]") + 14
    top = layout.row_px * forest.rows_above
    axes = sheet.axes(left=left, top=top, width=layout.width_px - left - right, height=line_px * len(forest.rows))
    _scale(axes, forest, layout)
    for position, row in enumerate(forest.rows):
        _mark(axes, row, position + (0.68 if layout.is_narrow else 0.5), layout)
        _label(sheet, row, left, top + line_px * (position + (0.28 if layout.is_narrow else 0.5)))
    middle = left + (layout.width_px - left - right) / 2
    below = sheet.height_px - layout.row_px * 0.6
    sheet.text(middle - 12, below, f"← {forest.sides[0]}", anchor="right", colour=MUTED.light)
    sheet.text(middle + 12, below, f"{forest.sides[1]} →", colour=MUTED.light)


def _scale(axes: Axes, forest: _Forest, layout: Layout) -> None:
    reach = ratio_reach((row.estimate for row in forest.rows), forest.tutorial_value)
    axes.set_xscale("log")
    axes.set_xlim(1 / reach, reach)
    axes.set_ylim(len(forest.rows), 0)
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


def _mark(axes: Axes, row: _Row, y: float, layout: Layout) -> None:
    estimate = row.estimate
    if estimate is None or not is_measured(estimate.value) or estimate.value <= 0:
        return
    error = None
    if estimate.low is not None and estimate.high is not None:
        low, high = max(estimate.low, 1 / _ENDLESS), min(estimate.high, _ENDLESS)
        error = [[estimate.value - low], [high - estimate.value]]
    axes.errorbar(
        [estimate.value],
        [y],
        xerr=error,
        fmt=row.mark,
        markersize=layout.font_px * (0.5 if row.weight > 2 else 0.38),
        color=row.colour,
        elinewidth=row.weight,
        capsize=layout.font_px * 0.36,
        capthick=row.weight,
        zorder=4,
    )


def _label(sheet: Sheet, row: _Row, left: float, y: float) -> None:
    layout, figure = sheet.layout, estimated(row.estimate, "×")
    is_missing = figure == NOT_MEASURED
    room_px = layout.width_px - layout.text_px(figure) - 16 if layout.is_narrow else left - 12
    name = layout.fit(row.name, room_px)
    sheet.text(2, y, name, colour=row.named_in, bold=row.strong, over_lines=layout.is_narrow)
    sheet.text(
        layout.width_px - 2,
        y,
        figure,
        anchor="right",
        colour=MUTED.light if is_missing else INK.light,
        bold=row.strong and not is_missing,
        over_lines=layout.is_narrow,
    )


def round_ratios(reach: float, most: int) -> list[float]:
    """Return round ratios on both sides of 1, about ``most`` of them."""
    above = [tick for tick in (_FEW_TICKS if reach < 5 else _TICKS) if tick <= reach]
    step = max(1, math.ceil(2 * len(above) / most))
    kept = above[step - 1 :: step]
    return sorted([1.0, *kept, *(1 / tick for tick in kept)])
