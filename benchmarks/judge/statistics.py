"""Averages and ratios over rounds, each with its interval."""

from __future__ import annotations

import dataclasses
import math
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.judge.distributions import t_quantile
from benchmarks.judge.judgement import CONFIDENCE, Estimate
from benchmarks.judge.spread import Spread

REPEATED_LOOKS_CONFIDENCE = 0.975
"""Of the interval that decides after every round whether to stop, and that is reported then.

Stopping at the first interval that is narrow enough too often picks one that is narrow by luck. At this level the
interval at the stop still holds the true ratio in 95 % of runs: benchmarks/calibration/repeated_looks.py.
"""

_SAME = 1 + 1e-9

_FINE_SHARE = 0.1
"""Share of an interval's half-width below which a resolution is fine."""

_NOISIER = 4.0
"""Times the variance of all others, from which a request has an error of its own."""

_LARGEST_EXPONENT = math.log(sys.float_info.max)


def students_quantile(freedom: float, confidence: float = CONFIDENCE) -> float:
    """Return how many standard errors an interval reaches to either side, by Student's t."""
    return t_quantile(freedom, (1 + confidence) / 2)


def arithmetic_mean(values: Sequence[float], confidence: float = CONFIDENCE, others: Spread | None = None) -> Estimate:
    """Average values that may be zero or negative, where logarithms make no sense.

    Args:
        values: One per trial, in any unit, shape (n,), n >= 1.
        confidence: Of the Student t interval, which is ``None`` for one value.
        others: What is known of such values' variance from others.
    Source:
        Georges, Buytaert, Eeckhout, "Statistically rigorous Java performance evaluation", OOPSLA 2007, section 3.2:
        Student's t for the small number of measurements that one can afford.
    """
    mean, count = statistics.fmean(values), len(values)
    if count == 1:
        return around(mean, None, 1, confidence)
    spread = Spread(statistics.variance(values), count - 1)
    if others is not None:
        spread = others.beside(spread)
    half_width = students_quantile(spread.freedom, confidence) * math.sqrt(spread.variance / count)
    return around(mean, half_width, count, confidence)


def around(value: float, half_width: float | None, samples: int, confidence: float = CONFIDENCE) -> Estimate:
    """Return an estimate whose interval reaches as far down as up; one of unknown width has none."""
    low, high = (None, None) if half_width is None else (value - half_width, value + half_width)
    return Estimate(value=value, low=low, high=high, samples=samples, confidence=confidence)


def geometric_mean(values: Sequence[float]) -> Estimate:
    """Average values that compare by ratio: rates, latencies, CPU time.

    Args:
        values: One per trial, in any unit, each above 0, shape (n,), n >= 1.
    Returns:
        The geometric mean and the Student t interval of the logarithms, taken back to the values' unit.
    Raises:
        ValueError: There is no value, or one is zero, negative or not finite.
    Source:
        Fleming and Wallace, "How not to lie with statistics: the correct way to summarize benchmark results",
        CACM 29(3), 1986: ratios are averaged geometrically, so that it does not matter which side is the reference.
    """
    return exponential(arithmetic_mean([_logarithm(value) for value in values]))


def paired_ratio(
    numerators: Sequence[float],
    denominators: Sequence[float],
    confidence: float = CONFIDENCE,
    others: Spread | None = None,
) -> Estimate:
    """Estimate a ratio from pairs measured in the same round.

    What a round has in common (a hot machine, a noisy neighbour) does not change the ratio, so the interval is of what
    differs between the two.

    Args:
        numerators: One per round, each above 0, shape (n,), n >= 1.
        denominators: Of the same rounds in the same order.
        confidence: Of the interval.
        others: What is known from others of the variance of the logarithm of such a ratio.
    Returns:
        The geometric mean of the ratios and its interval. Swapping the arguments gives the reciprocals.
    Raises:
        ValueError: The lengths differ, there is no pair, or a value is zero, negative or not finite.
    Source:
        Kalibera and Jones, "Rigorous benchmarking in reasonable time", ISMM 2013: report the ratio of means with its
        interval. They treat the two samples as independent (Fieller); pairing inside rounds is ours, so this is
        Student's one-sample t on the differences of logarithms.
    """
    return exponential(arithmetic_mean(logarithms_of(numerators, denominators), confidence, others))


