"""Sums up a quantity that several studies measured, each with its own error and perhaps its own true value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.judge.distributions import chi_square_tail
from benchmarks.judge.statistics import SampleError, students_quantile

_SMALLEST_VARIANCE = 1e-12
"""Of a study whose rounds agreed to the last digit: a ten-thousandth of a percent. Chance, not certainty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomEffects:
    """The sum of several studies, on the scale that they were given in.

    Attributes:
        mean: Of what the studies measured, over all such studies.
        low: Lower end of the mean's 95 % interval.
        high: Upper end.
        tau_squared: Variance of the true values between studies.
        i_squared: Share of the spread that the studies' own errors do not explain, 0 to 1.
        q: Cochran's Q: the weighted squares about the weighted mean.
        q_probability: How often Q would be as large, were all true values the same.
        predicted_low: Lower end of the 95 % interval for the true value of one more study; ``None`` for two studies.
        predicted_high: Upper end.
        weights: Of the studies in the mean, in their order; they add up to 1.
    """

    mean: float
    low: float
    high: float
    tau_squared: float
    i_squared: float
    q: float
    q_probability: float
    predicted_low: float | None
    predicted_high: float | None
    weights: tuple[float, ...]

    @property
    def between_factor(self) -> float:
        """By which the studies' own ratios differ, where their logarithms were summed up: one standard deviation."""
        return math.exp(math.sqrt(self.tau_squared))


def sum_up(values: Sequence[float], variances: Sequence[float]) -> RandomEffects:
    """Sum up studies by the random-effects model.

    Args:
        values: What each study measured, shape (k,), k >= 2; logarithms, where ratios are summed up.
        variances: Squared standard error of each, not negative.
    Raises:
        SampleError: There are fewer than two, the lengths differ, or a number is not finite or a variance negative.
    Source:
        Between studies: Paule and Mandel, "Consensus values and weighting factors", J. Research NBS 87(5), 1982, which
        Veroniki and others, "Methods to estimate the between-study variance and its uncertainty in meta-analysis",
        Research Synthesis Methods 7, 2016, recommend.
        The interval: Hartung and Knapp, "A refined method for the meta-analysis of controlled clinical trials with
        binary outcome", Statistics in Medicine 20, 2001, and Sidik and Jonkman 2002, with k - 1 degrees of freedom.
        Their factor Q(tau²) / (k - 1) is 1 at Paule and Mandel's tau², and less only where that is 0; there it is kept
        at 1, as Röver, Knapp and Friede, "Hartung-Knapp-Sidik-Jonkman approach and its modification for random-effects
        meta-analysis with few studies", BMC Medical Research Methodology 15:99, 2015, advise. So it is 1 throughout.
        I²: Higgins and Thompson, "Quantifying heterogeneity in a meta-analysis", Statistics in Medicine 21, 2002.
        The prediction: Higgins, Thompson and Spiegelhalter, "A re-evaluation of random-effects meta-analysis", J. Royal
        Statistical Society A 172, 2009, with k - 2 degrees of freedom.
    """
    studies = len(values)
    _check(values, variances)
    variances = [max(variance, _SMALLEST_VARIANCE) for variance in variances]
    freedom = studies - 1
    q = _q(values, variances, 0.0)
    tau_squared = _paule_mandel(values, variances)
    weights = [1 / (variance + tau_squared) for variance in variances]
    total = math.fsum(weights)
    mean = _mean(values, weights)
    half_width = students_quantile(freedom) / math.sqrt(total)
    predicted = None if studies == 2 else students_quantile(studies - 2) * math.sqrt(tau_squared + 1 / total)
    return RandomEffects(
        mean=mean,
        low=mean - half_width,
        high=mean + half_width,
        tau_squared=tau_squared,
        i_squared=max(0.0, (q - freedom) / q) if q > 0 else 0.0,
        q=q,
        q_probability=chi_square_tail(freedom, q),
        predicted_low=None if predicted is None else mean - predicted,
        predicted_high=None if predicted is None else mean + predicted,
        weights=tuple(weight / total for weight in weights),
    )


def _check(values: Sequence[float], variances: Sequence[float]) -> None:
    if len(values) != len(variances):
        raise SampleError(f"{len(values)} values cannot have {len(variances)} variances.")
    if len(values) < 2:
        raise SampleError("It takes two studies or more to sum up.")
    for value, variance in zip(values, variances, strict=True):
        if not math.isfinite(value) or not 0 <= variance < math.inf:
            raise SampleError(f"{value} with a variance of {variance} cannot be summed up.")


def _paule_mandel(values: Sequence[float], variances: Sequence[float]) -> float:
    """Return the variance between studies at which Q is what it is expected to be, or 0 where it is less already."""
    expected = len(values) - 1
    if _q(values, variances, 0.0) <= expected:
        return 0.0
    # Q falls as the variance grows, so there is one such place. It is below the squared range: about the middle of the
    # range no square is above a quarter of that, and about the weighted mean their weighted sum is smaller still.
    low, high = 0.0, (max(values) - min(values)) ** 2
    # Until the two are neighbours as floating-point numbers.
    while low < (middle := (low + high) / 2) < high:
        if _q(values, variances, middle) > expected:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _q(values: Sequence[float], variances: Sequence[float], tau_squared: float) -> float:
    weights = [1 / (variance + tau_squared) for variance in variances]
    mean = _mean(values, weights)
    return math.fsum(weight * (value - mean) ** 2 for value, weight in zip(values, weights, strict=True))


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    weighted = math.fsum(weight * value for value, weight in zip(values, weights, strict=True))
    return weighted / math.fsum(weights)
