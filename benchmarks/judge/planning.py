"""Plans a comparison: which difference it will show on this machine, and how to spend a given time."""

from __future__ import annotations

import bisect
import dataclasses
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.errors import InvalidValueError, LabError
from benchmarks.judge.comparison import measured
from benchmarks.judge.distributions import chi_square_quantile, t_noncentrality
from benchmarks.judge.evidence import placebo_pairs
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.statistics import bounds, students_quantile
from benchmarks.model import Run

POWER = 0.8
"""How often a difference of the promised size is found."""

FEWEST_ROUNDS = 5
"""Fewer have an interval so wide that longer trials do not make up for it."""

MOST_ROUNDS = 40
MOST_ROUNDS_TOLD = 1_000
"""More would take too long to be worth naming."""

_ASSURANCE = 0.8
"""How certainly the true spread is at most the one that plans rest on."""

_DURATIONS_S = (0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0)

_BETWEEN_STARTS = 0.015
"""Part of the spread that longer trials do not reduce, because it is between two starts of the same server."""

_BEYOND = 0.84
"""Standard errors beyond the margin at which an estimate is beyond it four times in five."""

TakesS = Callable[[int, float], float]
"""Returns how long a run takes with this number of rounds and length of trials, seconds; more rounds take longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """How to spend the time.

    Attributes:
        rounds: Of the workload without a wait.
        duration_s: Measured interval of a trial, seconds.
        difference: The smallest that is detected, as a fraction; see ``detectable_difference``.
        spread: How much two equal things differ from round to round, as a fraction.
    """

    rounds: int
    duration_s: float
    difference: float
    spread: float


def equal_ratios(run: Run) -> list[float]:
    """Return the ratio of two equal things in each round of an A/A run: a contender's second rate over its first."""
    return [again / first for again, first in measured(placebo_pairs(run), "rate").values()]


def spread_of(ratios: Sequence[float]) -> Estimate:
    """Estimate how much the ratio of two equal things varies from one round to the next.

    Args:
        ratios: One per round, shape (n,), n >= 2.
    Returns:
        Standard deviation of the logarithm of the ratio, dimensionless. ``high`` is not exceeded with 80 % assurance:
        a spread from few rounds is often too small by luck, and a plan that believes it promises too much.
    Source:
        Browne, "On the use of a pilot sample for sample size determination", Statistics in Medicine 14, 1995.
    """
    logarithms = [math.log(ratio) for ratio in ratios]
    value, freedom = statistics.stdev(logarithms), len(logarithms) - 1
    high = value * math.sqrt(freedom / chi_square_quantile(freedom, _ASSURANCE))
    return Estimate(value=value, low=0.0, high=high, samples=len(logarithms), confidence=_ASSURANCE)


def detectable_difference(spread: float, rounds: int) -> float:
    """Return the smallest difference that is detected four times in five, as a fraction: 0.05 for 5 %.

    Args:
        spread: Standard deviation of the logarithm of the ratio in one round.
        rounds: Two at least; with fewer it is infinite.
    Source:
        Cohen, "Statistical power analysis for the behavioral sciences", 2nd edition, 1988, section 2.3 (paired t):
        the statistic has a non-central t distribution. The far tail, an interval on the wrong side of 1, is left out.
    """
    if rounds < 2:
        return math.inf
    freedom = rounds - 1
    noncentrality = t_noncentrality(freedom, 1 - POWER, students_quantile(freedom))
    # Beyond a factor of e^700 no difference can be detected.
    return math.expm1(min(noncentrality * spread / math.sqrt(rounds), 700.0))


def regression_found(spread: float, rounds: int, margin: float) -> float:
    """Return the smallest regression that is an alarm four times in five, as a fraction.

    The difference must be detected, and its estimate must be beyond the margin.

    Args:
        spread: Standard deviation of the logarithm of the ratio in one round.
        rounds: Of each set.
        margin: Half-width of what counts as equal.
    """
    beyond = math.expm1(math.log1p(margin) + _BEYOND * spread / math.sqrt(rounds))
    return max(detectable_difference(spread, rounds), beyond)


