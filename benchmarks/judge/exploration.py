"""Chooses where a sweep measures next: first a coarse grid, then where the map is least sure for what it costs."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.judge import keyword_map
from benchmarks.judge.atlas import Atlas, EmptyMapError, read_atlas
from benchmarks.judge.comparison import MARGIN
from benchmarks.judge.crossover import gave_up
from benchmarks.judge.partings import PARTED_FACTOR
from benchmarks.judge.surface import Z_95, Array, coordinates
from benchmarks.model import Place, Run

COARSE = tuple(Place(wait, connections) for wait in (0, 1, 5, 20, 100) for connections in (1, 5, 20, 100, 500))
"""Measured first, each after those that are farthest from it, so that a sweep cut short has something of everything."""

FINE = tuple(
    Place(wait, connections)
    for wait in (0, 1, 2, 3, 5, 7, 10, 14, 20, 30, 50, 70, 100)
    for connections in (1, 2, 3, 5, 7, 10, 14, 20, 30, 50, 70, 100, 140, 200, 300, 500)
)
"""Chosen from after that."""

COARSE_SHARE = 0.5
"""The coarse grid gets at most so much of the time."""

LARGEST_SHARE = 0.2
"""No visit may take more of the time than this."""

REPEAT_EVERY = 6
"""One visit of so many goes back to a place, for what differs between two visits is the noise of all."""

TRIAL_OVERHEAD_S = 1.2
"""What a trial takes beside its load, until that is known: to start a server and a loader, and to stop them."""

_LATE_SHARE = 0.03
"""By how much of its time a sweep may be late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """The time of a sweep.

    Attributes:
        budget_s: What it was given.
        elapsed_s: What has passed.
        visits: The place and the length of each visit, seconds, in their order.
    """

    budget_s: float
    elapsed_s: float
    visits: tuple[tuple[Place, float], ...] = ()

    @property
    def left_s(self) -> float:
        """What is left of it."""
        return self.budget_s * (1 + _LATE_SHARE) - self.elapsed_s


def next_place(run: Run, spending: Spending) -> Place | None:
    """Choose the next place.

    After the coarse grid, what counts is whether the winner is in doubt, whether the sign of async over def is, and
    whether the theory is off where nobody has looked: each by how much the interval reaches over the line, divided by
    the seconds that a visit takes. What is equal inside the margin is in no doubt.

    Args:
        run: The sweep so far.
        spending: Its time.
    Returns:
        The place; ``None`` when the time that is left is enough for none.
    Source:
        Bryan et al., "Active learning for identifying function threshold boundaries", NIPS 2005: the straddle
        heuristic, 1.96 deviations less the distance from the line.
    """
    try:
        atlas = read_atlas(run)
    except EmptyMapError:
        atlas = None
    cost_s = _costs(run, atlas, spending)
    visited = [place for place, _ in spending.visits]
    # Where time is short, a cheap visit must do all the same.
    may_cost_s = min(spending.left_s, max(LARGEST_SHARE * spending.budget_s, 1.5 * min(cost_s.values())))
    if spending.elapsed_s < COARSE_SHARE * spending.budget_s or atlas is None:
        for place in farthest_first(COARSE):
            if place not in visited and cost_s[place] <= may_cost_s:
                return place
        if atlas is None:
            return None
    affordable = [place for place in FINE if cost_s[place] <= may_cost_s]
    if not affordable:
        return None
    again = _to_repeat(visited, affordable, cost_s)
    if again is not None:
        return again
    # The square root: cheap places would else be all there is.
    worth = _doubt(atlas, affordable) / np.sqrt([cost_s[place] for place in affordable])
    return affordable[int(np.argmax(worth))]


