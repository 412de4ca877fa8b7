"""Summarises a run's trials: one contender under one workload, and async over sync of one arrangement."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection, Iterable

from benchmarks.judge import measures
from benchmarks.judge.judgement import Summary, TwinRatio
from benchmarks.judge.trials import ValidTrial, confidence, ordinary_trials, paired, valid_trials
from benchmarks.model import Contender, Observation, Run
from benchmarks.trials import void_reason


def summarise(run: Run, contender: Contender, workload: str) -> Summary:
    """Summarise one contender under one workload over its valid trials, the placebo's left out."""
    trials = ordinary_trials(run, contender.id, workload)
    valid = valid_trials(trials)
    return Summary(
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


def summarise_all(run: Run) -> tuple[Summary, ...]:
    """Summarise every contender under every workload in which it took part."""
    return tuple(
        summarise(run, contender, workload.name)
        for workload in run.plan.workloads
        for contender in participants(run, workload.name)
    )


def participants(run: Run, workload: str) -> tuple[Contender, ...]:
    """Return the contenders that were planned for a workload, in the order of the plan."""
    planned = run.plan.workload_contenders.get(workload, ())
    return tuple(contender for contender in run.plan.contenders if contender.id in planned)


def twin_ratios(run: Run, headlines: Collection[tuple[str, str]]) -> tuple[TwinRatio, ...]:
    """Compare the twins of every arrangement that has both, under every workload.

    Args:
        run: To judge.
        headlines: Arrangement and workload of each pair that a claim is judged on.
    """
    ratios = []
    for workload in (workload.name for workload in run.plan.workloads):
        taking_part = participants(run, workload)
        asynchronous = {twin.arrangement: twin for twin in taking_part if twin.variant == "async"}
        for sync in taking_part:
            if sync.variant == "sync" and sync.arrangement in asynchronous:
                headline = (sync.arrangement, workload) in headlines
                ratios.append(_twin_ratio(run, asynchronous[sync.arrangement], sync, workload, headline=headline))
    return tuple(ratios)


def _twin_ratio(run: Run, asynchronous: Contender, sync: Contender, workload: str, *, headline: bool) -> TwinRatio:
    pairs = paired(
        valid_trials(ordinary_trials(run, asynchronous.id, workload)),
        valid_trials(ordinary_trials(run, sync.id, workload)),
    )
    return TwinRatio(
        arrangement=sync.arrangement,
        framework=sync.framework,
        workload=workload,
        headline=headline,
        rate=measures.ratio_where_seen(pairs, measures.rate_per_s, confidence(run)),
        latency_average=measures.ratio_where_seen(pairs, measures.latency_average_ms, confidence(run)),
        latency_p95=measures.ratio_where_seen(pairs, measures.latency_p95_ms, confidence(run)),
        cpu=measures.ratio_where_seen(pairs, measures.cpu_us_per_request, confidence(run)),
    )


def _median(valid: Iterable[ValidTrial], value_of: Callable[[Observation], float | None]) -> float | None:
    values = measures.observed(valid, value_of)
    return float(statistics.median(values)) if values else None