def rounds_to_detect(spread: float, difference: float) -> int | None:
    """Return the number of rounds that detect a difference, or ``None`` if more than ``MOST_ROUNDS_TOLD``."""
    choices = range(2, MOST_ROUNDS_TOLD + 1)
    fewest = bisect.bisect_left(choices, True, key=lambda rounds: detectable_difference(spread, rounds) <= difference)
    return choices[fewest] if fewest < len(choices) else None


def check(budget_s: float, pilot_s: float, takes_s: TakesS) -> None:
    """Refuse a budget that is too little for any comparison and its pilot, before anything takes time.

    Raises:
        InvalidValueError: Not even the shortest trials fit in.
    """
    least_s = pilot_s + takes_s(FEWEST_ROUNDS, _DURATIONS_S[0])
    if budget_s < least_s:
        raise InvalidValueError(
            f"A budget of {budget_s:g} s is too little: a pilot and {FEWEST_ROUNDS} rounds of these contenders take "
            f"about {math.ceil(least_s)} s. Give more time, or name fewer contenders with --contender."
        )


def wait_rounds(rounds: int, *, precision: float | None) -> int:
    """Return how many rounds are enough for a workload that waits: a timer makes its ratios, so they vary less."""
    return max(FEWEST_ROUNDS if precision else 3, rounds // 2)


def size_by_pilot(pilot: Run, budget_s: float, takes_s: TakesS, *, spent_s: float) -> Sizing:
    """Choose as ``size`` does, by the spread of a pilot: one contender against itself.

    Raises:
        LabError: The pilot is of no use, or not even the shortest trials fit in.
    """
    ratios = equal_ratios(pilot)
    if len(ratios) < 2:
        raise LabError("The pilot has too few valid rounds to plan by: lab doctor says more.")
    spread = spread_of(ratios)
    sizing = size(budget_s, bounds(spread)[1], pilot.trials[0].load.duration_s, takes_s, spent_s=spent_s)
    return dataclasses.replace(sizing, spread=spread.value)


def size(budget_s: float, spread: float, spread_at_s: float, takes_s: TakesS, *, spent_s: float = 0.0) -> Sizing:
    """Choose rounds and the length of a trial so that the smallest difference shows within a budget.

    Noise inside a trial averages out with its length; what differs between two starts of a server does not, and a start
    takes time too. So neither one long trial nor many short ones is best, and every length is considered.

    Args:
        budget_s: Time for the whole run, seconds.
        spread: Standard deviation of the logarithm of the ratio of equal things in one round.
        spread_at_s: Length of the trials that it was seen with, seconds.
        takes_s: See ``TakesS``.
        spent_s: How much of the budget is over, seconds.
    Raises:
        LabError: Not even the shortest trials fit in.
    """
    try:
        check(budget_s, spent_s, takes_s)
    except InvalidValueError as error:
        # The value was fit, and what it was spent on took longer than expected.
        raise LabError(str(error)) from error
    sizings = []
    for duration_s in _DURATIONS_S:
        # More rounds take longer, so a few looks find the most that fit.
        choices = range(1, MOST_ROUNDS + 1)
        rounds = bisect.bisect_right(choices, budget_s, key=lambda count: spent_s + takes_s(count, duration_s))
        if rounds >= FEWEST_ROUNDS:
            difference = detectable_difference(spread_at(duration_s, spread, spread_at_s), rounds)
            sizings.append(Sizing(rounds=rounds, duration_s=duration_s, difference=difference, spread=spread))
    return min(sizings, key=lambda sizing: sizing.difference)


def spread_at(duration_s: float, spread: float, spread_at_s: float) -> float:
    """Return the spread with trials of another length, from the one that was seen with trials of ``spread_at_s``."""
    between = min(_BETWEEN_STARTS, spread)
    within = spread**2 - between**2
    return math.sqrt(between**2 + within * spread_at_s / duration_s)