def farthest_first(places: Sequence[Place]) -> Iterator[Place]:
    """Yield the places so that each is as far as can be from all before it, the first of them first.

    Source:
        Gonzalez, "Clustering to minimize the maximum intercluster distance", Theoretical Computer Science 38, 1985.
    """
    at = coordinates(places)
    nearest = np.full(len(places), math.inf)
    chosen = 0
    for _ in places:
        yield places[chosen]
        nearest = np.minimum(nearest, ((at - at[chosen]) ** 2).sum(axis=1))
        nearest[chosen] = -1.0
        chosen = int(np.argmax(nearest))


def load_s(run: Run, atlas: Atlas | None, places: Sequence[Place]) -> Array:
    """Return about how long the load of a visit takes at each place, seconds, all contenders' together.

    A warm-up lasts until every connection has had an answer.
    """
    load = next(iter(run.plan.loads.values()))
    total = np.zeros(len(places))
    for contender in run.plan.contenders:
        if atlas is None or contender.id not in atlas.capacities:
            # Not known yet: as if a few threads answered all.
            answered_s = np.array([place.connections * place.wait_ms / 1000 / 4 for place in places])
        else:
            connections = np.array([place.connections for place in places])
            answered_s = connections / np.exp(atlas.log_rates(contender.id, places)[0])
        each = np.clip(answered_s, load.warmup_s, load.warmup_s + load.timeout_s) + load.duration_s
        if atlas is not None and atlas.blanks:
            each[[gave_up(atlas, contender.id, place) for place in places]] = 0.0
        total += each
    return total


def _costs(run: Run, atlas: Atlas | None, spending: Spending) -> Mapping[Place, float]:
    number, overhead_s = len(run.plan.contenders), TRIAL_OVERHEAD_S
    if atlas is not None and spending.visits:
        foreseen = load_s(run, atlas, [place for place, _ in spending.visits])
        beyond = [(took_s - load) / number for (_, took_s), load in zip(spending.visits, foreseen, strict=True)]
        overhead_s = max(0.0, statistics.median(beyond))
    places = tuple(dict.fromkeys((*COARSE, *FINE)))
    loads = load_s(run, atlas, places)
    # Where everybody has given up nobody would go, and no time would pass.
    costs = np.where(loads > 0, loads + number * overhead_s, math.inf)
    return dict(zip(places, map(float, costs), strict=True))


def _to_repeat(visited: Sequence[Place], affordable: Sequence[Place], cost_s: Mapping[Place, float]) -> Place | None:
    """Return the place to go back to, where it is time for that: of those seen once, the cheapest."""
    if len(visited) % REPEAT_EVERY != REPEAT_EVERY - 1:
        return None
    once = [place for place in affordable if visited.count(place) == 1]
    return min(once, key=lambda place: cost_s[place], default=None)


def _doubt(atlas: Atlas, places: Sequence[Place]) -> Array:
    """Return how much there is to learn at each place; more than nothing everywhere."""
    rates = {name: atlas.log_rates(name, places) for name in atlas.capacities}
    doubt: Array = 0.05 * np.max([deviation for _, deviation in rates.values()], axis=0)
    for position in range(len(places)):
        here = sorted(rates, key=lambda name: -float(rates[name][0][position]))
        for above, below in itertools.pairwise(here[:2]):
            doubt[position] += _straddle(atlas, above, below, places[position])
    for pairing in keyword_map.pairings(atlas.contenders):
        for position, place in enumerate(places):
            above, below = (
                max(names, key=lambda name: float(rates[name][0][position])) for names in (pairing.above, pairing.below)
            )
            doubt[position] += _straddle(atlas, above, below, place)
    parted = math.log(PARTED_FACTOR)
    for name, (value, deviation) in rates.items():
        off = np.abs(value - atlas.log_theory(name, places))
        doubt += np.where(off > parted, deviation, 0.0)
    return doubt


def _straddle(atlas: Atlas, above: str, below: str, place: Place) -> float:
    value, deviation = (float(each[0]) for each in atlas.log_ratios(above, below, [place]))
    reach = Z_95 * deviation
    if abs(value) + reach <= math.log1p(MARGIN):
        return 0.0
    return max(0.0, reach - abs(value))
