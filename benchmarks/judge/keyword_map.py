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
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.surface import Z_95, Array
from benchmarks.model import Contender, Place

MARGIN = 0.05
"""Half-width of what counts as equal; a keyword that brings no more than that does not pay."""

Standing = Literal["more", "less", "equal", "unsure"]

_STEPS_AN_OCTAVE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A question about the keyword.

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
class KeywordCell:
    """What the keyword does at one place.

    Attributes:
        place: Where.
        above: The ``async def`` contender that is compared there.
        below: The ``def`` contender.
        ratio: Of their rates.
        standing: ``more`` where async def serves more.
    """

    place: Place
    above: str
    below: str
    ratio: Estimate
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """Where ``async def`` starts to pay, for one length of the wait.

    That is the longest stretch of connections, on a logarithmic axis, over which it pays.

    Attributes:
        wait_ms: The wait.
        begins: Connections from which it pays; ``None`` when it never does on this map.
        low: Connections from which it may; ``None`` when that is nowhere.
        high: Connections from which it surely does; the same.
        ends: Connections after which it pays no more; ``None`` when it pays to the end of the map.
        costs: Whether there are connections for which it surely costs, and more than the margin.
    """

    wait_ms: float
    begins: float | None
    low: float | None
    high: float | None
    ends: float | None
    costs: bool


def standing(ratio: Estimate, margin: float = MARGIN) -> Standing:
    """Say how a ratio stands to 1; equal needs the whole interval inside the margin."""
    low, high = (ratio.value if bound is None else bound for bound in (ratio.low, ratio.high))
    if low >= 1 / (1 + margin) and high <= 1 + margin:
        return "equal"
    return "more" if low > 1 else "less" if high < 1 else "unsure"


def comparisons(contenders: Sequence[Contender]) -> tuple[Comparison, ...]:
    """Return every question about the keyword that these contenders answer; a framework's own before its twins'."""
    return tuple(itertools.chain(_best(contenders), _twins(contenders)))


def compare_at(atlas: Atlas, comparison: Comparison, place: Place) -> KeywordCell:
    """Compare the keywords at one place."""
    above, below = (fastest(atlas, names, place) for names in (comparison.above, comparison.below))
    ratio = atlas.ratio(above, below, place)
    return KeywordCell(place=place, above=above, below=below, ratio=ratio, standing=standing(ratio))


def fastest(atlas: Atlas, names: Sequence[str], place: Place) -> str:
    """Return the contender with the highest rate at a place."""
    return max(names, key=lambda name: float(atlas.log_rates(name, [place])[0][0]))


def boundary(atlas: Atlas, comparison: Comparison, wait_ms: float, reach: tuple[float, float]) -> Boundary:
    """Find where async def starts to pay, for one wait.

    Args:
        atlas: The map.
        comparison: What is compared.
        wait_ms: The wait.
        reach: The fewest and the most connections to look at.
    """
    start, stop = map(math.log2, reach)
    octaves = np.linspace(start, stop, 1 + round(_STEPS_AN_OCTAVE * (stop - start)))
    places = [Place(wait_ms, float(connections)) for connections in 2**octaves]
    value, deviation = _log_ratios(atlas, comparison, places)
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


def overall(atlas: Atlas, comparison: Comparison, places: Sequence[Place]) -> Estimate:
    """Return the geometric mean of the ratio over places, with the least and the most as its range."""
    value, _ = _log_ratios(atlas, comparison, places)
    middle = estimate_of(float(value.mean()), 0.0, len(places))
    return Estimate(
        value=middle.value, low=math.exp(float(value.min())), high=math.exp(float(value.max())), samples=len(places)
    )


def _log_ratios(atlas: Atlas, comparison: Comparison, places: Sequence[Place]) -> tuple[Array, Array]:
    """Return the logarithm of the ratio of the fastest of each keyword at each place, and its deviation."""
    above, below = (
        np.argmax([atlas.log_rates(name, places)[0] for name in names], axis=0)
        for names in (comparison.above, comparison.below)
    )
    value, deviation = np.zeros(len(places)), np.zeros(len(places))
    for (i, first), (j, second) in itertools.product(enumerate(comparison.above), enumerate(comparison.below)):
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


def _best(contenders: Sequence[Contender]) -> Iterator[Comparison]:
    for framework in dict.fromkeys(contender.framework for contender in contenders):
        own = [contender for contender in contenders if contender.framework == framework]
        if len({contender.arrangement for contender in own if contender.variant is not None}) > 1:
            yield from _question("best", framework, own)


def _twins(contenders: Sequence[Contender]) -> Iterator[Comparison]:
    for arrangement in dict.fromkeys(contender.arrangement for contender in contenders):
        twins = [contender for contender in contenders if contender.arrangement == arrangement]
        yield from _question("twins", arrangement, twins)


def _question(kind: Literal["twins", "best"], subject: str, own: Sequence[Contender]) -> Iterator[Comparison]:
    above, below = (tuple(each.id for each in own if each.variant == variant) for variant in ("async", "sync"))
    if above and below:
        yield Comparison(kind=kind, subject=subject, above=above, below=below)
