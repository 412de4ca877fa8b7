"""Chooses where a sweep measures next: first a coarse grid, then where the map is least sure for the time it takes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchmarks.judge.atlas import Z_95, Atlas, EmptyMapError, coordinates
from benchmarks.judge.crossover import PARTED_FACTOR
from benchmarks.judge.keyword_map import fastest, pairings
from benchmarks.judge.theory import Array
from benchmarks.model import MARGIN, Place, Run

Visits = Sequence[tuple[Place, float]]

COARSE = tuple(Place(wait, connections) for wait in (0, 1, 5, 20, 100) for connections in (1, 5, 20, 100, 500))
"""Measured first, the farthest from all before it next, so that a sweep cut short covers the whole map coarsely."""

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
"""Every n-th visit repeats a place: the difference between two visits is the noise of all."""

TRIAL_OVERHEAD_S = 1.2
"""Assumed time of a trial beside its load, until that is known: starting and stopping a server and a loader."""

_LATE_SHARE = 0.03
"""Share of its time by which a sweep may be late."""


def left_s(budget_s: float, elapsed_s: float) -> float:
    """Return the seconds that are left of a sweep's time."""
    return budget_s * (1 + _LATE_SHARE) - elapsed_s


def next_place(run: Run, budget_s: float, elapsed_s: float, visits: Visits) -> Place | None:
    """Choose the next place.

    After the coarse grid, a visit is worth the doubt that it may resolve, divided by the square root of its seconds:
    whether the winner is in doubt, whether the sign of async over def is, and whether the theory is off where nothing
    was measured. Each doubt is how far the interval reaches over the line; whatever is equal inside the margin is in no
    doubt.

    Args:
        run: The sweep so far.
        budget_s: Time that the sweep was given, seconds.
        elapsed_s: Time that has passed, seconds.
        visits: The place and the length of each visit, seconds, in their order.
    Returns:
        The place; ``None`` if the time that is left is enough for none.
    Source:
        Bryan et al., "Active learning for identifying function threshold boundaries", NIPS 2005: the straddle
        heuristic, 1.96 deviations less the distance from the line.
    """
    try:
        atlas = Atlas(run)
    except EmptyMapError:
        atlas = None
    cost_s = _costs(run, atlas, visits)
    visited = [place for place, _ in visits]
    # If time is short, a cheap visit is still allowed.
    may_cost_s = min(left_s(budget_s, elapsed_s), max(LARGEST_SHARE * budget_s, 1.5 * min(cost_s.values())))
    if elapsed_s < COARSE_SHARE * budget_s or atlas is None:
        for place in farthest_first(COARSE):
            if place not in visited and cost_s[place] <= may_cost_s:
                return place
        if atlas is None:
            return None
    affordable = [place for place in FINE if cost_s[place] <= may_cost_s]
    if not affordable:
        return None
    if len(visited) % REPEAT_EVERY == REPEAT_EVERY - 1:
        once = [place for place in affordable if visited.count(place) == 1]
        if once:
            return min(once, key=lambda place: cost_s[place])
    # The square root, or only cheap places would be visited.
    worth = _doubt(atlas, affordable) / np.sqrt([cost_s[place] for place in affordable])
    return affordable[int(np.argmax(worth))]


def farthest_first(places: Sequence[Place]) -> Iterator[Place]:
    """Yield the places so that each is as far as possible from all before it, the first of them first.

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
    """Estimate how long the load of a visit takes at each place, seconds, all contenders together.

    A warm-up lasts until every connection has had an answer.
    """
    load = next(iter(run.plan.loads.values()))
    total = np.zeros(len(places))
    for contender in run.plan.contenders:
        if atlas is None or contender.id not in atlas.capacities:
            # Not known yet: assume that four threads answer all.
            answered_s = np.array([place.connections * place.wait_ms / 1000 / 4 for place in places])
        else:
            connections = np.array([place.connections for place in places])
            answered_s = connections / np.exp(atlas.log_rates(contender.id, places)[0])
        each = np.clip(answered_s, load.warmup_s, load.warmup_s + load.timeout_s) + load.duration_s
        if atlas is not None and atlas.blanks:
            each[[atlas.gave_up(contender.id, place) for place in places]] = 0.0
        total += each
    return total


def _costs(run: Run, atlas: Atlas | None, visits: Visits) -> Mapping[Place, float]:
    number, overhead_s = len(run.plan.contenders), TRIAL_OVERHEAD_S
    if atlas is not None and visits:
        foreseen = load_s(run, atlas, [place for place, _ in visits])
        beyond = [(took_s - load) / number for (_, took_s), load in zip(visits, foreseen, strict=True)]
        overhead_s = max(0.0, statistics.median(beyond))
    places = tuple(dict.fromkeys((*COARSE, *FINE)))
    loads = load_s(run, atlas, places)
    # A place where every contender has given up would cost nothing, and be chosen forever.
    costs = np.where(loads > 0, loads + number * overhead_s, math.inf)
    return dict(zip(places, map(float, costs), strict=True))


def _doubt(atlas: Atlas, places: Sequence[Place]) -> Array:
    """Return how much there is to learn at each place; more than nothing everywhere."""
    rates = {name: atlas.log_rates(name, places) for name in atlas.capacities}
    doubt: Array = 0.05 * np.max([deviation for _, deviation in rates.values()], axis=0)
    # The fastest and the next; a contender alone is in no doubt beside itself.
    ranked = np.argsort([-value for value, _ in rates.values()], axis=0, kind="stable")
    first, second = np.array(list(rates))[ranked[[0, min(1, len(rates) - 1)]]].tolist()
    doubt += _straddle(atlas, list(zip(first, second, strict=True)), places)
    for pairing in pairings(atlas.contenders):
        doubt += _straddle(atlas, fastest(lambda name: rates[name][0], pairing), places)
    parted = math.log(PARTED_FACTOR)
    for name, (value, deviation) in rates.items():
        off = np.abs(value - atlas.log_theory(name, places))
        doubt += np.where(off > parted, deviation, 0.0)
    return doubt


def _straddle(atlas: Atlas, pairs: Sequence[tuple[str, str]], places: Sequence[Place]) -> Array:
    """Return how far the interval of the pair's ratio at each place reaches over 1."""
    value, deviation = atlas.log_ratios(pairs, places)
    reach = Z_95 * deviation
    return np.where(np.abs(value) + reach <= math.log1p(MARGIN), 0.0, np.maximum(0.0, reach - np.abs(value)))
