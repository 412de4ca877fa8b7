"""Compares `async def` with `def` all over the map, and finds where the keyword starts to pay."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.judge.atlas import Z_95, Atlas
from benchmarks.judge.judgement import Comparison, Estimate
from benchmarks.judge.theory import Array
from benchmarks.model import MARGIN, Contender, Place

_STEPS_AN_OCTAVE = 8

_ALIKE = 2.0
"""Waits belong together if none needs more than this many times the connections that the longest wait needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Whose ``async def`` is compared with whose ``def``, all over the map.

    Attributes:
        kind: ``twins`` share all but the keyword; ``best`` takes a framework's fastest of each, place by place.
        subject: An arrangement, or a framework.
        above: Ids of the ``async def`` contenders.
        below: Ids of the ``def`` contenders.
    """

    kind: Literal["twins", "best"]
    subject: str
    above: tuple[str, ...]
    below: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """Where ``async def`` starts to pay, for one length of the wait.

    That is the longest stretch of connections, on a logarithmic axis, over which it pays.

    Attributes:
        wait_ms: The wait.
        begins: Connections from which it pays; ``None`` if it never does on this map.
        low: Connections from which it may pay; ``None`` if nowhere.
        high: Connections from which it certainly pays; the same.
        ends: Connections after which it no longer pays; ``None`` if it pays to the end of the map.
        costs: Whether it is certainly slower by more than the margin for some number of connections.
    """

    wait_ms: float
    begins: float | None
    low: float | None
    high: float | None
    ends: float | None
    costs: bool

    @property
    def between(self) -> tuple[float, float] | None:
        """Fewest and most connections between which it starts to pay; ``None`` where it does not with certainty."""
        if self.high is None:
            return None
        return min(self.low or self.high, self.high), self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Onset:
    """Where ``async def`` starts to pay, over all waits: the answer of a map in one piece.

    Attributes:
        kind: ``always``; ``from`` a wait on, with certainty; ``perhaps`` from a wait on; ``partly``, in parts of the
            map that have no such form; ``unknown``, where intervals allow it and no estimate shows it; ``never``.
        wait_ms: Shortest of the waits that it is about, all longer ones included; the last three kinds have none.
        every_wait: Whether that is every wait of the map.
        begins: Connections from which it pays at all of these waits.
        low: Connections from which it may pay at the one that needs the most.
        high: Connections from which it certainly pays at all of them; ``None`` where that is not certain.
        costs: At how many waits it is certainly slower for some number of connections.
        waits: Number of waits of the map.
    """

    kind: Literal["always", "from", "perhaps", "partly", "unknown", "never"]
    wait_ms: float | None
    every_wait: bool
    begins: float | None
    low: float | None
    high: float | None
    costs: int
    waits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordMap:
    """What the keyword does all over the map.

    Attributes:
        pairing: What is compared.
        cells: In rows, a wait each.
        boundaries: Where it starts to pay, a wait each.
        onset: The same over all waits.
        overall: The ratio over all cells: geometric mean, with the least and the most.
    """

    pairing: Pairing
    cells: tuple[tuple[Comparison, ...], ...]
    boundaries: tuple[Boundary, ...]
    onset: Onset
    overall: Estimate


def pairings(contenders: Sequence[Contender]) -> tuple[Pairing, ...]:
    """Return every pairing of keywords that these contenders make; a framework's own before its twins'.

    A framework with one arrangement has no other best than its twins.
    """
    views = [contender for contender in contenders if contender.variant is not None]
    arrangements = {(contender.framework, contender.arrangement) for contender in views}
    several = [
        framework for framework, count in Counter(framework for framework, _ in arrangements).items() if count > 1
    ]
    best = (pairing for pairing in best_pairings(views) if pairing.subject in several)
    twins = _pairings("twins", [(contender.arrangement, contender) for contender in views])
    return tuple(pairing for pairing in (*best, *twins) if pairing.above and pairing.below)


def best_pairings(contenders: Sequence[Contender]) -> Iterator[Pairing]:
    """Yield the keywords of each framework, each with all of its contenders; a side may be empty."""
    return _pairings("best", [(contender.framework, contender) for contender in contenders])


def _pairings(kind: Literal["twins", "best"], named: Sequence[tuple[str, Contender]]) -> Iterator[Pairing]:
    for subject in dict.fromkeys(name for name, _ in named):
        above, below = (
            tuple(each.id for name, each in named if (name, each.variant) == (subject, variant))
            for variant in ("async", "sync")
        )
        yield Pairing(kind=kind, subject=subject, above=above, below=below)


def keyword_map(atlas: Atlas, pairing: Pairing, waits_ms: Sequence[float], connections: Sequence[float]) -> KeywordMap:
    """Compare the keywords at every place of a grid, by the fastest of each there; connections are ascending."""
    places = [Place(wait, number) for wait in waits_ms for number in connections]
    pairs = fastest(lambda name: atlas.log_rates(name, places)[0], pairing)
    value, _ = atlas.log_ratios(pairs, places)
    cells = iter(atlas.compare(pairs, places))
    boundaries = tuple(boundary(atlas, pairing, wait, (connections[0], connections[-1])) for wait in waits_ms)
    return KeywordMap(
        pairing=pairing,
        cells=tuple(tuple(itertools.islice(cells, len(connections))) for _ in waits_ms),
        boundaries=boundaries,
        onset=onset(boundaries),
        overall=Estimate(
            value=math.exp(float(value.mean())),
            low=math.exp(float(value.min())),
            high=math.exp(float(value.max())),
            samples=len(places),
            confidence=None,
        ),
    )


def boundary(atlas: Atlas, pairing: Pairing, wait_ms: float, reach: tuple[float, float]) -> Boundary:
    """Find where async def starts to pay, for one wait, from the fewest to the most connections that are looked at."""
    start, stop = map(math.log2, reach)
    octaves = np.linspace(start, stop, 1 + round(_STEPS_AN_OCTAVE * (stop - start)))
    places = [Place(wait_ms, float(connections)) for connections in 2**octaves]
    pairs = fastest(lambda name: atlas.log_rates(name, places)[0], pairing)
    value, deviation = atlas.log_ratios(pairs, places)
    pays = math.log1p(MARGIN)
    begins, ends = _longest(places, value >= pays)
    return Boundary(
        wait_ms=wait_ms,
        begins=begins,
        low=_longest(places, value + Z_95 * deviation >= pays)[0],
        high=_longest(places, value - Z_95 * deviation >= pays)[0],
        ends=None if ends == places[-1].connections else ends,
        costs=bool(((value <= -pays) & (value + Z_95 * deviation < 0)).any()),
    )


def fastest(log_rates: Callable[[str], Array], pairing: Pairing) -> list[tuple[str, str]]:
    """Return the contender of each keyword with the highest rate, for each place that their rates are of."""
    above, below = (
        [names[best] for best in np.argmax([log_rates(name) for name in names], axis=0)]
        for names in (pairing.above, pairing.below)
    )
    return list(zip(above, below, strict=True))


def _longest(places: Sequence[Place], holds: NDArray[np.bool_]) -> tuple[float | None, float | None]:
    """Return the connections at which the longest unbroken stretch begins and ends, on the map's axis."""
    stretches = [
        [place.connections for place, _ in group]
        for so, group in itertools.groupby(zip(places, holds, strict=True), key=lambda pair: bool(pair[1]))
        if so
    ]
    longest = max(stretches, key=len, default=None)
    return (None, None) if longest is None else (longest[0], longest[-1])


