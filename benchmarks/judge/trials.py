"""The trials of a run: which are evidence, which measured the loader, and their numbers: quantities and summaries."""

from __future__ import annotations

import math
import operator
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.judge.judgement import QuantityName, Summary
from benchmarks.judge.statistics import geometric_mean
from benchmarks.model import Contender, LatencySummary, LoadResult, Observation, Run, Trial
from benchmarks.trials import void_reason

MAXIMUM_CEILING_FRACTION = 0.7
MAXIMUM_LOADER_CPU_FRACTION = 0.9
MAXIMUM_LATENESS_FRACTION = 0.5
"""Share of the 95th percentile latency that may be the loader's own lateness, if requests have a schedule."""

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
class ValidTrial:
    """A trial that counts, with the results that a valid one always has.

    Attributes:
        trial: As it was recorded.
        result: Of the load.
        latency: Of the valid answers.
    """

    trial: Trial
    result: LoadResult
    latency: LatencySummary


def ordinary_trials(run: Run, contender: str, workload: str) -> tuple[Trial, ...]:
    """Return a contender's trials under one workload, valid or not, without the placebo's."""
    return tuple(
        trial
        for trial in run.trials
        if trial.contender == contender and trial.workload == workload and not trial.placebo
    )


def participants(run: Run, workload: str) -> tuple[Contender, ...]:
    """Return the contenders that were planned for a workload, in the order of the plan."""
    planned = run.plan.workload_contenders.get(workload, ())
    return tuple(contender for contender in run.plan.contenders if contender.id in planned)


def asked_rate_per_s(run: Run, workload: str) -> float | None:
    """Return the rate that a workload was really asked at; ``None`` in the closed model, or if no trial ran."""
    return next((trial.load.rate_per_s for trial in run.trials if trial.workload == workload), None)


def valid_trials(trials: Iterable[Trial]) -> tuple[ValidTrial, ...]:
    """Return the trials that count, in their order."""
    return tuple(
        ValidTrial(trial=trial, result=trial.result, latency=trial.result.latency)
        for trial in trials
        if void_reason(trial) is None and trial.result is not None and trial.result.latency is not None
    )


def loader_bound_reason(trial: ValidTrial, ceiling_per_s: float | None) -> str | None:
    """Say why a trial measured the loader rather than the server, or ``None`` if it had head-room.

    Args:
        trial: Of any contender.
        ceiling_per_s: The highest of the ``ceilings``; ``None`` if the loader was not calibrated.
    """
    rate = trial.result.rate_per_s
    if ceiling_per_s is not None and rate > MAXIMUM_CEILING_FRACTION * ceiling_per_s:
        return (
            f"{rate:,.0f} requests/s is {100 * rate / ceiling_per_s:.0f} % of the {ceiling_per_s:,.0f} that the loader "
            f"reached on a bare server, above {100 * MAXIMUM_CEILING_FRACTION:.0f} %"
        )
    lateness = trial.result.lateness
    if lateness is not None and lateness.p95_ms > MAXIMUM_LATENESS_FRACTION * trial.latency.p95_ms:
        return (
            f"the loader was behind its own schedule by {lateness.p95_ms:.3g} ms at the 95th percentile, above "
            f"{100 * MAXIMUM_LATENESS_FRACTION:.0f} % of the latency there, {trial.latency.p95_ms:.3g} ms"
        )
    cores = trial.result.loader_cores
    used = (trial.result.loader_cpu_s or 0.0) / trial.result.duration_s / cores
    if used > MAXIMUM_LOADER_CPU_FRACTION:
        its = "core" if cores == 1 else f"{cores} cores"
        return f"the loader used {100 * used:.0f} % of its {its}, above {100 * MAXIMUM_LOADER_CPU_FRACTION:.0f} %"
    return None


def loader_bound(valid: Sequence[ValidTrial], ceiling_per_s: float | None) -> str:
    """Say how many trials measured the loader, why the first of them did, and what to do; empty if none did."""
    reasons = [reason for each in valid if (reason := loader_bound_reason(each, ceiling_per_s)) is not None]
    if not reasons:
        return ""
    return (
        f"Loader-bound in {len(reasons)} of {len(valid)} trials: {reasons[0]}. The figure may be the loader's, not the "
        "server's: give the loader a core of its own, on a quieter or larger machine."
    )