def logarithms_of(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Return the logarithm of each pair's ratio.

    Raises:
        ValueError: As of ``paired_ratio``.
    """
    return [_logarithm(above) - _logarithm(below) for above, below in zip(numerators, denominators, strict=True)]


def drift(rounds: Sequence[float], values: Sequence[float]) -> Estimate:
    """Estimate by which factor a value changes from one round to the next.

    Args:
        rounds: Their numbers, at least two different ones, shape (n,), n >= 3.
        values: One per round, each above 0, shape (n,).
    Returns:
        The factor of the least-squares line through the logarithms, with the Student t interval of its slope.
    Source:
        Draper and Smith, "Applied Regression Analysis", 3rd edition, section 1.4.
    """
    logarithms = [_logarithm(value) for value in values]
    slope, intercept = statistics.linear_regression(rounds, logarithms)
    freedom = len(rounds) - 2
    left = sum((value - intercept - slope * x) ** 2 for x, value in zip(rounds, logarithms, strict=True))
    spread = (statistics.fmean(x * x for x in rounds) - statistics.fmean(rounds) ** 2) * len(rounds)
    half_width = students_quantile(freedom) * math.sqrt(left / freedom / spread)
    return exponential(around(slope, half_width, len(rounds)))


def independent_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
    """Estimate a ratio from samples of two days or two machines.

    Nothing pairs them, so differences between the days or machines stay in the interval.

    Args:
        numerators: Each above 0, shape (n,), n >= 1.
        denominators: The same, of any length m >= 1.
    Returns:
        The ratio of the geometric means, and Welch's interval of the logarithms taken back; the interval is ``None``
        where a sample has one value alone. ``samples`` counts both.
    Source:
        Welch, "The generalization of 'Student's' problem when several different population variances are involved",
        Biometrika 34, 1947: unequal variances, degrees of freedom by Satterthwaite's approximation.
    """
    both = [[_logarithm(value) for value in values] for values in (numerators, denominators)]
    sizes = [len(sample) for sample in both]
    half_width: float | None = None
    if min(sizes) > 1:
        shares = [statistics.variance(sample) / len(sample) for sample in both]
        variance = sum(shares)
        # As shares of the whole, so that nothing underflows.
        parts = [(share / variance) ** 2 / (size - 1) for share, size in zip(shares, sizes, strict=True) if variance]
        half_width = students_quantile(1 / sum(parts)) * math.sqrt(variance) if parts else 0.0
    return exponential(around(statistics.fmean(both[0]) - statistics.fmean(both[1]), half_width, sum(sizes)))


def median_and_range(values: Sequence[float]) -> Estimate:
    """Summarise counts that should not vary, such as threads: the median, and the least and most seen.

    A t interval means nothing for a count that is the same in every trial, and misleads if it jumps once. The range is
    what was seen; over six trials or more it is also a 95 % interval of the median.

    Args:
        values: One per trial, shape (n,), n >= 1; of one there is no range.
    Source:
        David and Nagaraja, "Order Statistics", 3rd edition, 2003, section 7.1: n values span the median with
        probability 1 - 2^(1 - n).
    """
    low, high = (float(min(values)), float(max(values))) if len(values) > 1 else (None, None)
    return Estimate(value=float(statistics.median(values)), low=low, high=high, samples=len(values), confidence=None)


def bounds(estimate: Estimate) -> tuple[float, float]:
    """Return the interval; a missing one rules nothing out, so it is infinite."""
    low = -math.inf if estimate.low is None else estimate.low
    return low, math.inf if estimate.high is None else estimate.high


@dataclass(frozen=True, slots=True)
class Error:
    """Of the logarithm of a ratio in one round: its standard deviation, and the degrees of freedom of that."""

    deviation: float
    freedom: int


def pooled_errors(logarithms: Mapping[str, Sequence[float]]) -> dict[str, Error]:
    """Return the error of one round's logarithm for each request, pooled over those that are about as noisy.

    Each request has its own mean, and nothing else is taken out: servers are started for each request, so rounds have
    nothing in common that a ratio would keep.

    Args:
        logarithms: Of the ratio in each round, by request. One round has no error.
    """
    own = {name: (statistics.variance(each), len(each) - 1) for name, each in logarithms.items() if len(each) > 1}
    noisy = {
        name
        for name, (variance, _) in own.items()
        if (others := [each for other, each in own.items() if other != name])
        and variance > _NOISIER * _pooled(others)[0]
    }
    shared = _pooled([each for name, each in own.items() if name not in noisy]) if own else (0.0, 0)
    return {
        name: Error(math.sqrt(variance), freedom)
        for name, mine in own.items()
        for variance, freedom in [mine if name in noisy else shared]
    }


def _pooled(variances: Sequence[tuple[float, int]]) -> tuple[float, int]:
    freedom = sum(each for _, each in variances)
    return math.fsum(variance * each for variance, each in variances) / freedom, freedom


def holm(probabilities: Mapping[str, float]) -> dict[str, float]:
    """Return probabilities so adjusted that all may be compared with one level, which then holds for all together.

    Source:
        Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979.
    """
    adjusted, highest = {}, 0.0
    for passed, name in enumerate(sorted(probabilities, key=lambda name: probabilities[name])):
        highest = max(highest, min(1.0, (len(probabilities) - passed) * probabilities[name]))
        adjusted[name] = highest
    return adjusted


def standard_error(estimate: Estimate) -> float:
    """Return the standard error of the logarithm of a paired ratio, from its interval; infinite without one."""
    low, high = bounds(estimate)
    if not 0 < low <= high < math.inf:
        return math.inf
    half_width = (math.log(high) - math.log(low)) / 2
    return half_width / students_quantile(estimate.samples - 1, estimate.confidence or CONFIDENCE)


def lies_in(value: float, estimate: Estimate) -> bool:
    """Say whether the interval contains a value; a missing one contains every value."""
    low, high = bounds(estimate)
    return low <= value <= high


def excludes_one(estimate: Estimate) -> bool:
    """Say whether the interval excludes "no difference"; never without an interval."""
    return not lies_in(1.0, estimate)


def has_no_width(estimate: Estimate) -> bool:
    """Say whether several rounds came out the same, up to rounding of floats."""
    return estimate.low is not None and estimate.high is not None and estimate.high <= estimate.low * _SAME


def is_coarse(estimate: Estimate, decide: Callable[[Estimate], object]) -> bool:
    """Say whether figures are too coarse for what is decided by them.

    They are if the decision would change with the interval widened by their resolution, unless that is a small part of
    the interval: then it is chance that decides, not coarseness. They also are if several rounds came out the same:
    measurements vary, so these were counted too coarsely.
    """
    low, high = estimate.low, estimate.high
    if low is None or high is None:
        return False
    if has_no_width(estimate):
        return True
    if estimate.resolution < _FINE_SHARE * (high - low) / 2 / estimate.value:
        return False
    factor = 1 + estimate.resolution
    return decide(dataclasses.replace(estimate, low=low / factor, high=high * factor)) != decide(estimate)


def _logarithm(value: float) -> float:
    if not 0 < value < math.inf:
        raise ValueError(f"{value} has no ratio to anything: every value must be above 0 and finite.")
    return math.log(value)


def exponential(estimate: Estimate) -> Estimate:
    """Return the estimate of a value from the estimate of its logarithm."""
    low, high = (None if bound is None else _exp(bound) for bound in (estimate.low, estimate.high))
    return dataclasses.replace(estimate, value=_exp(estimate.value), low=low, high=high)


def _exp(value: float) -> float:
    # Two rounds that differ wildly have an infinite interval, not an OverflowError.
    return math.inf if value > _LARGEST_EXPONENT else math.exp(value)
