"""Reads the points of a sweep from its run: one contender at one place of the map, with what a theory needs of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import trials
from benchmarks.model import Place, Run, Trial
from benchmarks.trials import ValidTrial, void_reason

COUNTED_WAVES = 50
"""From so many answers a connection on, counting them says the rate well enough."""

UNEVEN_FACTOR = 1.1
"""Counted rate and rate by Little's law further apart than this, and than a wave: the connections were not alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What one valid trial of a sweep says.

    Attributes:
        contender: Its id.
        place: Where on the map.
        visit: Number of the visit, from 1; the contenders of one visit are compared with each other.
        rate_per_s: Valid answers per second.
        latency_ms: Mean latency.
        cpu_us: CPU time a request; ``None`` where it was not observed.
        cpu_fraction: Share of one core that the server used; the same.
        running_threads: Threads of the server that ran; the same.
        loader_bound: Why the loader may have been the limit; ``None`` when it was not.
    """

    contender: str
    place: Place
    visit: int
    rate_per_s: float
    latency_ms: float
    cpu_us: float | None
    cpu_fraction: float | None
    running_threads: int | None
    loader_bound: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blank:
    """A trial of a sweep that does not count.

    Attributes:
        contender: Its id.
        place: Where on the map.
        visit: Number of the visit.
        reason: Why.
        gave_up: Whether clients got errors or no answer from a server that ran: harder places will fare no better.
    """

    contender: str
    place: Place
    visit: int
    reason: str
    gave_up: bool


def read_points(run: Run) -> tuple[Point, ...]:
    """Return the points of a sweep, in the order in which they were measured."""
    ceiling = trials.ceiling(trials.ceilings(run.calibration))
    return tuple(
        _point(place, valid, trials.loader_bound_reason(valid, ceiling))
        for place, trial in _placed(run)
        for valid in trials.valid_trials([trial])
    )


def read_blanks(run: Run) -> tuple[Blank, ...]:
    """Return the trials that do not count, in their order."""
    return tuple(
        Blank(
            contender=trial.contender,
            place=place,
            visit=trial.round,
            reason=reason,
            gave_up=trials.gave_up(trial),
        )
        for place, trial in _placed(run)
        if (reason := void_reason(trial)) is not None
    )


def rate_per_s(valid: ValidTrial) -> float:
    """Return the rate of a trial in the closed model: counted, or by Little's law where answers come in waves.

    With as many connections as the server lets wait at once, all are answered together, again and again. An interval
    that is not very many waves long cuts one, and the count is off by as much as a wave. The latencies of those
    answered are not: each connection is always in one request, so the rate is connections over mean latency.

    Args:
        valid: A trial of the closed model.
    Source:
        Little, "A proof for the queuing formula: L = lambda W", Operations Research 9(3), 1961.
    """
    counted, latency_s = valid.result.rate_per_s, valid.latency.average_ms / 1000
    waves = valid.result.duration_s / latency_s
    if waves >= COUNTED_WAVES:
        return counted
    by_latency = valid.trial.load.vus / latency_s
    # Where some connections are answered often and others starve, the mean is of the lucky ones: then the count holds.
    tolerance = math.log(UNEVEN_FACTOR) + 1 / waves
    return by_latency if abs(math.log(by_latency / counted)) <= tolerance else counted


def _placed(run: Run) -> Iterator[tuple[Place, Trial]]:
    waits_ms = {workload.name: workload.wait_ms for workload in run.plan.workloads}
    for trial in run.trials:
        if trial.workload in waits_ms and not trial.placebo:
            yield Place(waits_ms[trial.workload], trial.load.vus), trial


def _point(place: Place, valid: ValidTrial, loader_bound: str | None) -> Point:
    observation, rate = valid.trial.observation, rate_per_s(valid)
    fraction = None if observation is None else observation.cpu_fraction
    return Point(
        contender=valid.trial.contender,
        place=place,
        visit=valid.trial.round,
        rate_per_s=rate,
        latency_ms=valid.latency.average_ms,
        # The observation divides by the counted rate; the same CPU time over the better one.
        cpu_us=None if not fraction else fraction / rate * 1e6,
        cpu_fraction=fraction,
        running_threads=None if observation is None else observation.running_threads,
        loader_bound=loader_bound,
    )
