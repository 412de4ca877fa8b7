"""Says beforehand which difference a comparison will show, from how much equal things differ on this machine."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.judge.distributions import chi_square_quantile, t_noncentrality
from benchmarks.judge.judgement import CONFIDENCE
from benchmarks.judge.statistics import SampleError, students_quantile

POWER = 0.8
"""How often a difference of the size promised is found."""

_ASSURANCE = 0.8
"""How surely the true spread is at most the one that plans rest on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How much the ratio of two equal things varies from one round to the next.

    Attributes:
        value: Standard deviation of the logarithm of the ratio, dimensionless.
        rounds: From how many rounds it was estimated, two at least.
    """

    value: float
    rounds: int

    @property
    def cautious(self) -> float:
        """The spread that is not exceeded with 80 % assurance.

        A spread from few rounds is often too small by luck, and a plan that believes it promises too much.

        Source:
            Browne, "On the use of a pilot sample for sample size determination", Statistics in Medicine 14, 1995.
        """
        freedom = self.rounds - 1
        return self.value * math.sqrt(freedom / chi_square_quantile(freedom, _ASSURANCE))


def spread_of(numerators: Sequence[float], denominators: Sequence[float]) -> Spread:
    """Estimate the spread from pairs measured in the same round.

    Args:
        numerators: One per round, each above 0, shape (n,), n >= 2.
        denominators: Of the same rounds in the same order.
    Raises:
        SampleError: There are fewer than two pairs, or a value is not above 0.
    """
    if min(len(numerators), len(denominators)) < 2:
        raise SampleError("One round has no spread: it takes two at least.")
    if not all(0 < value < math.inf for value in (*numerators, *denominators)):
        raise SampleError("Every value must be above 0 and finite.")
    logarithms = [math.log(above / below) for above, below in zip(numerators, denominators, strict=True)]
    return Spread(value=statistics.stdev(logarithms), rounds=len(logarithms))


def detectable_difference(spread: float, rounds: int, power: float = POWER, confidence: float = CONFIDENCE) -> float:
    """Return the smallest difference that is detected with this probability, as a fraction: 0.05 for 5 %.

    Args:
        spread: Standard deviation of the logarithm of the ratio in one round.
        rounds: Two at least; with fewer it is infinite.
        power: How often a difference of that size is found.
        confidence: Of the interval that must leave 1 out.
    Source:
        Cohen, "Statistical power analysis for the behavioral sciences", 2nd edition, 1988, section 2.3 (paired t):
        the statistic has a non-central t distribution. The far tail, an interval on the wrong side of 1, is left out.
    """
    if rounds < 2:
        return math.inf
    freedom = rounds - 1
    noncentrality = t_noncentrality(freedom, 1 - power, students_quantile(freedom, confidence))
    return _above_one(noncentrality * spread / math.sqrt(rounds))


def rounds_to_detect(spread: float, difference: float, at_most: int = 1_000) -> int | None:
    """Return how many rounds it takes to tell a difference from none, or ``None`` when more than ``at_most``.

    Args:
        spread: Standard deviation of the logarithm of the ratio in one round.
        difference: As a fraction, above 0: 0.05 for 5 %.
        at_most: Where to stop looking.
    """
    low, high = 2, at_most
    if detectable_difference(spread, at_most) > difference:
        return None
    while low < high:
        middle = (low + high) // 2
        if detectable_difference(spread, middle) <= difference:
            high = middle
        else:
            low = middle + 1
    return low


def _above_one(logarithm: float) -> float:
    # Beyond a factor of e^700 nothing is told from anything.
    return math.expm1(min(logarithm, 700.0))
