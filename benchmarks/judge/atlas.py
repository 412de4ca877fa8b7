"""Reads a sweep into surfaces: the rate of each contender and the ratio of each two, anywhere on the map.

Ordinary kriging: a place is estimated from the measured ones around it, nearer ones counting more. The error follows
from the roughness of the quantity and the noise of repeated measurements. Each measured place is also left out once and
estimated from the others; if that error is larger than predicted, every interval is widened accordingly.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from benchmarks import trials
from benchmarks.errors import LabError
from benchmarks.judge.comparison import standing
from benchmarks.judge.judgement import Comparison, Estimate
from benchmarks.judge.statistics import around, exponential
from benchmarks.judge.theory import Array, is_timed, log_theory, measure_capacity, placed, read_points, theory_per_s
from benchmarks.model import Place, Run, Trial

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


class EmptyMapError(LabError):
    """No point of the sweep counts, so there is no map; the message says why and what to do."""


class Atlas:
    """A sweep, complete or not, ready to be asked about any place.

    The surfaces hold measurement over theory: that is nearly flat, while rates have knees that no interpolation meets.

    Attributes:
        run: As it was recorded.
        points: The trials that count.
        blanks: The trials that do not, with their places.
        contenders: Those with a point, in the plan's order.
        capacities: What limits each of them, by id.
        rates: The logarithms of a contender's measured rates, by contender and place, in the order of the map.
    """

    def __init__(self, run: Run) -> None:
        """Read a sweep.

        Raises:
            EmptyMapError: No point counts.
        """
        self.run = run
        self.points = tuple(read_points(run))
        self.blanks = tuple(each for each in placed(run) if trials.void_reason(each[1]) is not None)
        if not self.points:
            reasons = [str(trials.void_reason(trial)).splitlines()[0] for _, trial in self.blanks]
            because = f" The first of {len(reasons)} that do not: {reasons[0]}." if reasons else ""
            raise EmptyMapError(
                f"No point of this sweep counts, so there is no map.{because} Measure one: lab crossover --budget 10m"
            )
        own = {
            contender.id: [p for p in self.points if p.contender == contender.id] for contender in run.plan.contenders
        }
        self.contenders = tuple(contender for contender in run.plan.contenders if own[contender.id])
        self.capacities = {each.id: measure_capacity(each.id, own[each.id]) for each in self.contenders}
        self.rates = {
            name: dict(sorted(_by_place((p.place, math.log(p.rate_per_s)) for p in own[name]).items()))
            for name in self.capacities
        }
        over_theory = {
            name: {
                (point.place, point.visit): math.log(point.rate_per_s / theory_per_s(capacity, point.place))
                for point in own[name]
            }
            for name, capacity in self.capacities.items()
        }
        timed = {
            name: {place for place in self.rates[name] if is_timed(capacity, place)}
            for name, capacity in self.capacities.items()
        }
        self._visits = {name: frozenset(visits) for name, visits in over_theory.items()}
        self._together: dict[tuple[str, str], Mapping[Place, int]] = {}
        self._over_theory = {
            name: Surface(_by_place((place, value) for (place, _), value in visits.items()), timed[name])
            for name, visits in over_theory.items()
        }
        self._ratios: dict[tuple[str, str], Surface] = {}
        for above, below in itertools.combinations(self.capacities, 2):
            both = _by_place(
                (visit[0], value - over_theory[below][visit])
                for visit, value in over_theory[above].items()
                if visit in over_theory[below]
            )
            if both:
                self._ratios[above, below] = Surface(both, timed[above] & timed[below])

    @functools.cached_property
    def visits(self) -> Mapping[Place, int]:
        """How often each place was visited, including visits without a valid trial."""
        return Counter(place for place, _ in sorted({(place, trial.round) for place, trial in placed(self.run)}))

    @functools.cached_property
    def failures(self) -> Mapping[str, Sequence[tuple[Place, Trial]]]:
        """By contender, the trials in which it failed its clients, unless it did well where as much is asked."""
        found = {}
        for contender in self.run.plan.contenders:
            own = [each for each in self.blanks if trials.gave_up(each[1]) and each[1].contender == contender.id]
            places = trials.given_up_at([place for place, _ in own], self.rates.get(contender.id, ()))
            found[contender.id] = [each for each in own if each[0] in places]
        return found

    def gave_up(self, contender: str, place: Place) -> bool:
        """Tell whether a contender failed its clients at this place, or at one that is no more demanding."""
        return any(failed.asks_no_more_than(place) for failed, _ in self.failures[contender])

    @property
    def noise(self) -> float:
        """How much a rate varies when it is measured again, as a fraction; the largest of the contenders'."""
        return max(math.expm1(surface.noise) for surface in self._over_theory.values())

    @property
    def left_out(self) -> float | None:
        """How far a rate is off when its place is estimated from the others, as a fraction; the largest."""
        errors = [surface.left_out for surface in self._over_theory.values() if surface.left_out is not None]
        return math.expm1(max(errors)) if errors else None

    def log_rates(self, contender: str, places: Sequence[Place]) -> tuple[Array, Array]:
        """Return the logarithm of a contender's rate at each place, and its standard deviation."""
        over_theory, deviation = self._over_theory[contender].estimate(places)
        return over_theory + self.log_theory(contender, places), deviation

    def log_ratios(self, pairs: Sequence[tuple[str, str]], places: Sequence[Place]) -> tuple[Array, Array]:
        """Return the logarithm of the ratio of two contenders' rates, and its standard deviation, at each place.

        From visits of both, in which the machine was the same; if there is none, from the two rates.

        Args:
            pairs: The contenders, one pair for each place.
            places: Measured or not.
        """
        value, deviation = np.zeros(len(places)), np.zeros(len(places))
        for pair in dict.fromkeys(pairs):
            here = [each == pair for each in pairs]
            value[here], deviation[here] = self._log_ratios(*pair, list(itertools.compress(places, here)))
        return value, deviation

    def _log_ratios(self, above: str, below: str, places: Sequence[Place]) -> tuple[Array, Array]:
        if above == below:
            return np.zeros(len(places)), np.zeros(len(places))
        theory = self.log_theory(above, places) - self.log_theory(below, places)
        for sign, pair in ((1, (above, below)), (-1, (below, above))):
            if pair in self._ratios:
                value, deviation = self._ratios[pair].estimate(places)
                return theory + sign * value, deviation
        (first, first_deviation), (second, second_deviation) = (
            self._over_theory[name].estimate(places) for name in (above, below)
        )
        return first - second + theory, np.hypot(first_deviation, second_deviation)

    def log_theory(self, contender: str, places: Sequence[Place]) -> Array:
        """Return the logarithm of the rate that the theory allows a contender at each place."""
        return log_theory(self.capacities[contender], places)

    def estimates(self, contender: str, places: Sequence[Place]) -> list[Estimate]:
        """Estimate a contender's rate per second at each place, with its 95 % interval."""
        values, deviations = self.log_rates(contender, places)
        measured = self.rates[contender]
        return [
            estimate_of(value, deviation, len(measured.get(place, ())))
            for value, deviation, place in zip(values.tolist(), deviations.tolist(), places, strict=True)
        ]

    def compare(self, pairs: Sequence[tuple[str, str]], places: Sequence[Place]) -> list[Comparison]:
        """Compare two contenders at each place, measured or not: one pair for each place."""
        values, deviations = self.log_ratios(pairs, places)
        return [
            comparison_at(*pair, place, estimate_of(value, deviation, self.samples(*pair, place)))
            for pair, place, value, deviation in zip(pairs, places, values.tolist(), deviations.tolist(), strict=True)
        ]

    def samples(self, above: str, below: str, place: Place) -> int:
        """Return the number of visits to a place in which both contenders have a point."""
        if (above, below) not in self._together:
            both = self._visits[above] & self._visits[below]
            self._together[above, below] = Counter(at for at, _ in both)
        return self._together[above, below].get(place, 0)


