"""Draws how long requests took: for each arrangement the share answered within a time, twins together.

The latencies are those of all trials, whose HDR histograms are added up.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from hdrh.codec import HdrCookieException, HdrHistogramSettingsException, HdrLengthException
from hdrh.histogram import HdrHistogram

from benchmarks.judge.judgement import Summary
from benchmarks.report.charts.canvas import Drawing, Layout, Scale, Sheet, draw, label
from benchmarks.report.charts.palette import MUTED, framework_colour
from benchmarks.report.figures import NOT_MEASURED, amount, rounded
from benchmarks.report.words import arrangement_name, keyword, twins_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Beyond 99.9 % a short run has only a handful of requests.
_PERCENTS: Final = (0.1, 0.5, *range(1, 100), 99.5, 99.9)
# A label stands left of the curves, high up, or right of them, low down, where a curve that rises leaves room. Percent:
# its height, and the height at which the curves must leave it room.
_UPPER_LABEL: Final = (78, 60)
_LOWER_LABEL: Final = (24, 44)
_ROWS_BELOW: Final = 1.9
_ROWS_PER_PANEL: Final = (4.4, 5.2)  # wide, narrow
_SHARES_PX: Final = 60.0
"""Room for the shares beside an axis."""

_LONGEST_NAME_PX: Final = 330.0
_SHORTEST_MS: Final = 1e-3
_SHARES: Final = Scale(-4, 104, {0: "0 %", 50: "50 %", 100: "100 %"})
_UNREADABLE: Final = (
    *(HdrCookieException, HdrHistogramSettingsException, HdrLengthException, zlib.error),
    *(IndexError, RuntimeError, TypeError, ValueError),
)


class _Curve(NamedTuple):
    """Latencies of one contender, milliseconds by percent; or none, and why."""

    variant: str | None
    at: Mapping[float, float]
    absence: str

    def text(self, layout: Layout) -> str:
        """Return what is written beside the curve: keyword and, where there is room, median."""
        name = keyword(self.variant)
        return name if layout.is_narrow else f"{name} {amount(self.at[50], 'ms')}"


def latency_chart(workload: str, summaries: Sequence[Summary]) -> Drawing | None:
    """Draw the latency distributions of one workload's twins; ``None`` when none has a readable histogram."""
    panels = {
        arrangement: [_curve(summary) for summary in twins]
        for arrangement, twins in twins_of(summaries, workload).items()
    }
    if not any(curve.at for curves in panels.values() for curve in curves):
        return None
    words = (
        f"{arrangement_name(arrangement)}: {'; '.join(map(_told, curves))}." for arrangement, curves in panels.items()
    )
    return draw(
        "latency",
        workload,
        f"Share of requests answered within a time, workload {workload}",
        " ".join(words),
        height=lambda layout: layout.row_px * (_ROWS_PER_PANEL[layout.is_narrow] * len(panels) + _ROWS_BELOW),
        paint=lambda sheet: _paint(sheet, panels),
    )


def _curve(summary: Summary) -> _Curve:
    latencies_ms = quantiles_ms(summary.histograms, _PERCENTS)
    absence = NOT_MEASURED if latencies_ms is not None else "histogram unreadable"
    return _Curve(summary.variant, dict(zip(_PERCENTS, latencies_ms or (), strict=False)), absence)


def _told(curve: _Curve) -> str:
    parts = (("half", 50), ("95 %", 95), ("99.9 %", 99.9))
    within = ", ".join(f"{share} within {amount(curve.at[percent], 'ms')}" for share, percent in parts if curve.at)
    return f"{keyword(curve.variant)} {within or curve.absence}"


