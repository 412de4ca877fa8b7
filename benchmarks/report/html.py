"""Renders a report as one HTML file that needs nothing else: no network, no script, no font."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Judgement
from benchmarks.model import Run
from benchmarks.report.charts.canvas import Chart
from benchmarks.report.charts.cost import cost_chart
from benchmarks.report.charts.latency import latency_chart
from benchmarks.report.charts.ratios import ratio_chart
from benchmarks.report.charts.waiting import waiting_chart
from benchmarks.report.outcomes import SYMBOLS
from benchmarks.report.page import render_page
from benchmarks.report.telling import HEADLINE_CLAIM, tell


@dataclass(frozen=True, slots=True, kw_only=True)
class _Charts:
    headline: Chart | None
    cost: tuple[Chart, ...]
    latency: tuple[Chart, ...]
    waiting: tuple[Chart, ...]


def render_html(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> str:
    """Return the report as one HTML document.

    Args:
        run: What was measured.
        judgement: What was judged of it.
        claims: The ledger that it was judged by.
    """
    story = tell(run, judgement, claims)
    return render_page(
        "report.html.j2",
        story=story,
        charts=_charts(run, judgement, claims),
        symbols=SYMBOLS,
        withheld=judgement.placebo_failed is not None,
        margin=f"{100 * judgement.margin:g} %",
    )


def _charts(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> _Charts:
    headline, cost, latency, waiting = None, [], [], []
    for workload in run.plan.workloads:
        if workload.wait_ms > 0:
            load = run.plan.loads.get(workload.name)
            waiting.append(waiting_chart(workload, load, judgement.summaries) if load else None)
            continue
        latency.append(latency_chart(workload.name, judgement.summaries))
        if run.plan.is_open(workload.name):
            # Rates that were given are no finding, and what a request costs stands in the tables.
            continue
        if headline is None:
            headline = ratio_chart(
                workload.name,
                judgement.twins,
                margin=judgement.margin,
                tutorial_value=_tutorial_ratio(claims),
            )
        cost.append(cost_chart(workload.name, judgement.summaries))
    return _Charts(headline=headline, cost=_drawn(cost), latency=_drawn(latency), waiting=_drawn(waiting))


def _drawn(charts: Sequence[Chart | None]) -> tuple[Chart, ...]:
    return tuple(chart for chart in charts if chart is not None)


def _tutorial_ratio(claims: Sequence[Claim]) -> float | None:
    """Return the tutorial's async over sync for the claim that the report opens with."""
    return next((figure.ratio for claim in claims if claim.id == HEADLINE_CLAIM for figure in claim.figures), None)