def comparison_at(above: str, below: str, place: Place, rate: Estimate, framework: str = "") -> Comparison:
    """Return the comparison of two contenders at a place, with a ratio of their rates."""
    return Comparison(
        above=above,
        below=below,
        workload=f"wait-{place.wait_ms:g}ms",
        framework=framework,
        place=place,
        rate=rate,
        standing=standing(rate),
    )


def estimate_of(logarithm: float, deviation: float, samples: int) -> Estimate:
    """Return a value and its 95 % interval from its logarithm and that one's standard deviation."""
    return exponential(around(logarithm, Z_95 * deviation, samples))


def _by_place(values: Iterable[tuple[Place, float]]) -> dict[Place, list[float]]:
    grouped: dict[Place, list[float]] = {}
    for place, value in values:
        grouped.setdefault(place, []).append(value)
    return grouped


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
        # For each roughness, shape (roughness, place, place).
        covariances = np.multiply.outer(_VARIANCES, _kernel(_distances(self._at, self._at))) + np.diag(errors)
        inverses = np.asarray(np.linalg.inv(covariances), dtype=np.float64)
        likeliest = int(np.argmax(_likelihoods(covariances, inverses, values)))
        self._variance, self._inverse = _VARIANCES[likeliest], inverses[likeliest]
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


def _likelihoods(covariances: Array, inverses: Array, values: Array) -> Array:
    """Return the logarithm of the restricted likelihood of each covariance, but for what is the same for all."""
    totals = inverses.sum(axis=(1, 2))
    means = (inverses @ values).sum(axis=1) / totals
    off = values - means[:, None]
    misfits = np.einsum("ki,kij,kj->k", off, inverses, off)
    _, determinants = np.linalg.slogdet(covariances)
    likelihoods: Array = -0.5 * (misfits + determinants + np.log(totals))
    return likelihoods


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
