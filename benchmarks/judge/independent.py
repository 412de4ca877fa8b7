"""Compares two samples that share no round: the ratio of their geometric means, with its interval."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from benchmarks.judge.judgement import Estimate
from benchmarks.judge.statistics import SampleError, exponential, students_quantile


def independent_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
    """Estimate how many times the one is the other, from samples of two days or two machines.

    Nothing pairs them, so what each day or machine has of its own stays in the interval.

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
    above, below = _logarithms(numerators), _logarithms(denominators)
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


def _logarithms(values: Sequence[float]) -> list[float]:
    if not values:
        raise SampleError("There is no value to compare.")
    for value in values:
        if not 0 < value < math.inf:
            raise SampleError(f"{value} has no ratio to anything: every value must be above 0 and finite.")
    return [math.log(value) for value in values]
