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
"""What a repeated measurement is taken to vary by, until there are enough repeats to say: 5 %."""

_PRIOR_WEIGHT = 2.0
_LEAST_NOISE = 0.005
_LEAST_SPREAD = 0.03
_LENGTH_OCTAVES = 3.0
"""Distance over which a quantity may change freely: a factor of eight in connections or in waits."""


def coordinates(places: Sequence[Place]) -> Array:
    """Return places on the map's logarithmic axes, in octaves, shape (n, 2); a wait of 0 lies one below 1 ms."""
    return np.array([[math.log2(1 + place.wait_ms), math.log2(place.connections)] for place in places]).reshape(-1, 2)


def pooled_noise(samples: Sequence[tuple[Place, float]]) -> float:
    """Return the standard deviation of measuring again, pooled over all places that were.

    Args:
        samples: A place and a logarithm each.
    Returns:
        A standard deviation of logarithms, drawn towards ``PRIOR_NOISE`` where there are few repeats.
    """
    squares, freedom = 0.0, 0
    for values in _by_place(samples).values():
        mean = sum(values) / len(values)
        squares += sum((value - mean) ** 2 for value in values)
        freedom += len(values) - 1
    variance = (squares + _PRIOR_WEIGHT * PRIOR_NOISE**2) / (freedom + _PRIOR_WEIGHT)
    return max(_LEAST_NOISE, math.sqrt(variance))


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A quantity, in logarithms, over the whole map.

    Attributes:
        noise: Standard deviation of measuring again.
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
        near = self._variance * _kernel(coordinates(places), self._at)
        value = self._mean + near @ self._weights
        solved = near @ self._inverse
        total = float(self._inverse.sum())
        # What is not known of the mean itself is known less the farther the measured places are.
        unknown_mean = (1 - solved.sum(axis=1)) ** 2 / total
        variance = self._variance - np.einsum("ij,ij->i", solved, near) + unknown_mean
        return value, self.stretch * np.sqrt(np.maximum(variance, 0.0))


def fit(samples: Sequence[tuple[Place, float]]) -> Surface:
    """Fit a surface.

    Args:
        samples: A place and a logarithm each, at least one; a place may come several times.
    Source:
        Cressie, "Statistics for Spatial Data", revised edition, 1993, section 3.2 (ordinary kriging); Matern covariance
        of smoothness 3/2. Dubrule, "Cross validation of kriging in a unique neighborhood", Mathematical Geology 15(6),
        1983: the errors with each place left out come from the inverse alone. Widening by them is ours.
    """
    noise = pooled_noise(samples)
    places = _by_place(samples)
    at = coordinates(list(places))
    values = np.array([sum(each) / len(each) for each in places.values()])
    errors = np.array([noise**2 / len(each) for each in places.values()])
    spread = float(np.var(values)) - float(errors.mean()) if len(values) > 1 else 0.0
    variance = max(_LEAST_SPREAD**2, spread)
    inverse = np.asarray(np.linalg.inv(variance * _kernel(at, at) + np.diag(errors)), dtype=np.float64)
    mean = float((inverse @ values).sum() / inverse.sum())
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


def _kernel(first: Array, second: Array) -> Array:
    distance = np.sqrt(((first[:, None, :] - second[None, :, :]) ** 2).sum(axis=2))
    scaled = math.sqrt(3) * distance / _LENGTH_OCTAVES
    correlation: Array = (1 + scaled) * np.exp(-scaled)
    return correlation


def _by_place(samples: Sequence[tuple[Place, float]]) -> dict[Place, list[float]]:
    grouped: dict[Place, list[float]] = {}
    for place, value in samples:
        grouped.setdefault(place, []).append(value)
    return grouped
