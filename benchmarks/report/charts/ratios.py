"""Draws forests: ratios with their intervals below one another, on one logarithmic axis around 1.

One is of the arrangements of a run, another of the runs that are pooled.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from benchmarks.judge.judgement import Comparison, Estimate
from benchmarks.report.charts.canvas import (
    REFERENCE,
    Drawing,
    Layout,
    Scale,
    Sheet,
    around_one,
    draw,
    interval,
    label,
)
from benchmarks.report.charts.palette import INK, MUTED, framework_colour, framework_mark
from benchmarks.report.figures import NOT_MEASURED, amount, estimated, is_measured, level, ratio_reach
from benchmarks.report.words import arrangement_name, twins_name

_TICKS: Final = (2, 5, 10, 20, 50, 100, 200, 500, 1000)
_FEW_TICKS: Final = (2, 4)
_ROWS_BELOW: Final = 2.2


class _Row(NamedTuple):
    """A line of a forest: what it is called, how it is marked, and whether it is one to look at first."""

    name: str
    estimate: Estimate | None
    colour: str
    mark: str = "o"
    weight: float = 1.6
    named_in: str = INK.light
    strong: bool = False


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
        _Row(twins_name(twin), twin.rate, hue, framework_mark(twin.framework), 2.5, hue, twin.headline)
        for twin in chosen
        for hue in [framework_colour(twin.framework).light]
    ]
    words = (
        "Above 1, async def serves more; below 1, fewer.",
        f"Brackets hold {level(twin.rate for twin in chosen)} intervals.",
        *_told(rows),
        f"The band of ±{100 * margin:g} % around 1 counts as equal.",
        *([f"The tutorial found {amount(tutorial_value, '×')}."] if tutorial_value else []),
    )
    title = f"Requests per second: async def over def, workload {workload}"
    sides = ("async def is slower", "async def is faster")
    return _draw("ratio", workload, title, words, rows, margin, sides, (1.6, 2.1), tutorial_value)


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
    rows = [_Row(study.run, study.estimate, hue) for study in ratio.studies if study.estimate]
    if ratio.estimate is not None:
        rows.append(_Row("together", ratio.estimate, INK.light, "D", 2.8, strong=True))
    if ratio.predicted is not None and ratio.predicted.low is not None:
        rows.append(_Row("one more machine", ratio.predicted, INK.light, "|", strong=True))
    title = f"{arrangement_name(ratio.arrangement)}: async def over def, {quantity}"
    sides = ("async def has less", "async def has more")
    return _draw("forest", ratio.arrangement, title, (*_told(rows), ratio.sentence), rows, margin, sides, (0.92, 1.9))


def _told(rows: Iterable[_Row]) -> list[str]:
    return [f"{row.name}: {estimated(row.estimate, '×')}." for row in rows]


def _draw(  # noqa: PLR0917 (what is told, then what is drawn)
    kind: str,
    name: str,
    title: str,
    words: Iterable[str],
    rows: Sequence[_Row],
    margin: float,
    sides: tuple[str, str],
    pitch: tuple[float, float],
    tutorial_value: float | None = None,
) -> Drawing | None:
    """Draw a forest, from the top; ``pitch`` is the height of a line in rows of the layout, wide and narrow."""
    if not rows:
        return None
    rows_above = 1.5 if tutorial_value else 0.4

    def all_lines_px(layout: Layout) -> float:
        return layout.row_px * pitch[layout.is_narrow] * len(rows)

    def paint(sheet: Sheet) -> None:
        layout, narrow, lines_px = sheet.layout, sheet.layout.is_narrow, all_lines_px(sheet.layout)
        left = 6.0 if narrow else min(340.0, max(layout.text_px(row.name, bold=row.strong) for row in rows) + 24)
        right = 6.0 if narrow else layout.text_px("2.00 × [1.95, 2.07]") + 14
        top, width = layout.row_px * rows_above, layout.width_px - left - right
        scale = ratio_scale(ratio_reach((row.estimate for row in rows), tutorial_value), most=5 if narrow else 9)
        axes = sheet.axes(scale, Scale(len(rows), 0), left=left, top=top, width=width, height=lines_px)
        around_one(axes, margin)
        if tutorial_value:
            axes.axvline(tutorial_value, **REFERENCE)
            label(
                axes,
                f"the tutorial: {amount(tutorial_value, '×')}",
                (tutorial_value, 0),
                (0, layout.font_px * 0.5),
                anchor="right" if narrow else "center",
                colour=MUTED.light,
                va="baseline",
            )
        for position, row in enumerate(rows):
            if row.estimate is not None and is_measured(row.estimate.value) and row.estimate.value > 0:
                place = position + (0.68 if narrow else 0.5)
                interval(axes, row.estimate, place, layout, row.colour, row.weight, row.mark)
            _name(sheet, row, left, top + lines_px / len(rows) * (position + (0.28 if narrow else 0.5)))
        middle, below = left + width / 2, sheet.height_px - layout.row_px * 0.6
        sheet.text(middle - 12, below, f"← {sides[0]}", anchor="right", colour=MUTED.light)
        sheet.text(middle + 12, below, f"{sides[1]} →", colour=MUTED.light)

    def height(layout: Layout) -> float:
        return layout.row_px * (rows_above + _ROWS_BELOW) + all_lines_px(layout)

    return draw(kind, name, title, " ".join(words), height=height, paint=paint)


def _name(sheet: Sheet, row: _Row, left: float, y: float) -> None:
    """Write a line's name and its figure, beside its mark or above it."""
    layout, figure = sheet.layout, estimated(row.estimate, "×")
    missing, over = figure == NOT_MEASURED, layout.is_narrow
    room_px = layout.width_px - layout.text_px(figure) - 16 if layout.is_narrow else left - 12
    sheet.text(2, y, row.name, colour=row.named_in, bold=row.strong, over_lines=over, room_px=room_px)
    colour, bold = MUTED.light if missing else INK.light, row.strong and not missing
    sheet.text(layout.width_px - 2, y, figure, anchor="right", colour=colour, bold=bold, over_lines=over)


def ratio_scale(reach: float, most: int) -> Scale:
    """Return a logarithmic scale from ``1 / reach`` to ``reach``, with about ``most`` round ratios."""
    above = [tick for tick in (_FEW_TICKS if reach < 5 else _TICKS) if tick <= reach]
    step = max(1, math.ceil(2 * len(above) / most))
    kept = above[step - 1 :: step]
    ticks = sorted([1.0, *kept, *(1 / tick for tick in kept)])
    return Scale(1 / reach, reach, {tick: f"{tick:g} ×" for tick in ticks}, is_log=True)
