"""Finds where measurement and theory differ, and where a rate changes in the wrong direction."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.judge.atlas import Atlas
from benchmarks.judge.theory import BoundName, binding, bounds
from benchmarks.model import Place

PARTED_FACTOR = 1.25
"""Measurement and theory differ where one is so many times the other."""

KNEE_FACTOR = 2.0
"""Two bounds closer than this make a knee, which queues round off."""

_BROKEN_FACTOR = 1.1
_DEVIATIONS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """A measured place at which theory and measurement part.

    Attributes:
        contender: Whose.
        place: Where.
        measured_per_s: Geometric mean of the visits.
        theory_per_s: What the theory allows.
        factor: Measured over theory.
        bound: Which bound binds there.
        knee: Another bound is nearly as low.
    """

    contender: str
    place: Place
    measured_per_s: float
    theory_per_s: float
    factor: float
    bound: BoundName
    knee: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """An anomaly: a rate that falls with more connections, or rises with a longer wait.

    Attributes:
        contender: Whose.
        along: What grew from the one place to the other.
        start: The one place.
        end: The other.
        factor: Rate at the end over that at the start.
    """

    contender: str
    along: Literal["connections", "wait"]
    start: Place
    end: Place
    factor: float


def find_partings(atlas: Atlas) -> tuple[Parting, ...]:
    """Return the measured places at which measurement and theory part by more than the noise, the farthest first."""
    return tuple(sorted(_partings(atlas), key=lambda parting: -abs(math.log(parting.factor))))


def find_breaks(atlas: Atlas) -> tuple[Break, ...]:
    """Return the worst break of each contender along each line of the map, the worst first."""
    return tuple(sorted(_breaks(atlas), key=lambda found: -abs(math.log(found.factor))))


def measured_rates(atlas: Atlas, contender: str) -> dict[Place, list[float]]:
    """Return the logarithms of a contender's rates by place, in the order of the map."""
    found: dict[Place, list[float]] = {}
    for point in sorted(atlas.points, key=lambda point: point.place):
        if point.contender == contender:
            found.setdefault(point.place, []).append(math.log(point.rate_per_s))
    return found


def _partings(atlas: Atlas) -> Iterator[Parting]:
    noise = math.log1p(atlas.noise)
    for contender, capacity in atlas.capacities.items():
        for place, rates in measured_rates(atlas, contender).items():
            mean, bound = statistics.fmean(rates), binding(capacity, place)
            apart = mean - math.log(bound.rate_per_s)
            if abs(apart) < max(math.log(PARTED_FACTOR), _DEVIATIONS * noise / math.sqrt(len(rates))):
                continue
            others = [each.rate_per_s for each in bounds(capacity, place) if each.name != bound.name]
            yield Parting(
                contender=contender,
                place=place,
                measured_per_s=math.exp(mean),
                theory_per_s=bound.rate_per_s,
                factor=math.exp(apart),
                bound=bound.name,
                knee=bool(others) and min(others) < KNEE_FACTOR * bound.rate_per_s,
            )


def _breaks(atlas: Atlas) -> Iterator[Break]:
    for contender in atlas.capacities:
        rates = measured_rates(atlas, contender)
        worst: dict[tuple[str, float], Break] = {}
        for start, end in itertools.permutations(rates, 2):
            found = _break(contender, (start, rates[start]), (end, rates[end]), math.log1p(atlas.noise))
            if found is None:
                continue
            line = (found.along, start.wait_ms if found.along == "connections" else start.connections)
            if line not in worst or abs(math.log(found.factor)) > abs(math.log(worst[line].factor)):
                worst[line] = found
        yield from worst.values()


def _break(
    contender: str, first: tuple[Place, Sequence[float]], second: tuple[Place, Sequence[float]], noise: float
) -> Break | None:
    (start, before), (end, after) = first, second
    difference = statistics.fmean(after) - statistics.fmean(before)
    limit = max(math.log(_BROKEN_FACTOR), _DEVIATIONS * noise * math.sqrt(1 / len(before) + 1 / len(after)))
    if start.wait_ms == end.wait_ms and start.connections < end.connections and difference < -limit:
        return Break(contender=contender, along="connections", start=start, end=end, factor=math.exp(difference))
    if start.connections == end.connections and start.wait_ms < end.wait_ms and difference > limit:
        return Break(contender=contender, along="wait", start=start, end=end, factor=math.exp(difference))
    return None
