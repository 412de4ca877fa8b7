"""Reads a sweep into surfaces: the rate of each contender and the ratio of each two, anywhere on the map."""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from benchmarks import trials
from benchmarks.errors import LabError
from benchmarks.judge.comparison import standing
from benchmarks.judge.judgement import Comparison, Estimate
from benchmarks.judge.surface import Z_95, Array, Surface
from benchmarks.judge.theory import Blank, is_timed, measure_capacity, read_blanks, read_points, theory_per_s
from benchmarks.model import Place, Run


class EmptyMapError(LabError):
    """No point of the sweep counts, so there is no map; the message says why and what to do."""


class Atlas:
    """A sweep, complete or not, ready to be asked about any place.

    The surfaces hold measurement over theory: that is nearly flat, while rates have knees that no interpolation meets.

    Attributes:
        run: As it was recorded.
        points: The trials that count.
        blanks: The trials that do not.
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
        self.points, self.blanks = read_points(run), read_blanks(run)
        if not self.points:
            blanks = self.blanks
            because = f" The first of {len(blanks)} that do not: {blanks[0].reason.splitlines()[0]}." if blanks else ""
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
        points = {(point.place, point.visit) for point in self.points}
        return Counter(place for place, _ in sorted(points | {(blank.place, blank.visit) for blank in self.blanks}))

    @functools.cached_property
    def failures(self) -> Mapping[str, Sequence[Blank]]:
        """By contender, the trials in which it failed its clients, unless it did well where as much is asked."""
        found = {}
        for contender in self.run.plan.contenders:
            own = [blank for blank in self.blanks if blank.gave_up and blank.contender == contender.id]
            places = trials.given_up_at([blank.place for blank in own], self.rates.get(contender.id, ()))
            found[contender.id] = [blank for blank in own if blank.place in places]
        return found

    def gave_up(self, contender: str, place: Place) -> bool:
        """Tell whether a contender failed its clients at this place, or at one that is no more demanding."""
        return any(blank.place.asks_no_more_than(place) for blank in self.failures[contender])

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

    def log_ratios(self, above: str, below: str, places: Sequence[Place]) -> tuple[Array, Array]:
        """Return the logarithm of the ratio of two contenders' rates at each place, and its standard deviation.

        From visits of both, in which the machine was the same; if there is none, from the two rates.
        """
        if above == below:
            return np.zeros(len(places)), np.zeros(len(places))
        theory = self.log_theory(above, places) - self.log_theory(below, places)
        if (above, below) in self._ratios:
            value, deviation = self._ratios[above, below].estimate(places)
            return value + theory, deviation
        if (below, above) in self._ratios:
            value, deviation = self._ratios[below, above].estimate(places)
            return theory - value, deviation
        (first, first_deviation), (second, second_deviation) = (
            self._over_theory[name].estimate(places) for name in (above, below)
        )
        return first - second + theory, np.hypot(first_deviation, second_deviation)

    def log_theory(self, contender: str, places: Sequence[Place]) -> Array:
        """Return the logarithm of the rate that the theory allows a contender at each place."""
        return np.array([math.log(theory_per_s(self.capacities[contender], place)) for place in places])

    def rate(self, contender: str, place: Place) -> Estimate:
        """Estimate a contender's rate per second at one place, with its 95 % interval."""
        value, deviation = self.log_rates(contender, [place])
        return estimate_of(float(value[0]), float(deviation[0]), len(self.rates[contender].get(place, ())))

    def compare(self, above: str, below: str, place: Place) -> Comparison:
        """Compare two contenders at one place, measured or not."""
        value, deviation = self.log_ratios(above, below, [place])
        rate = estimate_of(float(value[0]), float(deviation[0]), self.samples(above, below, place))
        return comparison_at(above, below, place, rate)

    def samples(self, above: str, below: str, place: Place) -> int:
        """Return the number of visits to a place in which both contenders have a point."""
        return sum(at == place for at, _ in self._visits[above] & self._visits[below])


def comparison_at(above: str, below: str, place: Place, rate: Estimate) -> Comparison:
    """Return the comparison of two contenders at a place, with a ratio of their rates."""
    workload = f"wait-{place.wait_ms:g}ms"
    return Comparison(above=above, below=below, workload=workload, place=place, rate=rate, standing=standing(rate))


def estimate_of(logarithm: float, deviation: float, samples: int) -> Estimate:
    """Return a value and its 95 % interval from its logarithm and that one's standard deviation."""
    low, value, high = (math.exp(logarithm + step * deviation) for step in (-Z_95, 0.0, Z_95))
    return Estimate(value=value, low=low, high=high, samples=samples)


def _by_place(values: Iterable[tuple[Place, float]]) -> dict[Place, list[float]]:
    grouped: dict[Place, list[float]] = {}
    for place, value in values:
        grouped.setdefault(place, []).append(value)
    return grouped