def _paint(sheet: Sheet, panels: Mapping[str, Sequence[_Curve]]) -> None:
    layout, narrow = sheet.layout, sheet.layout.is_narrow
    panel_px = layout.row_px * _ROWS_PER_PANEL[narrow]
    longest_px = max(layout.text_px(arrangement_name(arrangement), bold=True) for arrangement in panels)
    name_px = layout.width_px - 4 if narrow else min(_LONGEST_NAME_PX, longest_px)
    left = 44.0 if narrow else name_px + 14 + _SHARES_PX
    width = layout.width_px - left - 8
    fastest_first = {
        arrangement: sorted((curve for curve in curves if curve.at), key=lambda curve: curve.at[50])
        for arrangement, curves in panels.items()
    }
    low, high = _limits([curves for curves in fastest_first.values() if curves], layout, width)
    ticks = _ticks(low, high, most=5 if narrow else 9)
    for position, (arrangement, curves) in enumerate(panels.items()):
        top, header_px = position * panel_px, layout.row_px * (1.2 if narrow else 0.3)
        is_last = position == len(panels) - 1
        along = Scale(low, high, {tick: rounded(tick, "ms") if is_last else "" for tick in ticks}, is_log=True)
        high_px = panel_px - header_px - layout.row_px * 0.4
        axes = sheet.axes(along, _SHARES, left=left, top=top + header_px, width=width, height=high_px)
        colour = framework_colour(arrangement.partition("@")[0]).light
        middle = top + (layout.row_px * 0.6 if narrow else panel_px / 2)
        sheet.text(2, middle, arrangement_name(arrangement), colour=colour, bold=True, room_px=name_px)
        _draw_curves(axes, fastest_first[arrangement], colour, layout)
        missing = "; ".join(f"{keyword(curve.variant)}: {curve.absence}" for curve in curves if not curve.at)
        # In fractions of the axes, above the lowest line.
        label(axes, missing, (0.99, 0.2), anchor="right", colour=MUTED.light, xycoords="axes fraction", style="italic")
    below = sheet.height_px - layout.row_px * 0.5
    sheet.text(left + width / 2, below, "latency, logarithmic", anchor="center", colour=MUTED.light)


def _draw_curves(axes: Axes, curves: Sequence[_Curve], colour: str, layout: Layout) -> None:
    """Draw curves, fastest first, and name the first and the last."""
    for curve in curves:
        width, style = (2.8, "solid") if curve.variant == "async" else (2.2, (0, (4, 1.6)))
        axes.plot(list(curve.at.values()), list(curve.at), color=colour, linewidth=width, linestyle=style, zorder=3)
    if curves:
        beside = min(curve.at[_UPPER_LABEL[1]] for curve in curves)
        offset = (-0.5 * layout.font_px, 0)
        label(axes, curves[0].text(layout), (beside, _UPPER_LABEL[0]), offset, anchor="right", zorder=5)
    if len(curves) > 1:
        beside = max(curve.at[_LOWER_LABEL[1]] for curve in curves)
        label(axes, curves[-1].text(layout), (beside, _LOWER_LABEL[0]), (0.5 * layout.font_px, 0), zorder=5)


def _limits(panels: Sequence[Sequence[_Curve]], layout: Layout, width: float) -> tuple[float, float]:
    """Return the latencies, milliseconds, that the axis spans, with room at both ends for what is written there."""
    low = max(_SHORTEST_MS, min(curve.at[_PERCENTS[0]] for curves in panels for curve in curves))
    high = max(1.5 * low, *(curve.at[_PERCENTS[-1]] for curves in panels for curve in curves))

    def share(curve: _Curve) -> float:
        return min(0.4, (layout.text_px(curve.text(layout)) + layout.font_px) / width)

    # Room at one end narrows what is left for the other, so the limits are approached in a few steps.
    for _ in range(8):
        span = math.log(high / low)
        for curves in panels:
            first = max(_SHORTEST_MS, min(curve.at[_UPPER_LABEL[1]] for curve in curves))
            last = max(curve.at[_LOWER_LABEL[1]] for curve in curves)
            low = min(low, first * math.exp(-share(curves[0]) * span))
            high = max(high, last * math.exp(share(curves[-1]) * span))
    return low, high


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Return round latencies between the limits, at most about ``most``."""
    decades = [10.0**power for power in range(-3, 8)]
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [step * decade for decade in decades for step in steps if low <= step * decade <= 0.9 * high]
        if len(ticks) <= most:
            break
    return ticks


def quantiles_ms(encoded: Sequence[str], percents: Sequence[float]) -> list[float] | None:
    """Return latency percentiles of all the trials' requests together.

    Args:
        encoded: Histograms of whole microseconds in HdrHistogram's V2 compressed base64 form.
        percents: 0 to 100, ascending, each once.
    Returns:
        Milliseconds, one for each of ``percents``; empty when no request is in any histogram, ``None`` when one of
        them is not such a histogram.
    """
    try:
        parts = [HdrHistogram.decode(text) for text in encoded]
        parts = [part for part in parts if part.get_total_count() > 0]
        if not parts:
            return []
        total = HdrHistogram(
            min(part.lowest_trackable_value for part in parts),
            max(part.highest_trackable_value for part in parts),
            max(part.significant_figures for part in parts),
        )
        for part in parts:
            total.add(part)
        values_us = total.get_percentile_to_value_dict(percents)
    except _UNREADABLE:
        return None
    return [values_us[percent] / 1000 for percent in percents]
