"""Averages and ratios over rounds, each with its interval."""

from __future__ import annotations

import dataclasses
import math
import statistics
import sys
from collections.abc import Callable, Sequence

from benchmarks.judge.distributions import t_quantile
from benchmarks.judge.judgement import CONFIDENCE, Estimate

REPEATED_LOOKS_CONFIDENCE = 0.975
"""Of the interval that decides after every round whether to stop, and that is reported then.

Stopping at the first interval that is narrow enough too often picks one that is narrow by luck. At this level the
interval at the stop still holds the true ratio in 95 % of runs: benchmarks/calibration/repeated_looks.py.
"""

_SAME = 1 + 1e-9
_LARGEST_EXPONENT = math.log(sys.float_info.max)


class SampleError(ValueError):
    """These values cannot be averaged; the message says which and why."""


def students_quantile(freedom: float, confidence: float = CONFIDENCE) -> float:
    """Return how many standard errors an interval reaches to either side, by Student's t.

    Args:
        freedom: Degrees of it, above 0.
        confidence: Of the interval.
    """
    return t_quantile(freedom, (1 + confidence) / 2)


def arithmetic_mean(values: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """Average values that may be zero or negative, where logarithms make no sense.

    Args:
        values: One per trial, in any unit, shape (n,), n >= 1.
        confidence: Of the interval.
    Returns:
        The mean and its Student t interval; the interval is ``None`` for one value.
    Raises:
        SampleError: There is no value, or one is not finite.
    Source:
        Georges, Buytaert, Eeckhout, "Statistically rigorous Java performance evaluation", OOPSLA 2007, section 3.2:
        Student's t for the small number of measurements that one can afford.
    """
    count = len(values)
    if count == 0:
        raise SampleError("There is no value to average.")
    for value in values:
        if not math.isfinite(value):
            raise SampleError(f"{value} is not a finite number, so there is no average.")
    mean = statistics.fmean(values)
    if count == 1:
        return Estimate(value=mean, low=None, high=None, samples=1, confidence=confidence)
    half_width = students_quantile(count - 1, confidence) * statistics.stdev(values) / math.sqrt(count)
    return Estimate(value=mean, low=mean - half_width, high=mean + half_width, samples=count, confidence=confidence)


def geometric_mean(values: Sequence[float]) -> Estimate:
    """Average values that compare by ratio: rates, latencies, CPU time.

    Args:
        values: One per trial, in any unit, each above 0, shape (n,), n >= 1.
    Returns:
        The geometric mean and the Student t interval of the logarithms, taken back to the values' unit.
    Raises:
        SampleError: There is no value, or one is zero, negative or not finite.
    Source:
        Fleming and Wallace, "How not to lie with statistics: the correct way to summarize benchmark results",
        CACM 29(3), 1986: ratios are averaged geometrically, so that it does not matter which side is the reference.
    """
    return exponential(arithmetic_mean([_logarithm(value) for value in values]))


def paired_ratio(
    numerators: Sequence[float], denominators: Sequence[float], confidence: float = CONFIDENCE
) -> Estimate:
    """Estimate a ratio from pairs measured in the same round.

    What a round has in common (a hot machine, a noisy neighbour) does not change the ratio, so the interval is of what
    differs between the two.

    Args:
        numerators: One per round, each above 0, shape (n,), n >= 1.
        denominators: Of the same rounds in the same order.
        confidence: Of the interval.
    Returns:
        The geometric mean of the ratios and its interval. Swapping the arguments gives the reciprocals.
    Raises:
        SampleError: The lengths differ, there is no pair, or a value is zero, negative or not finite.
    Source:
        Kalibera and Jones, "Rigorous benchmarking in reasonable time", ISMM 2013: report the ratio of means with its
        interval. They treat the two samples as independent (Fieller); pairing inside rounds is ours, so this is
        Student's one-sample t on the differences of logarithms.
    """
    if len(numerators) != len(denominators):
        raise SampleError(f"{len(numerators)} values cannot be paired with {len(denominators)}.")
    pairs = zip(numerators, denominators, strict=True)
    return exponential(arithmetic_mean([_logarithm(above) - _logarithm(below) for above, below in pairs], confidence))


def drift(rounds: Sequence[float], values: Sequence[float]) -> Estimate:
    """Estimate by which factor a value changes from one round to the next.

    Args:
        rounds: Their numbers, at least two different ones, shape (n,), n >= 3.
        values: One per round, each above 0, shape (n,).
    Returns:
        The factor of the least-squares line through the logarithms, with the Student t interval of its slope.
    Raises:
        SampleError: A value is zero, negative or not finite.
    Source:
        Draper and Smith, "Applied Regression Analysis", 3rd edition, section 1.4.
    """
    logarithms = [_logarithm(value) for value in values]
    slope, intercept = statistics.linear_regression(rounds, logarithms)
    freedom = len(rounds) - 2
    left = sum((value - intercept - slope * x) ** 2 for x, value in zip(rounds, logarithms, strict=True))
    spread = (statistics.fmean(x * x for x in rounds) - statistics.fmean(rounds) ** 2) * len(rounds)
    half_width = students_quantile(freedom) * math.sqrt(left / freedom / spread)
    return exponential(Estimate(value=slope, low=slope - half_width, high=slope + half_width, samples=len(rounds)))


def independent_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
    """Estimate a ratio from samples of two days or two machines.

    Nothing pairs them, so differences between the days or machines stay in the interval.

    Args:
        numerators: Each above 0, shape (n,), n >= 1.
        denominators: The same, of any length m >= 1.
    Returns:
        The ratio of the geometric means, and Welch's interval of the logarithms taken back; the interval is ``None``
        where a sample has one value alone. ``samples`` counts both.
    Raises:
        SampleError: A sample is empty, or a value is zero, negative or not finite.
    Source:
        Welch, "The generalization of 'Student's' problem when several different population variances are involved",
        Biometrika 34, 1947: unequal variances, degrees of freedom by Satterthwaite's approximation.
    """
    if not numerators or not denominators:
        raise SampleError("There is no value to compare.")
    above, below = ([_logarithm(value) for value in values] for values in (numerators, denominators))
    difference = statistics.fmean(above) - statistics.fmean(below)
    samples = len(above) + len(below)
    if min(len(above), len(below)) == 1:
        return exponential(Estimate(value=difference, low=None, high=None, samples=samples))
    half_width = _half_width(above, below)
    return exponential(
        Estimate(value=difference, low=difference - half_width, high=difference + half_width, samples=samples)
    )


def _half_width(above: Sequence[float], below: Sequence[float]) -> float:
    shares = [statistics.variance(sample) / len(sample) for sample in (above, below)]
    variance = sum(shares)
    if variance == 0:
        return 0.0
    # As shares of the whole, so that nothing underflows.
    freedom = 1 / sum(
        (share / variance) ** 2 / (len(sample) - 1) for share, sample in zip(shares, (above, below), strict=True)
    )
    return students_quantile(freedom) * math.sqrt(variance)


def median_and_range(values: Sequence[float]) -> Estimate:
    """Summarise counts that should not vary, such as threads: the median, and the least and most seen.

    A t interval means nothing for a count that is the same in every trial, and misleads if it jumps once. The range is
    what was seen; over six trials or more it is also a 95 % interval of the median.

    Args:
        values: One per trial, shape (n,), n >= 1.
    Returns:
        The median with the range as ``low`` and ``high``, which are ``None`` for one value.
    Raises:
        SampleError: There is no value.
    Source:
        David and Nagaraja, "Order Statistics", 3rd edition, 2003, section 7.1: n values span the median with
        probability 1 - 2^(1 - n).
    """
    if not values:
        raise SampleError("There is no value to summarise.")
    if len(values) == 1:
        return Estimate(value=float(values[0]), low=None, high=None, samples=1, confidence=None)
    low, high = float(min(values)), float(max(values))
    return Estimate(value=float(statistics.median(values)), low=low, high=high, samples=len(values), confidence=None)


def bounds(estimate: Estimate) -> tuple[float, float]:
    """Return the interval; a missing one rules nothing out, so it is infinite."""
    low = -math.inf if estimate.low is None else estimate.low
    return low, math.inf if estimate.high is None else estimate.high


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

    They are if the decision would change with the interval widened by their resolution. They also are if several
    rounds came out the same: measurements vary, so these were counted too coarsely.

    Args:
        estimate: Over rounds.
        decide: The decision that rests on it.
    """
    low, high = estimate.low, estimate.high
    if low is None or high is None:
        return False
    if has_no_width(estimate):
        return True
    factor = 1 + estimate.resolution
    return decide(dataclasses.replace(estimate, low=low / factor, high=high * factor)) != decide(estimate)


def _logarithm(value: float) -> float:
    if not 0 < value < math.inf:
        raise SampleError(f"{value} has no ratio to anything: every value must be above 0 and finite.")
    return math.log(value)


def exponential(estimate: Estimate) -> Estimate:
    """Return the estimate of a value from the estimate of its logarithm."""
    low, high = (None if bound is None else _exp(bound) for bound in (estimate.low, estimate.high))
    return dataclasses.replace(estimate, value=_exp(estimate.value), low=low, high=high)


def _exp(value: float) -> float:
    # Two rounds that differ wildly have an infinite interval, not an OverflowError.
    return math.inf if value > _LARGEST_EXPONENT else math.exp(value)