def pays(comparison: Comparison) -> bool:
    """Tell whether async def pays at a place, as far as its estimate says: more than the margin."""
    return comparison.rate is not None and comparison.rate.value >= 1 + MARGIN


def onset(boundaries: Sequence[Boundary]) -> Onset:
    """Find from which wait on async def pays, and from how many connections; waits are ascending, at least one."""
    costs, waits = sum(each.costs for each in boundaries), len(boundaries)
    certain = _tail(boundaries, [None if each.ends is not None else each.high for each in boundaries])
    told = certain or _tail(boundaries, [None if each.ends is not None else each.begins for each in boundaries])
    if not told:
        kind: Literal["partly", "unknown", "never"] = "never"
        if any(each.begins is not None for each in boundaries):
            kind = "partly"
        elif any(each.low is not None for each in boundaries):
            kind = "unknown"
        return Onset(
            kind=kind, wait_ms=None, every_wait=False, begins=None, low=None, high=None, costs=costs, waits=waits
        )
    every_wait, begins = len(told) == waits, max(each.begins or 0.0 for each in told)
    needs_most = max(told, key=lambda each: (each.high if certain else each.begins) or 0.0)
    high = needs_most.high if certain else None
    return Onset(
        kind="perhaps" if high is None else "always" if every_wait and high <= 1 else "from",
        wait_ms=told[0].wait_ms,
        every_wait=every_wait,
        begins=begins,
        low=needs_most.low if needs_most.between is None else needs_most.between[0],
        high=high,
        costs=costs,
        waits=waits,
    )


def _tail(boundaries: Sequence[Boundary], connections: Sequence[float | None]) -> list[Boundary]:
    """Return the longest waits in a row that need about the same number of connections; none that has no number."""
    tail: list[Boundary] = []
    limit = math.inf
    for each, needed in zip(reversed(boundaries), reversed(connections), strict=True):
        if needed is None or needed > limit:
            break
        limit = limit if tail else _ALIKE * needed
        tail.insert(0, each)
    return tail