def ceilings(calibration: Iterable[Trial]) -> dict[str, float]:
    """Return the highest rate per second that the loader reached on each bare server, by contender id.

    The highest of all is what counts, not that of the contender's own server: a slow server's bare app shows the speed
    of the *server*. On Hypercorn, FastAPI reaches about 70 % of the bare app's rate while the loader's core is 80 %
    idle.
    """
    highest: dict[str, float] = {}
    for valid in valid_trials(calibration):
        contender = valid.trial.contender
        highest[contender] = max(valid.result.rate_per_s, highest.get(contender, 0.0))
    return highest


Measure = Callable[[ValidTrial], float | None]
"""One number of a trial, above 0; ``None`` if it was not seen."""


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


def cpu_us_per_request(valid: ValidTrial) -> float | None:
    """Return the CPU time of the server; ``None`` also if the system's clock was too coarse to see any."""
    observation = valid.trial.observation
    return None if observation is None else observation.cpu_us_per_request or None


QUANTITIES: Mapping[QuantityName, Quantity] = {
    "rate": Quantity(
        title="requests per second",
        unit="req/s",
        measure=lambda valid: valid.result.rate_per_s,
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


def _median(values: Sequence[float]) -> float:
    return float(statistics.median(values))


_AVERAGED: Mapping[str, Measure] = {
    "rate_per_s": lambda valid: valid.result.rate_per_s,
    "latency_average_ms": lambda valid: valid.latency.average_ms,
    "latency_median_ms": lambda valid: valid.latency.median_ms,
    "latency_p95_ms": lambda valid: valid.latency.p95_ms,
    "latency_p99_ms": lambda valid: valid.latency.p99_ms,
    "cpu_us_per_request": cpu_us_per_request,
}
_OBSERVED: Mapping[str, Callable[[Sequence[float]], float]] = {
    "voluntary_switches_per_request": _median,
    "involuntary_switches_per_request": _median,
    "threads_started_per_request": min,
    "threads": _median,
    "running_threads": _median,
    "epoll_descriptors": max,
    "processes": _median,
    "resident_bytes": _median,
}
"""The figures of a summary, and what stands for all trials; see there."""


def summarise(run: Run, contender: Contender, workload: str, ceiling_per_s: float | None) -> Summary:
    """Summarise one contender under one workload over its valid trials, the placebo's left out."""
    trials = ordinary_trials(run, contender.id, workload)
    valid = valid_trials(trials)
    figures: dict[str, Any] = {}
    for name, measure in _AVERAGED.items():
        values = [value for value in map(measure, valid) if value is not None]
        figures[name] = geometric_mean(values) if values else None
    for name, of_all in _OBSERVED.items():
        values = observed(valid, operator.attrgetter(name))
        figures[name] = of_all(values) if values else None
    asked_per_s = asked_rate_per_s(run, workload)
    if asked_per_s is not None:
        # Also of void trials: a server may well answer a rate that is too high for it with errors.
        driven = [trial.result for trial in trials if trial.failure is None and trial.result is not None]
        asked = sum(asked_per_s * result.duration_s for result in driven)
        achieved = sum(result.completed for result in driven) / asked if asked else None
        dropped = sum(result.dropped or 0 for result in driven) if driven else None
        bound = loader_bound(valid, ceiling_per_s)
        doubt = _not_sustained(contender, achieved, dropped) or (bound and f"{contender.id}: {bound}")
        figures |= {"achieved_fraction": achieved, "dropped": dropped, "doubt": doubt}
    return Summary(
        contender=contender.id,
        arrangement=contender.arrangement,
        framework=contender.framework,
        variant=contender.variant,
        workload=workload,
        histograms=tuple(trial.result.histogram for trial in valid if trial.result.histogram is not None),
        used=len(valid),
        void=tuple(f"round {trial.round}: {reason}" for trial in trials if (reason := void_reason(trial)) is not None),
        asked_per_s=asked_per_s,
        **figures,
    )


def _not_sustained(contender: Contender, achieved: float | None, dropped: int | None) -> str:
    if achieved is None or (achieved >= SUSTAINED_FRACTION and not dropped):
        return ""
    lost = f", and {dropped:,} requests were dropped, as no connection came free in time" if dropped else ""
    return (
        f"{contender.id} did not sustain the rate: {100 * achieved:.3g} % of what was asked was answered in time{lost}."
        " Where a queue grows, latencies tell how long was measured, not how fast a server is."
    )
