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


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordMap:
    """What the keyword does all over the map.

    Attributes:
        pairing: What is compared.
        cells: In rows, a wait each.
        boundaries: Where it starts to pay, a wait each.
        overall: The ratio over all cells: geometric mean, with the least and the most.
    """

    pairing: Pairing
    cells: tuple[tuple[Comparison, ...], ...]
    boundaries: tuple[Boundary, ...]
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
    return KeywordMap(
        pairing=pairing,
        cells=tuple(tuple(itertools.islice(cells, len(connections))) for _ in waits_ms),
        boundaries=tuple(boundary(atlas, pairing, wait, (connections[0], connections[-1])) for wait in waits_ms),
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
