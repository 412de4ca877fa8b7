"""Tells of latencies at one given rate: a row for each contender, async over sync, and who did not keep up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.judge.judgement import Comparison, Estimate, Summary
from benchmarks.report import figures
from benchmarks.report.naming import keyword
from benchmarks.report.plain_text import one_line

NO_RATIO = "no ratio"


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyRow:
    """One contender at the rate; each text is a number, or says that it was not measured.

    Attributes:
        contender: Its id.
        arrangement: What both twins share.
        keyword: ``def`` or ``async def``.
        median_ms: Median latency.
        p95_ms: 95th percentile.
        p95_spread: Half of its interval; empty when there is none.
        p99_ms: 99th percentile.
        answered: In time, of what was asked, with its sign.
        dropped: Requests that found no connection free in time.
        trials: Valid ones.
    """

    contender: str
    arrangement: str
    keyword: str
    median_ms: str
    p95_ms: str
    p95_spread: str
    p99_ms: str
    answered: str
    dropped: str
    trials: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyRatioStory:
    """Async over sync of one arrangement: the 95th percentiles' ratio, and the same in words."""

    arrangement: str
    estimate: Estimate | None
    p95: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AtRateStory:
    """All contenders at one rate.

    Attributes:
        workload: Name of the workload.
        rate: At which all were asked, with its unit.
        rows: One for each contender.
        ratios: One for each arrangement that has both twins.
        doubts: Who did not keep up, and whose latencies may be the loader's.
    """

    workload: str
    rate: str
    rows: tuple[LatencyRow, ...]
    ratios: tuple[LatencyRatioStory, ...]
    doubts: tuple[str, ...]


def tell_at_rate(summaries: Sequence[Summary], twins: Sequence[Comparison]) -> AtRateStory | None:
    """Put one workload's latencies at a rate into words and figures; ``None`` where it was asked at none."""
    rates = [summary.asked_per_s for summary in summaries if summary.asked_per_s is not None]
    if not rates:
        return None
    return AtRateStory(
        workload=one_line(summaries[0].workload),
        rate=f"{figures.cell(rates[0])} req/s",
        rows=tuple(_row(summary) for summary in summaries),
        ratios=tuple(_ratio(pair) for pair in twins),
        doubts=tuple(one_line(summary.doubt) for summary in summaries if summary.doubt),
    )


def _row(summary: Summary) -> LatencyRow:
    answered = summary.achieved_fraction
    return LatencyRow(
        contender=one_line(summary.contender),
        arrangement=one_line(summary.arrangement),
        keyword=keyword(summary.variant),
        median_ms=_milliseconds(summary.latency_median_ms),
        p95_ms=_milliseconds(summary.latency_p95_ms),
        p95_spread=figures.spread(summary.latency_p95_ms),
        p99_ms=_milliseconds(summary.latency_p99_ms),
        answered=figures.NOT_MEASURED if answered is None else f"{100 * answered:.1f} %",
        dropped=figures.cell(summary.dropped),
        trials=str(summary.used),
    )


def _ratio(twins: Comparison) -> LatencyRatioStory:
    return LatencyRatioStory(
        arrangement=one_line(twins.arrangement),
        estimate=twins.latency_p95,
        p95=NO_RATIO if twins.latency_p95 is None else figures.estimated(twins.latency_p95, "×"),
    )


def _milliseconds(estimate: Estimate | None) -> str:
    return figures.cell(None if estimate is None else estimate.value, "ms")
