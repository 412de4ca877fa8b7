"""Reads a sweep into surfaces: the rate of each contender and the ratio of each two, anywhere on the map."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.errors import LabError
from benchmarks.judge.comparison import standing
from benchmarks.judge.judgement import Comparison, Estimate
from benchmarks.judge.surface import Z_95, Array, Sample, Surface, fit
from benchmarks.judge.theory import (
    Blank,
    Capacity,
    Point,
    binding,
    is_timed,
    measure_capacity,
    read_blanks,
    read_points,
)
from benchmarks.model import Contender, Place, Run


class EmptyMapError(LabError):
    """No point of the sweep counts, so there is no map; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Atlas:
    """A sweep, read.

    The surfaces are of what was measured over what the theory says: that is nearly flat, where rates themselves have
    knees that no interpolation would get right.

    Attributes:
        run: As it was recorded.
        points: That count.
        blanks: That do not.
        contenders: Those with a point, in the plan's order.
        capacities: What limits each, by id.
    """

    run: Run
    points: tuple[Point, ...]
    blanks: tuple[Blank, ...]
    contenders: tuple[Contender, ...]
    capacities: Mapping[str, Capacity]
    _rates: Mapping[str, Surface]
    _ratios: Mapping[tuple[str, str], Surface]

    @property
    def visits(self) -> Mapping[Place, int]:
        """How often each place was visited, whatever came of it."""
        seen = {(point.place, point.visit) for point in self.points} | {
            (each.place, each.visit) for each in self.blanks
        }
        counts: dict[Place, int] = {}
        for place, _ in sorted(seen):
            counts[place] = counts.get(place, 0) + 1
        return counts

    @property
    def noise(self) -> float:
        """How much a rate varies when it is measured again, as a fraction; the largest of the contenders'."""
        return max(math.expm1(surface.noise) for surface in self._rates.values())

    @property
    def left_out(self) -> float | None:
        """How far a rate is off where a place is estimated from the others, as a fraction; the largest."""
        errors = [surface.left_out for surface in self._rates.values() if surface.left_out is not None]
        return math.expm1(max(errors)) if errors else None

    def log_rates(self, contender: str, places: Sequence[Place]) -> tuple[Array, Array]:
        """Return the logarithm of a contender's rate at each place, and its standard deviation."""
        over_theory, deviation = self._rates[contender].estimate(places)
        return over_theory + self.log_theory(contender, places), deviation

    def log_ratios(self, above: str, below: str, places: Sequence[Place]) -> tuple[Array, Array]:
        """Return the logarithm of how many times the rate of the one is that of the other, and its deviation.

        From visits of both, in which the machine was the same; where there is none, from the two rates.
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
            self._rates[name].estimate(places) for name in (above, below)
        )
        return first - second + theory, np.hypot(first_deviation, second_deviation)

    def rate(self, contender: str, place: Place) -> Estimate:
        """Estimate a contender's rate per second at one place, with its 95 % interval."""
        samples = sum(point.contender == contender and point.place == place for point in self.points)
        value, deviation = self.log_rates(contender, [place])
        return estimate_of(float(value[0]), float(deviation[0]), samples)

    def ratio(self, above: str, below: str, place: Place) -> Estimate:
        """Estimate how many times the rate of the one is that of the other at one place, with its 95 % interval."""
        samples = len(self._visits_of(above, place) & self._visits_of(below, place))
        value, deviation = self.log_ratios(above, below, [place])
        return estimate_of(float(value[0]), float(deviation[0]), samples)

    def compare(self, above: str, below: str, place: Place) -> Comparison:
        """Compare two contenders at one place, measured or not."""
        rate = self.ratio(above, below, place)
        return Comparison(
            above=above,
            below=below,
            workload=f"wait-{place.wait_ms:g}ms",
            place=place,
            rate=rate,
            standing=standing(rate),
        )

    def log_theory(self, contender: str, places: Sequence[Place]) -> Array:
        """Return the logarithm of what the theory allows a contender at each place."""
        capacity = self.capacities[contender]
        return np.array([math.log(binding(capacity, place).rate_per_s) for place in places])

    def _visits_of(self, contender: str, place: Place) -> set[int]:
        return {point.visit for point in self.points if point.contender == contender and point.place == place}


def estimate_of(logarithm: float, deviation: float, samples: int) -> Estimate:
    """Return a value and its 95 % interval from its logarithm and that one's standard deviation."""
    low, value, high = (math.exp(logarithm + step * deviation) for step in (-Z_95, 0.0, Z_95))
    return Estimate(value=value, low=low, high=high, samples=samples)


def read_atlas(run: Run) -> Atlas:
    """Read a sweep, complete or not.

    Raises:
        EmptyMapError: No point counts.
    """
    points, blanks = read_points(run), read_blanks(run)
    if not points:
        because = f" The first of {len(blanks)} that do not: {blanks[0].reason.splitlines()[0]}." if blanks else ""
        raise EmptyMapError(
            f"No point of this sweep counts, so there is no map.{because} Measure one: lab crossover --budget 10m"
        )
    own = {contender.id: [p for p in points if p.contender == contender.id] for contender in run.plan.contenders}
    capacities = {name: measure_capacity(name, each) for name, each in own.items() if each}

    def residual(point: Point) -> float:
        return math.log(point.rate_per_s / binding(capacities[point.contender], point.place).rate_per_s)

    def timed(name: str, place: Place) -> bool:
        return is_timed(capacities[name], place)

    residuals = {(point.contender, point.place, point.visit): residual(point) for point in points}
    ratios: dict[tuple[str, str], Surface] = {}
    for above, below in itertools.combinations(capacities, 2):
        both = [
            Sample(place, value - residuals[below, place, visit], timed(above, place) and timed(below, place))
            for (name, place, visit), value in residuals.items()
            if name == above and (below, place, visit) in residuals
        ]
        if both:
            ratios[above, below] = fit(both)
    rates = {
        name: fit([Sample(point.place, residual(point), timed(name, point.place)) for point in own[name]])
        for name in capacities
    }
    return Atlas(
        run=run,
        points=points,
        blanks=blanks,
        contenders=tuple(contender for contender in run.plan.contenders if contender.id in capacities),
        capacities=capacities,
        _rates=rates,
        _ratios=ratios,
    )
