"""The numbers of a trial that are compared, how coarsely they were counted, and their averages over trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from benchmarks.judge.judgement import Estimate, QuantityName
from benchmarks.judge.statistics import geometric_mean
from benchmarks.judge.trials import ValidTrial
from benchmarks.model import Observation

Measure = Callable[[ValidTrial], float | None]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One number of a trial that two sides are compared by, and how a ratio of it is told.

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
        title="average latency", unit="ms", measure=latency_average_ms, noun="the average latency"
    ),
    "latency_p95": Quantity(title="p95 latency", unit="ms", measure=latency_p95_ms, noun="the p95 latency"),
    "cpu": Quantity(
        title="CPU time per request",
        unit="µs",
        measure=cpu_us_per_request,
        noun="the CPU time per request",
        more="more",
        less="less",
    ),
}


def resolution(valid: ValidTrial, measure: Measure) -> float:
    """Return how far off a number of a trial may be for how coarsely it was counted, as a fraction of it."""
    if measure is rate_per_s:
        return 1 / valid.result.completed
    if measure not in {latency_median_ms, latency_p95_ms, latency_p99_ms}:
        return 0.0
    half = valid.latency.step_ms / 2 / (measure(valid) or math.inf)
    return half / (1 - half) if half < _FINE else _COARSE


def resolution_of_ratio(pairs: Iterable[tuple[ValidTrial, ValidTrial]], measure: Measure) -> float:
    """Return how far off a ratio may be, by the round in which it was counted most coarsely, as a fraction of it."""
    return max(
        ((1 + resolution(above, measure)) * (1 + resolution(below, measure)) - 1 for above, below in pairs),
        default=0.0,
    )


def average_where_seen(valid: Iterable[ValidTrial], measure: Measure) -> Estimate | None:
    """Return the geometric mean over the trials that have the measure, or ``None`` when none has."""
    values = [value for value in map(measure, valid) if value is not None]
    return geometric_mean(values) if values else None


def observed(valid: Iterable[ValidTrial], value_of: Callable[[Observation], float | None]) -> list[float]:
    """Return what the trials' observations say, without those that do not say."""
    observations = [trial.trial.observation for trial in valid]
    values = [value_of(observation) for observation in observations if observation is not None]
    return [value for value in values if value is not None]
