"""The numbers of a trial that are compared, and their averages and ratios over rounds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence

from benchmarks.judge.judgement import Estimate
from benchmarks.judge.statistics import CONFIDENCE, geometric_mean, paired_ratio
from benchmarks.judge.trials import ValidTrial
from benchmarks.model import Observation

Measure = Callable[[ValidTrial], float]
"""One number of a trial, above 0, that every valid trial has."""

ObservedMeasure = Callable[[ValidTrial], float | None]
"""One number of a trial, above 0; ``None`` where it was not seen."""

THREAD_A_REQUEST = 0.5
"""Threads started a request from which it may be the requests that start them."""

NO_SWITCH_A_REQUEST = 0.5
"""Voluntary switches a request below which no request waited for another thread, whatever threads were started."""


_FINE = 0.999
_COARSE = 999.0
"""How far off a number may be that is as small as half a step: anything, but a number that can be written down."""


def rate_per_s(valid: ValidTrial) -> float:
    """Return the valid answers per second."""
    return valid.result.rate_per_s


def latency_average_ms(valid: ValidTrial) -> float:
    """Return the mean latency."""
    return valid.latency.average_ms


def latency_median_ms(valid: ValidTrial) -> float:
    """Return the median latency."""
    return valid.latency.median_ms


def latency_p95_ms(valid: ValidTrial) -> float:
    """Return the 95th percentile of the latencies."""
    return valid.latency.p95_ms


def latency_p99_ms(valid: ValidTrial) -> float:
    """Return the 99th percentile of the latencies."""
    return valid.latency.p99_ms


def cpu_us_per_request(valid: ValidTrial) -> float | None:
    """Return the CPU time of the server; ``None`` also when the system's clock was too coarse to see any."""
    observation = valid.trial.observation
    return None if observation is None else observation.cpu_us_per_request or None


def resolution(valid: ValidTrial, measure: ObservedMeasure) -> float:
    """Return how far off a number of a trial may be for how coarsely it was counted, as a fraction of it."""
    if measure is rate_per_s:
        return 1 / valid.result.completed
    if measure not in {latency_median_ms, latency_p95_ms, latency_p99_ms}:
        return 0.0
    half = valid.latency.step_ms / 2 / (measure(valid) or math.inf)
    return half / (1 - half) if half < _FINE else _COARSE


def resolution_of_ratio(pairs: Iterable[tuple[ValidTrial, ValidTrial]], measure: ObservedMeasure) -> float:
    """Return how far off a ratio may be, by the round in which it was counted most coarsely, as a fraction of it."""
    return max(
        ((1 + resolution(above, measure)) * (1 + resolution(below, measure)) - 1 for above, below in pairs),
        default=0.0,
    )


def ratio(pairs: Sequence[tuple[ValidTrial, ValidTrial]], measure: Measure, confidence: float = CONFIDENCE) -> Estimate:
    """Return the paired ratio over one round or more."""
    values = [measure(above) for above, _ in pairs], [measure(below) for _, below in pairs]
    return dataclasses.replace(paired_ratio(*values, confidence), resolution=resolution_of_ratio(pairs, measure))


def average_where_seen(valid: Iterable[ValidTrial], measure: ObservedMeasure) -> Estimate | None:
    """Return the geometric mean over the trials that have the measure, or ``None`` when none has."""
    values = [value for value in map(measure, valid) if value is not None]
    return geometric_mean(values) if values else None


def ratio_where_seen(
    pairs: Sequence[tuple[ValidTrial, ValidTrial]], measure: ObservedMeasure, confidence: float = CONFIDENCE
) -> Estimate | None:
    """Return the paired ratio over the rounds in which both have the measure, or ``None`` when there is none."""
    measured = [(measure(above), measure(below)) for above, below in pairs]
    both = [(above, below) for above, below in measured if above is not None and below is not None]
    if not both:
        return None
    estimate = paired_ratio([above for above, _ in both], [below for _, below in both], confidence)
    return dataclasses.replace(estimate, resolution=resolution_of_ratio(pairs, measure))


def observed(valid: Iterable[ValidTrial], value_of: Callable[[Observation], float | None]) -> list[float]:
    """Return what the trials' observations say, without those that do not say."""
    observations = [trial.trial.observation for trial in valid]
    values = [value_of(observation) for observation in observations if observation is not None]
    return [value for value in values if value is not None]
