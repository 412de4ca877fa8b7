"""Compares `async def` with `def` all over the map, and finds where the keyword starts to pay."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.judge.atlas import Atlas, estimate_of
from benchmarks.judge.comparison import MARGIN
from benchmarks.judge.judgement import Comparison, Estimate
from benchmarks.judge.surface import Z_95, Array
from benchmarks.model import Contender, Place

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
        begins: Connections from which it pays; ``None`` when it never does on this map.
        low: Connections from which it may; ``None`` when that is nowhere.
        high: Connections from which it certainly does; the same.
        ends: Connections after which it pays no more; ``None`` when it pays to the end of the map.
        costs: Whether it certainly costs more than the margin for some number of connections.
    """

    wait_ms: float
    begins: float | None
    low: float | None
    high: float | None
    ends: float | None
    costs: bool


def pairings(contenders: Sequence[Contender]) -> tuple[Pairing, ...]:
    """Return every pairing of keywords that these contenders make; a framework's own before its twins'."""
    return tuple(itertools.chain(_best(contenders), _twins(contenders)))


def compare_at(atlas: Atlas, pairing: Pairing, place: Place) -> Comparison:
    """Compare the keywords at one place, by the fastest of each there."""
    above, below = (fastest(atlas, names, place) for names in (pairing.above, pairing.below))
    return atlas.compare(above, below, place)


def fastest(atlas: Atlas, names: Sequence[str], place: Place) -> str:
    """Return the contender with the highest rate at a place."""
    return max(names, key=lambda name: float(atlas.log_rates(name, [place])[0][0]))


def boundary(atlas: Atlas, pairing: Pairing, wait_ms: float, reach: tuple[float, float]) -> Boundary:
    """Find where async def starts to pay, for one wait.

    Args:
        atlas: The map.
        pairing: What is compared.
        wait_ms: The wait.
        reach: The fewest and the most connections to look at.
    """
    start, stop = map(math.log2, reach)
    octaves = np.linspace(start, stop, 1 + round(_STEPS_AN_OCTAVE * (stop - start)))
    places = [Place(wait_ms, float(connections)) for connections in 2**octaves]
    value, deviation = _log_ratios(atlas, pairing, places)
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


def overall(atlas: Atlas, pairing: Pairing, places: Sequence[Place]) -> Estimate:
    """Return the geometric mean of the ratio over places, with the least and the most as its range."""
    value, _ = _log_ratios(atlas, pairing, places)
    middle = estimate_of(float(value.mean()), 0.0, len(places))
    return Estimate(
        value=middle.value,
        low=math.exp(float(value.min())),
        high=math.exp(float(value.max())),
        samples=len(places),
        confidence=None,
    )


def _log_ratios(atlas: Atlas, pairing: Pairing, places: Sequence[Place]) -> tuple[Array, Array]:
    """Return the logarithm of the ratio of the fastest of each keyword at each place, and its deviation."""
    above, below = (
        np.argmax([atlas.log_rates(name, places)[0] for name in names], axis=0)
        for names in (pairing.above, pairing.below)
    )
    value, deviation = np.zeros(len(places)), np.zeros(len(places))
    for (i, first), (j, second) in itertools.product(enumerate(pairing.above), enumerate(pairing.below)):
        here = (above == i) & (below == j)
        if here.any():
            value[here], deviation[here] = atlas.log_ratios(first, second, list(itertools.compress(places, here)))
    return value, deviation


def _longest(places: Sequence[Place], holds: NDArray[np.bool_]) -> tuple[float | None, float | None]:
    """Return the connections at which the longest unbroken stretch begins and ends, on the map's axis."""
    stretches = [
        [place.connections for place, _ in group]
        for so, group in itertools.groupby(zip(places, holds, strict=True), key=lambda pair: bool(pair[1]))
        if so
    ]
    longest = max(stretches, key=len, default=None)
    return (None, None) if longest is None else (longest[0], longest[-1])


def _best(contenders: Sequence[Contender]) -> Iterator[Pairing]:
    for framework in dict.fromkeys(contender.framework for contender in contenders):
        own = [contender for contender in contenders if contender.framework == framework]
        if len({contender.arrangement for contender in own if contender.variant is not None}) > 1:
            yield from _pairing("best", framework, own)


def _twins(contenders: Sequence[Contender]) -> Iterator[Pairing]:
    for arrangement in dict.fromkeys(contender.arrangement for contender in contenders):
        twins = [contender for contender in contenders if contender.arrangement == arrangement]
        yield from _pairing("twins", arrangement, twins)


def _pairing(kind: Literal["twins", "best"], subject: str, own: Sequence[Contender]) -> Iterator[Pairing]:
    above, below = (tuple(each.id for each in own if each.variant == variant) for variant in ("async", "sync"))
    if above and below:
        yield Pairing(kind=kind, subject=subject, above=above, below=below)
