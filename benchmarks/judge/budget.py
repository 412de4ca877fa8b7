"""Chooses rounds and lengths of trials that make the most of a given time."""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.errors import InvalidValueError, LabError
from benchmarks.judge.evidence import placebo_pairs
from benchmarks.judge.power import detectable_difference, spread_of
from benchmarks.model import Run

FEWEST_ROUNDS = 5
"""Fewer have an interval so wide that longer trials do not make up for it."""

MOST_ROUNDS = 40

_DURATIONS_S = (0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0)

_BETWEEN_STARTS = 0.015
"""Part of the spread that no longer trial takes away, for it is between two starts of the same server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """How to spend the time.

    Attributes:
        rounds: Of the workload without a wait.
        duration_s: Measured interval of a trial, seconds.
        difference: The smallest that is detected, as a fraction; see ``power.detectable_difference``.
        takes_s: About how long it all takes, seconds.
        spread: How much two equal things differ from round to round, as a fraction.
    """

    rounds: int
    duration_s: float
    difference: float
    takes_s: float
    spread: float


def check(budget_s: float, pilot_s: float, takes_s: Callable[[int, float], float]) -> None:
    """Refuse a budget that is too little for any comparison, before anything takes time.

    Args:
        budget_s: Time for the whole run and its pilot, seconds.
        pilot_s: How much of it the pilot takes, seconds.
        takes_s: As of ``size``.
    Raises:
        InvalidValueError: Not even the shortest trials fit in.
    """
    least_s = pilot_s + takes_s(FEWEST_ROUNDS, _DURATIONS_S[0])
    if budget_s < least_s:
        raise InvalidValueError(_too_little(budget_s, least_s))


def wait_rounds(rounds: int, *, precision: float | None) -> int:
    """Return how many rounds are enough for what waits: its ratios are a timer's doing and vary less.

    Args:
        rounds: Of what does not wait.
        precision: See ``Plan``.
    """
    return max(FEWEST_ROUNDS if precision else 3, rounds // 2)


def size_by_pilot(
    pilot: Run, budget_s: float, takes_s: Callable[[int, float], float], *, spent_s: Callable[[], float]
) -> Sizing:
    """Choose as ``size`` does, by the spread that a pilot has shown.

    Args:
        pilot: One contender against itself.
        budget_s: See ``size``.
        takes_s: The same.
        spent_s: The same, when asked.
    Raises:
        LabError: The pilot is of no use, or not even the shortest trials fit in.
    """
    pairs = placebo_pairs(pilot)
    if len(pairs) < 2:
        raise LabError("The pilot has too few valid rounds to plan by: lab doctor says more.")
    spread = spread_of([one.result.rate_per_s for one, _ in pairs], [two.result.rate_per_s for _, two in pairs])
    sizing = size(budget_s, spread.cautious, pairs[0][0].trial.load.duration_s, takes_s, spent_s=spent_s())
    return dataclasses.replace(sizing, spread=spread.value)


def size(
    budget_s: float,
    spread: float,
    spread_at_s: float,
    takes_s: Callable[[int, float], float],
    power: float = 0.8,
    *,
    spent_s: float = 0.0,
) -> Sizing:
    """Choose rounds and the length of a trial so that the smallest difference shows within a budget.

    Noise inside a trial averages out with its length; what differs between two starts of a server does not, and a start
    takes time too. So neither one long trial nor many short ones is best, and every length is tried.

    Args:
        budget_s: Time for the whole run, seconds.
        spread: Standard deviation of the logarithm of the ratio of equal things in one round.
        spread_at_s: Length of the trials that it was seen with, seconds.
        takes_s: Returns how long a run of so many rounds, of trials so long, takes, seconds; more rounds take longer.
        power: How often a difference of the size promised is found.
        spent_s: How much of the budget is over, seconds.
    Raises:
        LabError: Not even the shortest trials fit in.
    """
    best: Sizing | None = None
    for duration_s in _DURATIONS_S:
        rounds = _most_rounds(budget_s - spent_s, duration_s, takes_s)
        if rounds < FEWEST_ROUNDS:
            continue
        difference = detectable_difference(spread_at(duration_s, spread, spread_at_s), rounds, power)
        if best is None or difference < best.difference:
            best = Sizing(
                rounds=rounds,
                duration_s=duration_s,
                difference=difference,
                takes_s=takes_s(rounds, duration_s),
                spread=spread,
            )
    if best is None:
        least_s = spent_s + takes_s(FEWEST_ROUNDS, _DURATIONS_S[0])
        raise LabError(_too_little(budget_s, least_s))
    return best


def spread_at(duration_s: float, spread: float, spread_at_s: float) -> float:
    """Return the spread with trials of another length.

    Args:
        duration_s: Length of the trials asked about, seconds.
        spread: As it was seen.
        spread_at_s: Length of the trials that it was seen with, seconds.
    """
    between = min(_BETWEEN_STARTS, spread)
    within = spread**2 - between**2
    return math.sqrt(between**2 + within * spread_at_s / duration_s)


def _too_little(budget_s: float, least_s: float) -> str:
    return (
        f"A budget of {budget_s:g} s is too little: a pilot and {FEWEST_ROUNDS} rounds of these contenders take about "
        f"{math.ceil(least_s)} s. Give more time, or name fewer contenders with --contender."
    )


def _most_rounds(budget_s: float, duration_s: float, takes_s: Callable[[int, float], float]) -> int:
    # More rounds take longer, so a few looks find the most that fit.
    return bisect.bisect_right(range(1, MOST_ROUNDS + 1), budget_s, key=lambda rounds: takes_s(rounds, duration_s))
