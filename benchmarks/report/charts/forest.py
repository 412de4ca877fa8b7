"""Draws a forest: one ratio in many runs, each with its interval, and below them what they say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.judge.comparison import equal_band
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.pool import Pooled
from benchmarks.report.charts.canvas import Chart, Layout, Sheet, draw, gridline
from benchmarks.report.charts.palette import BAND, INK, MUTED, framework_colour
from benchmarks.report.charts.ratios import round_ratios
from benchmarks.report.figures import estimated, is_measured
from benchmarks.report.naming import arrangement_name
from benchmarks.report.ratio_axis import RatioAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROWS_ABOVE: Final = 0.4
_ROWS_BELOW: Final = 2.2
_ENDLESS: Final = 1e6
_ROW: Final = 0.92
_NARROW_ROW: Final = 1.9


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the forest; the sums are drawn otherwise than the runs."""

    name: str
    estimate: Estimate
    kind: str


def forest_chart(ratio: Pooled, quantity: str, *, margin: float) -> Chart | None:
    """Draw one pooled ratio.

    Args:
        ratio: Of many runs.
        quantity: What it is of, in words.
        margin: Half-width of what counts as equal, drawn as a band.
    Returns:
        ``None`` when no run has it.
    """
    rows = _rows(ratio)
    if not rows:
        return None
    return draw(
        "forest",
        ratio.comparison.arrangement,
        f"{arrangement_name(ratio.comparison.arrangement)}: async def over def, {quantity}",
        " ".join([*(f"{row.name}: {estimated(row.estimate, '×')}." for row in rows), ratio.comparison.sentence]),
        height=lambda layout: layout.row_px * (_ROWS_ABOVE + _ROWS_BELOW) + _line_px(layout) * len(rows),
        paint=lambda sheet: _paint(sheet, rows, ratio.comparison.framework, margin),
    )


def _rows(ratio: Pooled) -> list[_Row]:
    rows = [_Row(study.run, study.estimate, "run") for study in ratio.studies if study.estimate is not None]
    if ratio.comparison.estimate is not None:
        rows.append(_Row("together", ratio.comparison.estimate, "mean"))
    if ratio.predicted is not None and ratio.predicted.low is not None:
        rows.append(_Row("one more machine", ratio.predicted, "prediction"))
    return rows


def _line_px(layout: Layout) -> float:
    return layout.row_px * (_NARROW_ROW if layout.is_narrow else _ROW)


def _paint(sheet: Sheet, rows: Sequence[_Row], framework: str, margin: float) -> None:
    layout, line_px = sheet.layout, _line_px(sheet.layout)
    left = 6.0 if layout.is_narrow else min(260.0, max(layout.text_px(row.name) for row in rows) + 24)
    right = 6.0 if layout.is_narrow else layout.text_px("2.00 × [1.95, 2.07]") + 14
    top = layout.row_px * _ROWS_ABOVE
    axes = sheet.axes(left=left, top=top, width=layout.width_px - left - right, height=line_px * len(rows))
    _scale(axes, rows, layout, margin)
    for position, row in enumerate(rows):
        _mark(axes, row, position + (0.68 if layout.is_narrow else 0.5), framework, layout)
        y = top + line_px * (position + (0.28 if layout.is_narrow else 0.5))
        figure = estimated(row.estimate, "×")
        room_px = layout.width_px - layout.text_px(figure) - 16 if layout.is_narrow else left - 12
        bold = row.kind != "run"
        sheet.text(2, y, layout.fit(row.name, room_px), bold=bold, over_lines=layout.is_narrow)
        sheet.text(layout.width_px - 2, y, figure, anchor="right", bold=bold, over_lines=layout.is_narrow)
    middle = left + (layout.width_px - left - right) / 2
    below = sheet.height_px - layout.row_px * 0.6
    sheet.text(middle - 12, below, "← async def has less", anchor="right", colour=MUTED.light)
    sheet.text(middle + 12, below, "async def has more →", colour=MUTED.light)


def _scale(axes: Axes, rows: Sequence[_Row], layout: Layout, margin: float) -> None:
    reach = RatioAxis.around([row.estimate for row in rows]).reach
    axes.set_xscale("log")
    axes.set_xlim(1 / reach, reach)
    axes.set_ylim(len(rows), 0)
    ticks = round_ratios(reach, most=5 if layout.is_narrow else 9)
    axes.set_xticks(ticks, labels=[f"{tick:g} ×" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_yticks([])
    axes.axvspan(*equal_band(margin), color=BAND.light, linewidth=0, zorder=0)
    for tick in ticks:
        gridline(axes, tick)
    axes.axvline(1, color=INK.light, linewidth=1.5, zorder=1)


def _mark(axes: Axes, row: _Row, y: float, framework: str, layout: Layout) -> None:
    estimate = row.estimate
    if not is_measured(estimate.value) or estimate.value <= 0:
        return
    error = None
    if estimate.low is not None and estimate.high is not None:
        low, high = max(estimate.low, 1 / _ENDLESS), min(estimate.high, _ENDLESS)
        error = [[estimate.value - low], [high - estimate.value]]
    shape, size, width = {"run": ("o", 0.38, 1.6), "mean": ("D", 0.62, 2.8), "prediction": ("|", 0.6, 1.6)}[row.kind]
    axes.errorbar(
        [estimate.value],
        [y],
        xerr=error,
        fmt=shape,
        markersize=layout.font_px * size,
        color=framework_colour(framework).light if row.kind == "run" else INK.light,
        elinewidth=width,
        capsize=layout.font_px * 0.3,
        capthick=width,
        zorder=4,
    )
