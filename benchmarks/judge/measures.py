"""The numbers of trials: the quantities that are compared, how coarsely they were counted, and their summary."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.judge.judgement import Estimate, QuantityName, Summary
from benchmarks.judge.statistics import geometric_mean
from benchmarks.judge.trials import (
    ValidTrial,
    asked_rate_per_s,
    loader_bound_reason,
    ordinary_trials,
    valid_trials,
)
from benchmarks.model import Contender, Observation, Run
from benchmarks.trials import void_reason

Measure = Callable[[ValidTrial], float | None]
"""One number of a trial, above 0; ``None`` if it was not seen."""

THREAD_A_REQUEST = 0.5
"""Threads started per request from which the requests may be what starts them."""

NO_SWITCH_A_REQUEST = 0.5
"""Voluntary switches per request below which no request waited for another thread, whatever threads were started."""

SUSTAINED_FRACTION = 0.99
"""Share of the requests answered in time below which a server does not keep up with a given rate."""

_FINE = 0.999
_COARSE = 999.0
"""How far off a number may be that is as small as half a step: anything, but a number that can be written down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One number of a trial that two sides are compared by, and the words for a ratio of it.

    Attributes:
        title: What it is.
        unit: Of its value for one contender.
        measure: Takes it from a trial.
        verb: What a side did with it: ``served``.
        noun: What it did so much of: ``the requests``.
        more: What a ratio above 1 means: ``more``, ``longer``.
        less: What a ratio below 1 means.
        less_is_faster: Whether the side that has less of it is the faster one.
    """

    title: str
    unit: str
    measure: Measure
    verb: str = "took"
    noun: str
    more: str = "longer"
    less: str = "shorter"
    less_is_faster: bool = True


def rate_per_s(valid: ValidTrial) -> float:
    """Return the valid answers per second."""
    return valid.result.rate_per_s


def cpu_us_per_request(valid: ValidTrial) -> float | None:
    """Return the CPU time of the server; ``None`` also if the system's clock was too coarse to see any."""
    observation = valid.trial.observation
    return None if observation is None else observation.cpu_us_per_request or None


QUANTITIES: Mapping[QuantityName, Quantity] = {
    "rate": Quantity(
        title="requests per second",
        unit="req/s",
        measure=rate_per_s,
        verb="served",
        noun="the requests",
        more="more",
        less="fewer",
        less_is_faster=False,
    ),
    "latency_average": Quantity(
        title="average latency", unit="ms", measure=lambda valid: valid.latency.average_ms, noun="the average latency"
    ),
    "latency_p95": Quantity(
        title="p95 latency", unit="ms", measure=lambda valid: valid.latency.p95_ms, noun="the p95 latency"
    ),
    "cpu": Quantity(
        title="CPU time per request",
        unit="µs",
        measure=cpu_us_per_request,
        noun="the CPU time per request",
        more="more",
        less="less",
    ),
}


def resolution(valid: ValidTrial, quantity: QuantityName) -> float:
    """Return how far off a number of a trial may be because of coarse counting, as a fraction of it."""
    if quantity == "rate":
        return 1 / valid.result.completed
    if quantity != "latency_p95":
        return 0.0
    half = valid.latency.step_ms / 2 / (valid.latency.p95_ms or math.inf)
    return half / (1 - half) if half < _FINE else _COARSE


def resolution_of_ratio(pairs: Iterable[tuple[ValidTrial, ValidTrial]], quantity: QuantityName) -> float:
    """Return how far off a ratio may be, by the round in which it was counted most coarsely, as a fraction of it."""
    return max(
        ((1 + resolution(above, quantity)) * (1 + resolution(below, quantity)) - 1 for above, below in pairs),
        default=0.0,
    )


def observed(valid: Iterable[ValidTrial], value_of: Callable[[Observation], float | None]) -> list[float]:
    """Return what the trials' observations say, without those that do not say."""
    observations = [trial.trial.observation for trial in valid]
    values = [value_of(observation) for observation in observations if observation is not None]
    return [value for value in values if value is not None]


def summarise(run: Run, contender: Contender, workload: str, ceiling_per_s: float | None = None) -> Summary:
    """Summarise one contender under one workload over its valid trials, the placebo's left out.

    Args:
        run: Whole.
        contender: Of the run.
        workload: Name of the workload.
        ceiling_per_s: The highest rate that the loader has shown; ``None`` if it was not calibrated.
    """
    trials = ordinary_trials(run, contender.id, workload)
    valid = valid_trials(trials)

    def average(measure: Measure) -> Estimate | None:
        values = [value for value in map(measure, valid) if value is not None]
        return geometric_mean(values) if values else None

    def median(value_of: Callable[[Observation], float | None]) -> float | None:
        values = observed(valid, value_of)
        return float(statistics.median(values)) if values else None

    summary = Summary(
        contender=contender.id,
        arrangement=contender.arrangement,
        framework=contender.framework,
        variant=contender.variant,
        workload=workload,
        rate_per_s=average(rate_per_s),
        latency_average_ms=average(lambda trial: trial.latency.average_ms),
        latency_median_ms=average(lambda trial: trial.latency.median_ms),
        latency_p95_ms=average(lambda trial: trial.latency.p95_ms),
        latency_p99_ms=average(lambda trial: trial.latency.p99_ms),
        cpu_us_per_request=average(cpu_us_per_request),
        voluntary_switches_per_request=median(lambda seen: seen.voluntary_switches_per_request),
        involuntary_switches_per_request=median(lambda seen: seen.involuntary_switches_per_request),
        threads_started_per_request=min(observed(valid, lambda seen: seen.threads_started_per_request), default=None),
        threads=median(lambda seen: seen.threads),
        running_threads=median(lambda seen: seen.running_threads),
        epoll_descriptors=max(observed(valid, lambda seen: seen.epoll_descriptors), default=None),
        resident_bytes=median(lambda seen: seen.resident_bytes),
        histograms=tuple(trial.result.histogram for trial in valid if trial.result.histogram is not None),
        used=len(valid),
        void=tuple(f"round {trial.round}: {reason}" for trial in trials if (reason := void_reason(trial)) is not None),
    )
    asked_per_s = asked_rate_per_s(run, workload)
    if asked_per_s is None:
        return summary
    # Also of void trials: a server may well answer a rate that is too high for it with errors.
    driven = [trial.result for trial in trials if trial.failure is None and trial.result is not None]
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
