"""Summarises a run's trials: one contender under one workload, and whether it kept up where the rate was given."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Iterable, Sequence

from benchmarks.judge import measures
from benchmarks.judge.judgement import Summary
from benchmarks.judge.trials import (
    ValidTrial,
    asked_rate_per_s,
    loader_bound_reason,
    ordinary_trials,
    valid_trials,
)
from benchmarks.model import Contender, Observation, Run
from benchmarks.trials import void_reason

SUSTAINED_FRACTION = 0.99
"""Answered in time, of what was asked: below it a server does not keep up."""


def summarise(run: Run, contender: Contender, workload: str, ceiling_per_s: float | None = None) -> Summary:
    """Summarise one contender under one workload over its valid trials, the placebo's left out.

    Args:
        run: Whole.
        contender: Of the run.
        workload: Name of the workload.
        ceiling_per_s: The highest rate that the loader has shown; ``None`` when it was not calibrated.
    """
    trials = ordinary_trials(run, contender.id, workload)
    valid = valid_trials(trials)
    summary = Summary(
        contender=contender.id,
        arrangement=contender.arrangement,
        framework=contender.framework,
        variant=contender.variant,
        workload=workload,
        rate_per_s=measures.average_where_seen(valid, measures.rate_per_s),
        latency_average_ms=measures.average_where_seen(valid, measures.latency_average_ms),
        latency_median_ms=measures.average_where_seen(valid, measures.latency_median_ms),
        latency_p95_ms=measures.average_where_seen(valid, measures.latency_p95_ms),
        latency_p99_ms=measures.average_where_seen(valid, measures.latency_p99_ms),
        cpu_us_per_request=measures.average_where_seen(valid, measures.cpu_us_per_request),
        voluntary_switches_per_request=_median(valid, lambda seen: seen.voluntary_switches_per_request),
        involuntary_switches_per_request=_median(valid, lambda seen: seen.involuntary_switches_per_request),
        threads_started_per_request=min(
            measures.observed(valid, lambda seen: seen.threads_started_per_request), default=None
        ),
        threads=_median(valid, lambda seen: seen.threads),
        running_threads=_median(valid, lambda seen: seen.running_threads),
        epoll_descriptors=max(measures.observed(valid, lambda seen: seen.epoll_descriptors), default=None),
        resident_bytes=_median(valid, lambda seen: seen.resident_bytes),
        histograms=tuple(trial.result.histogram for trial in valid if trial.result.histogram is not None),
        used=len(valid),
        void=tuple(f"round {trial.round}: {reason}" for trial in trials if (reason := void_reason(trial)) is not None),
    )
    return _at_rate(summary, run, contender, valid, ceiling_per_s)


def participants(run: Run, workload: str) -> tuple[Contender, ...]:
    """Return the contenders that were planned for a workload, in the order of the plan."""
    planned = run.plan.workload_contenders.get(workload, ())
    return tuple(contender for contender in run.plan.contenders if contender.id in planned)


def _at_rate(
    summary: Summary, run: Run, contender: Contender, valid: Sequence[ValidTrial], ceiling_per_s: float | None
) -> Summary:
    """Add how a contender kept up with the rate that was given, where one was."""
    asked_per_s = asked_rate_per_s(run, summary.workload)
    if asked_per_s is None:
        return summary
    # Also of void trials: what a server makes of a rate that is too high for it may well be errors.
    driven = [
        trial.result
        for trial in ordinary_trials(run, contender.id, summary.workload)
        if trial.failure is None and trial.result is not None
    ]
    asked = sum(asked_per_s * result.duration_s for result in driven)
    achieved = sum(result.completed for result in driven) / asked if asked else None
    dropped = sum(result.dropped or 0 for result in driven) if driven else None
    return dataclasses.replace(
        summary,
        asked_per_s=asked_per_s,
        achieved_fraction=achieved,
        dropped=dropped,
        doubt=_not_sustained(contender, achieved, dropped) or _loader_bound(contender, valid, ceiling_per_s),
    )


def _not_sustained(contender: Contender, achieved: float | None, dropped: int | None) -> str:
    if achieved is None or (achieved >= SUSTAINED_FRACTION and not dropped):
        return ""
    lost = f", and {dropped:,} requests were dropped, as no connection came free in time" if dropped else ""
    return (
        f"{contender.id} did not sustain the rate: {100 * achieved:.3g} % of what was asked was answered in time{lost}."
        " Where a queue grows, latencies tell how long was measured, not how fast a server is."
    )


def _loader_bound(contender: Contender, valid: Sequence[ValidTrial], ceiling_per_s: float | None) -> str:
    reasons = [reason for trial in valid if (reason := loader_bound_reason(trial, ceiling_per_s)) is not None]
    if not reasons:
        return ""
    return (
        f"{contender.id} was loader-bound in {len(reasons)} of {len(valid)} trials: {reasons[0]}. Its latencies may be "
        "the loader's own: give the loader a core of its own, on a quieter machine."
    )


def _median(valid: Iterable[ValidTrial], value_of: Callable[[Observation], float | None]) -> float | None:
    values = measures.observed(valid, value_of)
    return float(statistics.median(values)) if values else None
