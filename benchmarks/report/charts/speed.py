"""Draws how fast each contender is: answers a second and the median latency, side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from benchmarks.judge.judgement import Estimate, Summary
from benchmarks.report.charts.bars import Bar, Panel, paint_pair, pair_height_px
from benchmarks.report.charts.canvas import Chart, draw
from benchmarks.report.figures import amount, is_measured
from benchmarks.report.naming import arrangement_name, keyword, twins_of


def speed_chart(workload: str, summaries: Sequence[Summary]) -> Chart | None:
    """Draw the rates and the median latencies of one workload's contenders.

    Args:
        workload: Whose.
        summaries: Of every contender and workload.
    Returns:
        ``None`` when nothing was measured for any contender.
    """
    groups = twins_of(summaries, workload)
    panels = (
        Panel(title="Requests per second", groups=_bars(groups, lambda twin: twin.rate_per_s, "")),
        Panel(title="Median latency", groups=_bars(groups, lambda twin: twin.latency_median_ms, "ms")),
    )
    if not any(is_measured(bar.value) for panel in panels for bars in panel.groups.values() for bar in bars):
        return None
    return draw(
        "speed",
        workload,
        f"Requests per second and latency, workload {workload}",
        " ".join(_told(twins) for twins in groups.values()),
        height=lambda layout: pair_height_px(layout, panels),
        paint=lambda sheet: paint_pair(sheet, panels),
    )


def _bars(
    groups: Mapping[str, Sequence[Summary]], value_of: Callable[[Summary], Estimate | None], unit: str
) -> dict[str, list[Bar]]:
    return {arrangement: [_bar(twin, value_of(twin), unit) for twin in twins] for arrangement, twins in groups.items()}


def _bar(summary: Summary, estimate: Estimate | None, unit: str) -> Bar:
    if estimate is None:
        return Bar(variant=summary.variant, value=None, label=amount(None))
    return Bar(
        variant=summary.variant,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        label=amount(estimate.value, unit or "req/s").removesuffix(" req/s"),
    )


def _told(twins: Sequence[Summary]) -> str:
    figures = (
        f"{keyword(twin.variant)} {amount(_value(twin.rate_per_s), 'req/s')}, median latency "
        f"{amount(_value(twin.latency_median_ms), 'ms')}"
        for twin in twins
    )
    return f"{arrangement_name(twins[0].arrangement)}: {'; '.join(figures)}."


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value
