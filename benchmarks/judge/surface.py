"""Estimates a quantity between the places where it was measured, and how sure that is.

Ordinary kriging: a place is estimated from the measured ones around it, nearer ones counting more, with the error that
follows from how rough the quantity is and how much it varies when measured again. Each measured place is also left out
once and estimated from the others; where that error is larger than promised, every interval is widened by as much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.model import Place

Array = NDArray[np.float64]

Z_95 = 1.959964
"""Quantile of the normal distribution for a 95 % interval."""

PRIOR_NOISE = 0.05
"""What a repeated measurement of work is taken to vary by, until there are enough repeats to say: 5 %."""

PRIOR_TIMED_NOISE = 0.01
"""The same where a timer makes the rate, not work: 1 %."""

_PRIOR_WEIGHT = 2.0
_LEAST_NOISE = 0.003
_VARIANCES = tuple(0.02**2 * 2.0**step for step in range(14))
"""How rough a quantity may be, as a variance of logarithms: from 2 % to a factor of six."""

_KNEE_OCTAVES = 1.0
_KNEE_SHARE = 0.15
_LENGTH_OCTAVES = 2.0
"""Distance over which a quantity may change freely: a factor of four in connections or in waits."""


def coordinates(places: Sequence[Place]) -> Array:
    """Return places on the map's logarithmic axes, in octaves, shape (n, 2); a wait of 0 lies one below 1 ms."""
    return np.array([[math.log2(1 + place.wait_ms), math.log2(place.connections)] for place in places]).reshape(-1, 2)


@dataclass(frozen=True, slots=True)
class Sample:
    """A quantity at one visit.

    Attributes:
        place: Where.
        value: Its logarithm.
        timed: Whether a timer makes it rather than work; such quantities are steadier, and have a noise of their own.
    """

    place: Place
    value: float
    timed: bool = False


def pooled_noise(samples: Sequence[Sample], prior: float = PRIOR_NOISE) -> float:
    """Return the standard deviation of measuring again, pooled over all places that were.

    Args:
        samples: Of one kind.
        prior: What it is without any repeat.
    Returns:
        A standard deviation of logarithms, drawn towards the prior where there are few repeats.
    """
    squares, freedom = 0.0, 0
    for values in _by_place(samples).values():
        mean = sum(values) / len(values)
        squares += sum((value - mean) ** 2 for value in values)
        freedom += len(values) - 1
    variance = (squares + _PRIOR_WEIGHT * prior**2) / (freedom + _PRIOR_WEIGHT)
    return max(_LEAST_NOISE, math.sqrt(variance))


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A quantity, in logarithms, over the whole map.

    Attributes:
        noise: Standard deviation of measuring work again; of what a timer makes it is another.
        left_out: Root mean square of the errors with each place left out once; ``None`` with fewer than three places.
        stretch: By how much intervals are widened because of these, 1 or more.
    """

    noise: float
    left_out: float | None
    stretch: float
    _at: Array
    _inverse: Array
    _weights: Array
    _mean: float
    _variance: float

    def estimate(self, places: Sequence[Place]) -> tuple[Array, Array]:
        """Return the quantity and its standard deviation at each place, shape (n,) both."""
        distance = _distances(coordinates(places), self._at)
        near = self._variance * _kernel(distance)
        value = self._mean + near @ self._weights
        solved = near @ self._inverse
        total = float(self._inverse.sum())
        # What is not known of the mean itself is known less the farther the measured places are.
        unknown_mean = (1 - solved.sum(axis=1)) ** 2 / total
        variance = self._variance - np.einsum("ij,ij->i", solved, near) + unknown_mean
        # Knees are no smooth surface: an octave from the nearest measured place, the error is that of a place left out,
        # and some of it remains where somebody was.
        share = _KNEE_SHARE + (1 - _KNEE_SHARE) * np.minimum(distance.min(axis=1) / _KNEE_OCTAVES, 1.0)
        knees = (self.left_out or 0.0) ** 2 * share
        return value, np.sqrt(self.stretch**2 * np.maximum(variance, 0.0) + knees)


def fit(samples: Sequence[Sample]) -> Surface:
    """Fit a surface.

    Args:
        samples: At least one; a place may come several times.
    Source:
        Cressie, "Statistics for Spatial Data", revised edition, 1993: section 3.2, ordinary kriging; section 2.6,
        restricted maximum likelihood, by which the roughness is chosen. Matern covariance of smoothness 3/2. Dubrule,
        "Cross validation of kriging in a unique neighborhood", Mathematical Geology 15(6), 1983: the errors with each
        place left out come from the inverse alone. Widening by them is ours.
    """
    working = [sample for sample in samples if not sample.timed]
    timed = [sample for sample in samples if sample.timed]
    noise, timed_noise = pooled_noise(working), pooled_noise(timed, PRIOR_TIMED_NOISE)
    places = _by_place(samples)
    steady = {sample.place for sample in timed}
    at = coordinates(list(places))
    values = np.array([sum(each) / len(each) for each in places.values()])
    errors = np.array([(timed_noise if place in steady else noise) ** 2 / len(each) for place, each in places.items()])
    correlation = _kernel(_distances(at, at))
    variance = max(_VARIANCES, key=lambda chosen: _likelihood(chosen * correlation + np.diag(errors), values))
    inverse = np.asarray(np.linalg.inv(variance * correlation + np.diag(errors)), dtype=np.float64)
    mean = _mean(inverse, values)
    weights = inverse @ (values - mean)
    left_out, stretch = None, 1.0
    if len(values) > 2:
        precision = np.diag(inverse)
        misses = weights / precision
        left_out = math.sqrt(float(np.mean(misses**2)))
        stretch = max(1.0, math.sqrt(float(np.mean(misses**2 * precision))))
    return Surface(
        noise=noise,
        left_out=left_out,
        stretch=stretch,
        _at=at,
        _inverse=inverse,
        _weights=weights,
        _mean=mean,
        _variance=variance,
    )


def _likelihood(covariance: Array, values: Array) -> float:
    """Return the logarithm of the restricted likelihood, but for what is the same for every covariance."""
    inverse = np.asarray(np.linalg.inv(covariance), dtype=np.float64)
    off = values - _mean(inverse, values)
    _, determinant = np.linalg.slogdet(covariance)
    return -0.5 * (float(off @ inverse @ off) + float(determinant) + math.log(float(inverse.sum())))


def _mean(inverse: Array, values: Array) -> float:
    return float((inverse @ values).sum() / inverse.sum())


def _distances(first: Array, second: Array) -> Array:
    """Return how far each place is from each other, in octaves."""
    distance: Array = np.sqrt(((first[:, None, :] - second[None, :, :]) ** 2).sum(axis=2))
    return distance


def _kernel(distance: Array) -> Array:
    scaled = math.sqrt(3) * distance / _LENGTH_OCTAVES
    correlation: Array = (1 + scaled) * np.exp(-scaled)
    return correlation


def _by_place(samples: Sequence[Sample]) -> dict[Place, list[float]]:
    grouped: dict[Place, list[float]] = {}
    for sample in samples:
        grouped.setdefault(sample.place, []).append(sample.value)
    return grouped
