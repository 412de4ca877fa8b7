"""Decides when a trial counts, when its figures cannot be true, and when a contender gave up; pure."""

from __future__ import annotations

import dataclasses
import itertools
import math
import operator
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from benchmarks.model import LatencySummary, LoadProfile, LoadResult, Place, Trial

MAXIMUM_ERROR_FRACTION = 0.001
"""Share of failed requests above which a trial does not count."""

FOLLOW_S = 1.0
"""How long a request in flight at the end is watched, seconds, to tell whether its connection hangs."""

_HANGS = 2.0
"""A request this many times older than the slowest valid answer hangs: the rest of its queue was answered."""

MINIMUM_WAITING_FRACTION = 0.5
"""Share of the users' time, in the closed model, spent waiting for answers below which users have gone missing."""

_TICK_S = 0.1
"""How coarsely CPU time is counted, and how early an interval may end, seconds."""

_LATE_S = 1.0
_LATE_FRACTION = 0.1
"""How late a busy machine may end an interval: seconds, and share of its length."""

_ROUNDED = 1 + 1e-6
_CORES_BESIDE = 0.5
"""Cores that a loader's other threads may use, beside those that it asks from."""

_OF_RESULT = operator.attrgetter(*(each.name for each in dataclasses.fields(LoadResult) if each.name != "edges"))
_OF_LATENCY = operator.attrgetter(*(each.name for each in dataclasses.fields(LatencySummary)))


def void_reason(trial: Trial) -> str | None:
    """Say why a trial does not count, or ``None`` when it does.

    Source:
        Little, "A proof for the queuing formula: L = lambda W", Operations Research 9(3), 1961: rate times latency are
        the users who wait.
    """
    if trial.failure is not None or trial.result is None:
        return trial.failure or "no result: the load did not run to its end"
    return next(_reasons(trial, trial.result), None)


def _reasons(trial: Trial, result: LoadResult) -> Iterator[str]:
    """Yield whatever makes it void; each check assumes that the ones before it found nothing."""
    if result.duration_s <= 0:
        yield f"an interval of {result.duration_s:g} s"
    errors = ", ".join(f"{count} {kind}" for kind, count in sorted(result.errors.items()) if count)
    if result.completed <= 0:
        yield f"nothing completed ({errors or 'no error either'})"
    if result.error_fraction > MAXIMUM_ERROR_FRACTION:
        limit = f"{100 * MAXIMUM_ERROR_FRACTION:g} %"
        yield f"{100 * result.error_fraction:.2g} % of the requests failed, above {limit} ({errors})"
    if result.latency is None or result.latency.minimum_ms <= 0:
        yield "no latency was recorded, or one of 0 ms"
        return
    if result.hanging:
        hung = "1 connection hung: its" if result.hanging == 1 else f"{result.hanging} connections hung: each one's"
        yield f"{hung} last request was not answered within {FOLLOW_S:g} s"
    if fault := impossibility(result, trial.load):
        yield f"its figures cannot be true: {fault}"
    if missing := _missing(trial.load, result, result.latency):
        yield missing


def gave_up(trial: Trial) -> bool:
    """Tell whether a running server left its clients with errors, or without an answer."""
    result = trial.result
    if trial.failure is not None or result is None:
        return False
    return result.completed == 0 or result.error_fraction > MAXIMUM_ERROR_FRACTION or bool(result.hanging)


def given_up_at(gave_up_at: Iterable[Place], well_at: Collection[Place]) -> list[Place]:
    """Return the places at which a contender gave up, and will at all more demanding ones.

    A contender that did well at a place that is no less demanding had a bad moment, no more.

    Args:
        gave_up_at: Places of its trials in which it gave up.
        well_at: Places of its trials that count.
    """
    return [place for place in gave_up_at if not any(place.asks_no_more_than(well) for well in well_at)]


def count_hanging(ages_ms: Sequence[float], latency: LatencySummary | None) -> int:
    """Count the hanging connections, by the age of the requests in flight at the end: they are errors, not silence.

    Args:
        ages_ms: Of those that were watched for ``FOLLOW_S`` without an answer, milliseconds.
        latency: Of the valid answers; ``None`` when there was none.
    Returns:
        How many are much older than any answer.
    """
    oldest_ms = 0.0 if latency is None else _HANGS * latency.maximum_ms
    return sum(age_ms > oldest_ms for age_ms in ages_ms)


