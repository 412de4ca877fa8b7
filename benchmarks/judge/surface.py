"""Estimates a quantity between the places where it was measured, with the error of the estimate.

Ordinary kriging: a place is estimated from the measured ones around it, nearer ones counting more. The error follows
from the roughness of the quantity and the noise of repeated measurements. Each measured place is also left out once and
estimated from the others; if that error is larger than predicted, every interval is widened accordingly.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.model import Place

Array = NDArray[np.float64]

Z_95 = 1.959964
"""Quantile of the normal distribution for a 95 % interval."""

PRIOR_NOISE = 0.05
"""Assumed variation of repeated measurements of work, until there are enough repeats: 5 %."""

PRIOR_TIMED_NOISE = 0.01
"""The same where a timer sets the rate, not work: 1 %."""

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


def pooled_noise(repeated: Iterable[Sequence[float]], prior: float = PRIOR_NOISE) -> float:
    """Return the standard deviation of repeated measurements, pooled over all places.

    Args:
        repeated: The logarithms measured at each place.
        prior: The deviation assumed without any repeat.
    Returns:
        A standard deviation of logarithms, drawn towards the prior where there are few repeats.
    """
    squares, freedom = 0.0, 0
    for values in repeated:
        mean = sum(values) / len(values)
        squares += sum((value - mean) ** 2 for value in values)
        freedom += len(values) - 1
    variance = (squares + _PRIOR_WEIGHT * prior**2) / (freedom + _PRIOR_WEIGHT)
    return max(_LEAST_NOISE, math.sqrt(variance))


class Surface:
    """A quantity, in logarithms, over the whole map.

    Attributes:
        noise: Standard deviation of measuring work again; what a timer sets has a noise of its own.
        left_out: Root mean square of the errors with each place left out once; ``None`` with fewer than three places.
        stretch: The factor by which these errors widen intervals, 1 or more.
    Source:
        Cressie, "Statistics for Spatial Data", revised edition, 1993: section 3.2, ordinary kriging; section 2.6,
        restricted maximum likelihood, by which the roughness is chosen. Matern covariance of smoothness 3/2. Dubrule,
        "Cross validation of kriging in a unique neighborhood", Mathematical Geology 15(6), 1983: the errors with each
        place left out come from the inverse alone. Widening by them is ours.
    """

    def __init__(self, measured: Mapping[Place, Sequence[float]], timed: Collection[Place] = ()) -> None:
        """Fit a surface.

        Args:
            measured: The logarithm of each visit's value by place; at least one place.
            timed: Places where a timer sets the value rather than work; those are steadier.
        """
        self.noise = pooled_noise(values for place, values in measured.items() if place not in timed)
        timed_noise = pooled_noise((measured[place] for place in measured if place in timed), PRIOR_TIMED_NOISE)
        values = np.array([sum(each) / len(each) for each in measured.values()])
        errors = np.array(
            [(timed_noise if place in timed else self.noise) ** 2 / len(each) for place, each in measured.items()]
        )
        self._at = coordinates(list(measured))
        correlation = _kernel(_distances(self._at, self._at))
        self._variance = max(_VARIANCES, key=lambda chosen: _likelihood(chosen * correlation + np.diag(errors), values))
        self._inverse = _inverse(self._variance * correlation + np.diag(errors))
        self._mean = _mean(self._inverse, values)
        self._weights = self._inverse @ (values - self._mean)
        self.left_out: float | None = None
        self.stretch = 1.0
        if len(values) > 2:
            precision = np.diag(self._inverse)
            misses = self._weights / precision
            self.left_out = math.sqrt(float(np.mean(misses**2)))
            self.stretch = max(1.0, math.sqrt(float(np.mean(misses**2 * precision))))

    def estimate(self, places: Sequence[Place]) -> tuple[Array, Array]:
        """Return the quantity and its standard deviation at each place, shape (n,) both."""
        distance = _distances(coordinates(places), self._at)
        near = self._variance * _kernel(distance)
        value = self._mean + near @ self._weights
        solved = near @ self._inverse
        total = float(self._inverse.sum())
        # The mean itself is less certain the farther away the measured places are.
        unknown_mean = (1 - solved.sum(axis=1)) ** 2 / total
        variance = self._variance - np.einsum("ij,ij->i", solved, near) + unknown_mean
        # A knee is no smooth surface: an octave from the nearest measured place the error is that of a place left out,
        # and part of it remains at measured places.
        share = _KNEE_SHARE + (1 - _KNEE_SHARE) * np.minimum(distance.min(axis=1) / _KNEE_OCTAVES, 1.0)
        knees = (self.left_out or 0.0) ** 2 * share
        return value, np.sqrt(self.stretch**2 * np.maximum(variance, 0.0) + knees)


def _likelihood(covariance: Array, values: Array) -> float:
    """Return the logarithm of the restricted likelihood, but for what is the same for every covariance."""
    inverse = _inverse(covariance)
    off = values - _mean(inverse, values)
    _, determinant = np.linalg.slogdet(covariance)
    return -0.5 * (float(off @ inverse @ off) + float(determinant) + math.log(float(inverse.sum())))


def _inverse(covariance: Array) -> Array:
    return np.asarray(np.linalg.inv(covariance), dtype=np.float64)


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
