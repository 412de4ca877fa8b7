"""Compares latencies at one given rate, and says who did not keep up with it."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.judge import measures, trials
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judgement import LatencyAtRate, LatencyRatio, RateComparison
from benchmarks.judge.summaries import participants
from benchmarks.judge.trials import ValidTrial
from benchmarks.model import Contender

SUSTAINED_FRACTION = 0.99
"""Answered in time, of what was asked: below it a server does not keep up."""


def compare(evidence: Evidence) -> tuple[RateComparison, ...]:
    """Compare the contenders under every workload that was asked at a given rate.

    Args:
        evidence: Of the run.
    Returns:
        By workload; empty where there was none, or where no trial of it has run.
    """
    return tuple(
        _comparison(evidence, workload.name, rate_per_s)
        for workload in evidence.run.plan.workloads
        if (rate_per_s := trials.asked_rate_per_s(evidence.run, workload.name)) is not None
    )


def _comparison(evidence: Evidence, workload: str, rate_per_s: float) -> RateComparison:
    contenders = participants(evidence.run, workload)
    latencies = {contender: _latency(evidence, contender, workload, rate_per_s) for contender in contenders}
    syncs = {contender.arrangement: contender for contender in contenders if contender.variant == "sync"}
    twins = [
        (contender, syncs[contender.arrangement])
        for contender in contenders
        if contender.variant == "async" and contender.arrangement in syncs
    ]
    return RateComparison(
        workload=workload,
        rate_per_s=rate_per_s,
        latencies=tuple(latencies.values()),
        ratios=tuple(
            LatencyRatio(
                arrangement=sync.arrangement,
                p95=None
                if latencies[asynchronous].doubt or latencies[sync].doubt
                else measures.ratio_where_seen(
                    trials.paired(evidence.valid(asynchronous, workload), evidence.valid(sync, workload)),
                    measures.latency_p95_ms,
                ),
            )
            for asynchronous, sync in twins
        ),
    )


def _latency(evidence: Evidence, contender: Contender, workload: str, rate_per_s: float) -> LatencyAtRate:
    valid = evidence.valid(contender, workload)
    # Also of void trials: what a server makes of a rate that is too high for it may well be errors.
    driven = [
        trial.result
        for trial in trials.ordinary_trials(evidence.run, contender.id, workload)
        if trial.failure is None and trial.result is not None
    ]
    asked = sum(rate_per_s * result.duration_s for result in driven)
    achieved = sum(result.completed for result in driven) / asked if asked else None
    dropped = sum(result.dropped or 0 for result in driven) if driven else None
    return LatencyAtRate(
        contender=contender.id,
        arrangement=contender.arrangement,
        variant=contender.variant,
        median_ms=measures.average_where_seen(valid, measures.latency_median_ms),
        p95_ms=measures.average_where_seen(valid, measures.latency_p95_ms),
        p99_ms=measures.average_where_seen(valid, measures.latency_p99_ms),
        achieved_fraction=achieved,
        dropped=dropped,
        used=len(valid),
        doubt=_not_sustained(contender, achieved, dropped) or _loader_bound(evidence, contender, valid),
    )


def _not_sustained(contender: Contender, achieved: float | None, dropped: int | None) -> str:
    if achieved is None or (achieved >= SUSTAINED_FRACTION and not dropped):
        return ""
    lost = f", and {dropped:,} requests were dropped, as no connection came free in time" if dropped else ""
    return (
        f"{contender.id} did not sustain the rate: {100 * achieved:.3g} % of what was asked was answered in time{lost}."
        " Where a queue grows, latencies tell how long was measured, not how fast a server is."
    )


def _loader_bound(evidence: Evidence, contender: Contender, valid: Sequence[ValidTrial]) -> str:
    reasons = [
        reason for trial in valid if (reason := trials.loader_bound_reason(trial, evidence.ceiling_per_s)) is not None
    ]
    if not reasons:
        return ""
    return (
        f"{contender.id} was loader-bound in {len(reasons)} of {len(valid)} trials: {reasons[0]}. Its latencies may be "
        "the loader's own: give the loader a core of its own, on a quieter machine."
    )