def impossibility(
    result: LoadResult, load: LoadProfile, *, wait_s: float = 0.0, earlier_s: float | None = None
) -> str | None:
    """Say why the result of any load engine cannot be true; ``None`` if it can.

    Args:
        result: As reported.
        load: What was ordered.
        wait_s: How long every view waits before it answers, seconds.
        earlier_s: How long before the interval a request may have been sent that was answered in it, seconds; as long
            as a warm-up may last, by default.
    """
    return next((fault for is_true, fault in _faults(result, load, wait_s, earlier_s) if not is_true), None)


def _missing(load: LoadProfile, result: LoadResult, latency: LatencySummary) -> str | None:
    """Compare rate × latency with the number of users; say so if many neither wait nor keep the loader busy."""
    if load.rate_per_s is not None or result.hanging is not None:
        # There is a schedule; or every connection has been seen to be alive.
        return None
    waiting = result.rate_per_s * latency.average_ms / 1_000
    asking = (result.loader_cpu_s or 0.0) / result.duration_s
    if waiting + asking >= MINIMUM_WAITING_FRACTION * load.vus:
        return None
    return f"of {load.vus} users {waiting:.1f} waited for an answer on average: the others were not served"


def _faults(
    result: LoadResult, load: LoadProfile, wait_s: float, earlier_s: float | None
) -> Iterator[tuple[bool, str]]:
    """Yield conditions that any result fulfils, each with the fault if it does not."""
    took_s, users, latency = result.duration_s, load.vus, result.latency
    wrong = wrong_numbers(result)
    yield not wrong, f"{wrong[0] if wrong else 0:g} stands where something was counted or measured"
    longest_s = 0.0 if latency is None else latency.maximum_ms / 1_000
    # Some engines wait at the end for what is in flight.
    latest_s = load.duration_s * (1 + _LATE_FRACTION) + _LATE_S + longest_s
    yield load.duration_s - _TICK_S <= took_s <= latest_s, f"an interval of {load.duration_s:g} s took {took_s:g} s"
    cores = result.loader_cores + _CORES_BESIDE
    used_s = result.loader_cpu_s or 0.0
    yield used_s <= took_s * cores + _TICK_S, f"the loader used {used_s:g} s of CPU time in {took_s:g} s"
    if latency is not None:
        yield from _faults_of(latency)
        there_s = took_s + (load.warmup_s + 2 * load.timeout_s + _LATE_S if earlier_s is None else earlier_s)
        yield (
            longest_s <= there_s * _ROUNDED,
            f"a latency of {longest_s:,.1f} s, from users who asked for {there_s:g} s",
        )
    if wait_s:
        # One more in each slice: the request in flight when it began.
        most = users * (took_s / wait_s + load.slices)
        yield (
            result.completed <= most,
            f"{result.completed:,} answers, and {users} users who wait {wait_s:g} s for each can have had {most:,.0f}",
        )
    if load.rate_per_s is not None:
        return
    in_flight = result.unfinished or 0
    yield in_flight <= users * load.slices, f"{in_flight:,} requests in flight at the end, of {users} users"
    # A user has one request in flight: together they cannot have waited longer than the interval, apart from what each
    # had in flight when the interval, or a slice of it, began.
    waited_s = 0.0 if latency is None else result.completed * latency.average_ms / 1_000
    yield (
        waited_s <= users * (took_s + load.slices * longest_s) * _ROUNDED,
        f"{users} users cannot have waited {waited_s:,.0f} s in all in {took_s:g} s",
    )


def _faults_of(latency: LatencySummary) -> Iterator[tuple[bool, str]]:
    middle = (latency.median_ms, latency.p90_ms, latency.p95_ms, latency.p99_ms)
    values = (latency.minimum_ms, *middle, latency.maximum_ms)
    yield (
        all(below <= above * _ROUNDED for below, above in itertools.pairwise(values)),
        "its latencies do not ascend from the shortest over the percentiles to the longest",
    )
    yield (
        latency.minimum_ms <= latency.average_ms * _ROUNDED and latency.average_ms <= latency.maximum_ms * _ROUNDED,
        "its average latency is not between its shortest and its longest",
    )


def wrong_numbers(result: LoadResult) -> list[float]:
    """Return the counts and measurements in a result that are below 0 or not finite."""
    own: tuple[object, ...] = _OF_RESULT(result)
    # The edges take off or add.
    told = [*own, abs(result.edges)]
    for each in own:
        if isinstance(each, LatencySummary):
            told.extend(_OF_LATENCY(each))
        elif isinstance(each, Mapping):
            told.extend(each.values())
    return [number for number in told if isinstance(number, int | float) and not 0 <= number < math.inf]
