"""Tells of latencies at one given rate: a row for each contender, async over sync, and who did not keep up."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.judge.judgement import Estimate, LatencyAtRate, LatencyRatio, RateComparison
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


def tell_at_rate(comparison: RateComparison) -> AtRateStory:
    """Put a comparison into words and figures."""
    return AtRateStory(
        workload=one_line(comparison.workload),
        rate=f"{figures.cell(comparison.rate_per_s)} req/s",
        rows=tuple(_row(latency) for latency in comparison.latencies),
        ratios=tuple(_ratio(ratio) for ratio in comparison.ratios),
        doubts=tuple(one_line(latency.doubt) for latency in comparison.latencies if latency.doubt),
    )


def _row(latency: LatencyAtRate) -> LatencyRow:
    answered = latency.achieved_fraction
    return LatencyRow(
        contender=one_line(latency.contender),
        arrangement=one_line(latency.arrangement),
        keyword=keyword(latency.variant),
        median_ms=_milliseconds(latency.median_ms),
        p95_ms=_milliseconds(latency.p95_ms),
        p95_spread=figures.spread(latency.p95_ms),
        p99_ms=_milliseconds(latency.p99_ms),
        answered=figures.NOT_MEASURED if answered is None else f"{100 * answered:.1f} %",
        dropped=figures.cell(latency.dropped),
        trials=str(latency.used),
    )


def _ratio(ratio: LatencyRatio) -> LatencyRatioStory:
    return LatencyRatioStory(
        arrangement=one_line(ratio.arrangement),
        estimate=ratio.p95,
        p95=NO_RATIO if ratio.p95 is None else figures.estimated(ratio.p95, "×"),
    )


def _milliseconds(estimate: Estimate | None) -> str:
    return figures.cell(None if estimate is None else estimate.value, "ms")
