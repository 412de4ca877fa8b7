"""How much ratios vary from round to round, learnt from all contenders that are compared with one reference.

A few rounds say little of how much one contender's ratio varies. Many contenders that run in turns on one machine say
much about how much any of them does.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from benchmarks.judge.distributions import digamma, inverse_trigamma, trigamma

FEWEST = 8
"""Contenders that are enough to learn from."""


class Spread(NamedTuple):
    """What others tell of a variance: its value, and how many degrees of freedom that is worth."""

    variance: float
    freedom: float

    def beside(self, other: Spread) -> Spread:
        """Return both together, each by its degrees of freedom."""
        both = self.freedom + other.freedom
        return Spread((self.freedom * self.variance + other.freedom * other.variance) / both, both)


def learnt(samples: Iterable[Sequence[float]]) -> Spread | None:
    """Return what samples of one kind tell about the variance of each; ``None`` if they are too few.

    The more alike their variances are, the more it is worth: no more than chance makes them differ, and it is all that
    is known; very different, and hardly anything.

    Args:
        samples: Logarithms of ratios by contender, each of shape (n,); those with n < 3 or without any spread are left
            out.
    Source:
        Smyth, "Linear models and empirical Bayes methods for assessing differential expression in microarray
        experiments", Statist. Appl. Genet. Mol. Biol. 3(1), 2004, section 6.
    """
    several = [sample for sample in samples if len(sample) > 2]
    spreads = [(variance, len(each) - 1) for each in several if (variance := statistics.variance(each)) > 0]
    if len(spreads) < FEWEST:
        return None
    centred = [math.log(variance) - digamma(free / 2) + math.log(free / 2) for variance, free in spreads]
    beyond_chance = statistics.variance(centred) - statistics.fmean(trigamma(free / 2) for _, free in spreads)
    all_freedom = sum(free for _, free in spreads)
    if beyond_chance <= 0:
        return Spread(sum(variance * free for variance, free in spreads) / all_freedom, all_freedom)
    half = inverse_trigamma(beyond_chance)
    shared = math.exp(statistics.fmean(centred) + digamma(half) - math.log(half))
    return Spread(shared, min(2 * half, all_freedom))
