"""Draws what a request costs the server: CPU time and voluntary context switches, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.judge.judgement import Summary
from benchmarks.report.charts.bars import Bar, Panel, paint_pair, pair_height_px
from benchmarks.report.charts.canvas import Chart, draw
from benchmarks.report.figures import amount, is_measured, per_request
from benchmarks.report.naming import arrangement_name, keyword, twins_of


def cost_chart(workload: str, summaries: Sequence[Summary]) -> Chart | None:
    """Draw CPU time and voluntary switches a request of one workload's contenders.

    Args:
        workload: Whose costs.
        summaries: Of every contender and workload.
    Returns:
        ``None`` when neither was measured for any contender.
    """
    groups = twins_of(summaries, workload)
    panels = (
        Panel(
            title="CPU time per request, user and kernel",
            groups={arrangement: [_cpu(twin) for twin in twins] for arrangement, twins in groups.items()},
        ),
        Panel(
            title="Voluntary context switches per request",
            groups={arrangement: [_switches(twin) for twin in twins] for arrangement, twins in groups.items()},
        ),
    )
    bars = [bar for panel in panels for group in panel.groups.values() for bar in group]
    if not any(is_measured(bar.value) for bar in bars):
        return None
    return draw(
        "cost",
        workload,
        f"What a request costs the server, workload {workload}",
        _words(groups),
        height=lambda layout: pair_height_px(layout, panels),
        paint=lambda sheet: paint_pair(sheet, panels),
    )


def _cpu(summary: Summary) -> Bar:
    estimate = summary.cpu_us_per_request
    if estimate is None:
        return Bar(variant=summary.variant, value=None, label=amount(None))
    return Bar(
        variant=summary.variant,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        label=amount(estimate.value, "µs"),
    )


def _switches(summary: Summary) -> Bar:
    value = summary.voluntary_switches_per_request
    return Bar(variant=summary.variant, value=value, label=per_request(value))


def _words(groups: dict[str, list[Summary]]) -> str:
    def tell(summary: Summary) -> str:
        return f"{keyword(summary.variant)} {_cpu(summary).label} of CPU and {_switches(summary).label} switches"

    return " ".join(
        f"{arrangement_name(arrangement)}: {'; '.join(map(tell, twins))}." for arrangement, twins in groups.items()
    )
