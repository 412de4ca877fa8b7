"""Draws how long requests took: for each arrangement the share answered within a time, twins together.

The latencies are those of all trials, whose HDR histograms are added up.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from hdrh.codec import HdrCookieException, HdrHistogramSettingsException, HdrLengthException
from hdrh.histogram import HdrHistogram

from benchmarks.judge.judgement import Summary
from benchmarks.report.charts.canvas import Drawing, Layout, Sheet, draw, gridline
from benchmarks.report.charts.palette import GRID, INK, MUTED, framework_colour
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
_SHORTEST_MS: Final = 1e-3
_UNREADABLE: Final = (
    *(HdrCookieException, HdrHistogramSettingsException, HdrLengthException, zlib.error),
    *(IndexError, RuntimeError, TypeError, ValueError),
)


@dataclass(frozen=True, slots=True)
class _Curve:
    """Latency percentiles of one contender, at ``_PERCENTS``; ``None`` and the reason when there are none."""

    variant: str | None
    latencies_ms: Sequence[float] | None
    absence: str = NOT_MEASURED

    def at(self, percent: float) -> float:
        """Return a percentile of a curve that has them."""
        assert self.latencies_ms is not None  # noqa: S101 (callers keep to measured curves)
        return self.latencies_ms[_PERCENTS.index(percent)]

    def label(self, layout: Layout) -> str:
        """Return what is written beside the curve: keyword and, where there is room, median."""
        name = keyword(self.variant)
        return name if layout.is_narrow else f"{name} {amount(self.at(50), 'ms')}"


def latency_chart(workload: str, summaries: Sequence[Summary]) -> Drawing | None:
    """Draw the latency distributions of one workload's twins.

    Args:
        workload: Whose latencies.
        summaries: Of every contender and workload.
    Returns:
        ``None`` when no contender of the workload has a readable histogram.
    """
    panels = {
        arrangement: [_curve(summary) for summary in twins]
        for arrangement, twins in twins_of(summaries, workload).items()
    }
    if not any(curve.latencies_ms for curves in panels.values() for curve in curves):
        return None
    return draw(
        "latency",
        workload,
        f"Share of requests answered within a time, workload {workload}",
        _words(panels),
        height=lambda layout: _panel_px(layout) * len(panels) + layout.row_px * _ROWS_BELOW,
        paint=lambda sheet: _paint(sheet, panels),
    )


def _curve(summary: Summary) -> _Curve:
    try:
        latencies_ms = quantiles_ms(summary.histograms, _PERCENTS)
    except HistogramError:
        return _Curve(summary.variant, None, "histogram unreadable")
    return _Curve(summary.variant, latencies_ms or None)


def _words(panels: Mapping[str, Sequence[_Curve]]) -> str:
    def tell(curve: _Curve) -> str:
        if curve.latencies_ms is None:
            return f"{keyword(curve.variant)} {curve.absence}"
        parts = (("half", 50), ("95 %", 95), ("99.9 %", 99.9))
        within = ", ".join(f"{share} within {amount(curve.at(percent), 'ms')}" for share, percent in parts)
        return f"{keyword(curve.variant)} {within}"

    return " ".join(
        f"{arrangement_name(arrangement)}: {'; '.join(map(tell, curves))}." for arrangement, curves in panels.items()
    )


def _panel_px(layout: Layout) -> float:
    return layout.row_px * (5.2 if layout.is_narrow else 4.4)


def _paint(sheet: Sheet, panels: Mapping[str, Sequence[_Curve]]) -> None:
    layout, panel_px = sheet.layout, _panel_px(sheet.layout)
    names = {arrangement: arrangement_name(arrangement) for arrangement in panels}
    left = 44.0 if layout.is_narrow else min(310.0, max(map(layout.text_px, names.values())) + 30) + 60
    width = layout.width_px - left - 8
    low, high = _limits(panels, layout, width)
    for position, (arrangement, curves) in enumerate(panels.items()):
        top = position * panel_px
        header_px = layout.row_px * (1.2 if layout.is_narrow else 0.3)
        axes = sheet.axes(
            left=left, top=top + header_px, width=width, height=panel_px - header_px - layout.row_px * 0.4
        )
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        _frame(axes, low, high, layout, is_last=position == len(panels) - 1)
        framework = arrangement.partition("@")[0]
        colour = framework_colour(framework).light
        sheet.text(
            2,
            top + (layout.row_px * 0.6 if layout.is_narrow else panel_px / 2),
            layout.fit(names[arrangement], layout.width_px if layout.is_narrow else 300),
            colour=colour,
            bold=True,
        )
        _draw_curves(axes, curves, colour, layout)
    sheet.text(
        left + width / 2,
        sheet.height_px - layout.row_px * 0.5,
        "latency, logarithmic",
        anchor="center",
        colour=MUTED.light,
    )


def _frame(axes: Axes, low: float, high: float, layout: Layout, *, is_last: bool) -> None:
    axes.set_ylim(-4, 104)
    axes.set_yticks([0, 50, 100], labels=["0 %", "50 %", "100 %"])
    for share in (0, 50, 100):
        axes.axhline(share, color=GRID.light, linewidth=1, zorder=0)
    ticks = _ticks(low, high, most=5 if layout.is_narrow else 9)
    axes.set_xticks(ticks, labels=[rounded(tick, "ms") if is_last else "" for tick in ticks])
    axes.set_xticks([], minor=True)
    for tick in ticks:
        gridline(axes, tick)


def _draw_curves(axes: Axes, curves: Sequence[_Curve], colour: str, layout: Layout) -> None:
    measured = sorted((curve for curve in curves if curve.latencies_ms), key=lambda curve: curve.at(50))
    for curve in measured:
        is_async = curve.variant == "async"
        axes.plot(
            curve.latencies_ms or [],
            _PERCENTS,
            color=colour,
            linewidth=2.8 if is_async else 2.2,
            linestyle="solid" if is_async else (0, (4, 1.6)),
            zorder=3,
        )
    if measured:
        beside = min(curve.at(_UPPER_LABEL[1]) for curve in measured)
        _annotate(axes, measured[0].label(layout), (beside, _UPPER_LABEL[0]), layout, "right")
    if len(measured) > 1:
        beside = max(curve.at(_LOWER_LABEL[1]) for curve in measured)
        _annotate(axes, measured[-1].label(layout), (beside, _LOWER_LABEL[0]), layout, "left")
    missing = [f"{keyword(curve.variant)}: {curve.absence}" for curve in curves if not curve.latencies_ms]
    if missing:
        axes.text(
            0.99,
            0.2,
            "; ".join(missing),
            transform=axes.transAxes,
            ha="right",
            va="center_baseline",
            color=MUTED.light,
            style="italic",
        )


def _annotate(
    axes: Axes, text: str, place: tuple[float, float], layout: Layout, side: Literal["left", "right"]
) -> None:
    axes.annotate(
        text,
        place,
        xytext=(layout.font_px * (0.5 if side == "left" else -0.5), 0),
        textcoords="offset points",
        ha=side,
        va="center_baseline",
        color=INK.light,
        zorder=5,
    )


def _limits(panels: Mapping[str, Sequence[_Curve]], layout: Layout, width: float) -> tuple[float, float]:
    """Return the latencies, milliseconds, that the axis spans, with room at both ends for what is written there."""
    measured = [
        sorted(filter(lambda curve: curve.latencies_ms, curves), key=lambda curve: curve.at(50))
        for curves in panels.values()
    ]
    curves = [curve for panel in measured for curve in panel]
    low = max(_SHORTEST_MS, min(curve.at(_PERCENTS[0]) for curve in curves))
    high = max(1.5 * low, *(curve.at(_PERCENTS[-1]) for curve in curves))

    def share(curve: _Curve) -> float:
        return min(0.4, (layout.text_px(curve.label(layout)) + layout.font_px) / width)

    # Room at one end narrows what is left for the other, so the limits are approached in a few steps.
    panels_drawn = [panel for panel in measured if panel]
    for _ in range(8):
        span = math.log(high / low)
        for panel in panels_drawn:
            first = max(_SHORTEST_MS, min(curve.at(_UPPER_LABEL[1]) for curve in panel))
            last = max(curve.at(_LOWER_LABEL[1]) for curve in panel)
            low = min(low, first * math.exp(-share(panel[0]) * span))
            high = max(high, last * math.exp(share(panel[-1]) * span))
    return low, high


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Return round latencies between the limits, at most about ``most``."""
    decades = [10.0**power for power in range(-3, 8)]
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [step * decade for decade in decades for step in steps if low <= step * decade <= 0.9 * high]
        if len(ticks) <= most:
            break
    return ticks


class HistogramError(Exception):
    """A histogram cannot be read."""


def quantiles_ms(encoded: Sequence[str], percents: Sequence[float]) -> list[float]:
    """Return latency percentiles of all the trials' requests together.

    Args:
        encoded: Histograms of whole microseconds in HdrHistogram's V2 compressed base64 form.
        percents: 0 to 100, ascending, each once.
    Returns:
        Milliseconds, one for each of ``percents``; empty when no request is in any histogram.
    Raises:
        HistogramError: One of them is not such a histogram.
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
    except _UNREADABLE as error:
        raise HistogramError(f"not an HDR histogram in V2 base64 form ({error or type(error).__name__})") from error
    return [values_us[percent] / 1000 for percent in percents]
