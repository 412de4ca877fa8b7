"""Judges a sweep: who serves the most at each place of the map, by how much, and where measurement is unexpected."""

from __future__ import annotations

import itertools
import math
import operator
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.judge.atlas import PRIOR_NOISE, Atlas
from benchmarks.judge.judgement import Comparison, Estimate
from benchmarks.judge.keyword_map import KeywordMap, keyword_map, pairings
from benchmarks.judge.notes import machine_notes
from benchmarks.judge.theory import BoundName, Capacity, binding, bounds_per_s, theory_per_s
from benchmarks.model import Place, Run
from benchmarks.trials import void_reason

WAITS_MS = (0, 1, 2, 5, 10, 20, 50, 100)
CONNECTIONS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
"""The axes of the map that is shown."""

NOISY = 0.1
"""If a rate varies by more than this when measured again, the machine was not quiet."""

PARTED_FACTOR = 1.25
"""Measurement and theory differ if one is at least this many times the other."""

KNEE_FACTOR = 2.0
"""Two bounds closer than this make a knee, which queues round off."""

_BROKEN_FACTOR = 1.1
_DEVIATIONS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The rate of one contender at one place.

    Attributes:
        contender: Its id.
        rate: Per second, with its interval.
        theory_per_s: The highest rate that the theory allows.
        bound: Which bound that is.
        gave_up: Whether clients got errors or no answer in time, there or at an easier place.
        by_theory: Whether the rate goes beyond the map by the theory alone: other threads, or more cores.
    """

    contender: str
    rate: Estimate
    theory_per_s: float
    bound: BoundName
    gave_up: bool
    by_theory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One place of the map.

    Attributes:
        place: Where.
        visits: How often it was measured; 0 if it is estimated from its neighbours.
        rates: Of every contender.
        winner: Id of the contender that serves the most.
        comparison: Winner over the next; ``None`` if there is no other.
    """

    place: Place
    visits: int
    rates: tuple[Choice, ...]
    winner: str
    comparison: Comparison | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRate:
    """The rate of one contender at one place over its visits, beside what the theory allows; see ``Choice``.

    Attributes:
        contender: Its id.
        place: Where.
        rate_per_s: Geometric mean.
        visits: Number of them.
        theory_per_s: The same as there.
        factor: Measured over theory.
        bound: The same as there.
        knee: Whether another bound is nearly as low.
    """

    contender: str
    place: Place
    rate_per_s: float
    visits: int
    theory_per_s: float
    factor: float
    bound: BoundName
    knee: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """An anomaly: a rate that falls with more connections, or rises with a longer wait.

    Attributes:
        contender: Its id.
        along: What grew from the one place to the other.
        start: The one place.
        end: The other.
        factor: Rate at the end over rate at the start.
    """

    contender: str
    along: Literal["connections", "wait"]
    start: Place
    end: Place
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossoverMap:
    """The judgement of a sweep.

    Attributes:
        name: Of the run, as are the next three.
        state: See ``Run``.
        started_at: See ``Run``.
        seed: Of the random orders.
        budget_s: Time that the sweep was given; ``None`` if that was not recorded.
        capacities: What limits each contender, in the plan's order.
        cells: In rows, a wait each.
        keywords: ``async def`` over ``def``, for each pair that the contenders make.
        rates: As measured, by contender and place.
        partings: The measured rates that differ from the theory by more than the noise, the largest factor first.
        breaks: The worst of each contender along each line of the map, the worst first.
        measured: Number of measured places.
        visits: Number of visits to them.
        noise: By which fraction a rate varies when measured again.
        noise_assumed: Whether that is assumed, no place having been measured twice.
        left_out: By which fraction a place is off when it is estimated from the others; ``None`` for too few.
        notes: Sentences on what the reader must know.
    """

    name: str
    state: str
    started_at: str
    seed: int
    budget_s: float | None
    capacities: tuple[Capacity, ...]
    cells: tuple[tuple[Cell, ...], ...]
    keywords: tuple[KeywordMap, ...]
    rates: tuple[MeasuredRate, ...]
    partings: tuple[MeasuredRate, ...]
    breaks: tuple[Break, ...]
    measured: int
    visits: int
    noise: float
    noise_assumed: bool
    left_out: float | None
    notes: tuple[str, ...]


def judge_map(run: Run) -> CrossoverMap:
    """Judge a sweep, complete or not.

    Raises:
        EmptyMapError: No point of it counts.
    """
    atlas = Atlas(run)
    visits = atlas.visits
    rates = tuple(_measured(atlas))
    cells = iter(cells_at(atlas, [Place(wait, number) for wait in WAITS_MS for number in CONNECTIONS]))

    def parts(rate: MeasuredRate) -> bool:
        noise = _DEVIATIONS * math.log1p(atlas.noise) / math.sqrt(rate.visits)
        return abs(math.log(rate.factor)) >= max(math.log(PARTED_FACTOR), noise)

    return CrossoverMap(
        name=run.name,
        state=run.state,
        started_at=run.started_at,
        seed=run.plan.seed,
        budget_s=run.plan.budget_s,
        capacities=tuple(atlas.capacities.values()),
        cells=tuple(tuple(itertools.islice(cells, len(CONNECTIONS))) for _ in WAITS_MS),
        keywords=tuple(keyword_map(atlas, pairing, WAITS_MS, CONNECTIONS) for pairing in pairings(atlas.contenders)),
        rates=rates,
        partings=tuple(sorted(filter(parts, rates), key=_farthest_first)),
        breaks=tuple(sorted(_breaks(atlas), key=_farthest_first)),
        measured=len(visits),
        visits=sum(visits.values()),
        noise=atlas.noise,
        noise_assumed=max(visits.values()) < 2,
        left_out=atlas.left_out,
        notes=tuple(_notes(atlas)),
    )


def cells_at(atlas: Atlas, places: Sequence[Place]) -> list[Cell]:
    """Judge places, measured or not."""
    estimates = {contender: atlas.estimates(contender, places) for contender in atlas.capacities}
    rates = [
        tuple(
            Choice(
                contender=contender,
                rate=estimates[contender][number],
                theory_per_s=theory_per_s(capacity, place),
                bound=binding(capacity, place),
                gave_up=atlas.gave_up(contender, place),
            )
            for contender, capacity in atlas.capacities.items()
        )
        for number, place in enumerate(places)
    ]
    ranked = [sorted(own, key=lambda choice: (choice.gave_up, -choice.rate.value)) for own in rates]
    comparisons: Sequence[Comparison | None] = [None] * len(places)
    if len(atlas.capacities) > 1:
        pairs = [(first.contender, second.contender) for first, second, *_ in ranked]
        ratios, _ = atlas.log_ratios(pairs, places)
        # The two rates are from all visits, the ratio from those of both: it is the better judge of a close race.
        turned = [
            ratio < 0 and first.gave_up == second.gave_up
            for ratio, (first, second, *_) in zip(ratios, ranked, strict=True)
        ]
        pairs = [(two, one) if turn else (one, two) for turn, (one, two) in zip(turned, pairs, strict=True)]
        comparisons = atlas.compare(pairs, places)
    return [
        Cell(
            place=place,
            visits=atlas.visits.get(place, 0),
            rates=own,
            winner=order[0].contender if comparison is None else comparison.above,
            comparison=comparison,
        )
        for place, own, order, comparison in zip(places, rates, ranked, comparisons, strict=True)
    ]


def _measured(atlas: Atlas) -> Iterator[MeasuredRate]:
    for contender, capacity in atlas.capacities.items():
        for place, logarithms in atlas.rates[contender].items():
            mean = statistics.fmean(logarithms)
            (bound, theory), *others = sorted(bounds_per_s(capacity, place).items(), key=operator.itemgetter(1))
            yield MeasuredRate(
                contender=contender,
                place=place,
                rate_per_s=math.exp(mean),
                visits=len(logarithms),
                theory_per_s=theory,
                factor=math.exp(mean - math.log(theory)),
                bound=bound,
                knee=any(rate < KNEE_FACTOR * theory for _, rate in others),
            )


def _farthest_first(found: MeasuredRate | Break) -> float:
    return -abs(math.log(found.factor))


def _breaks(atlas: Atlas) -> Iterator[Break]:
    noise = math.log1p(atlas.noise)
    for contender, rates in atlas.rates.items():
        worst: dict[tuple[str, float], Break] = {}
        for start, end in itertools.combinations(rates, 2):
            along: Literal["connections", "wait"]
            if start.wait_ms == end.wait_ms:
                along, line = "connections", start.wait_ms
            elif start.connections == end.connections:
                along, line = "wait", start.connections
            else:
                continue
            before, after = rates[start], rates[end]
            difference = statistics.fmean(after) - statistics.fmean(before)
            limit = max(math.log(_BROKEN_FACTOR), _DEVIATIONS * noise * math.sqrt(1 / len(before) + 1 / len(after)))
            if (difference if along == "wait" else -difference) <= limit:
                continue
            found = Break(contender=contender, along=along, start=start, end=end, factor=math.exp(difference))
            worst[along, line] = min(worst.get((along, line), found), found, key=_farthest_first)
        yield from worst.values()


def _notes(atlas: Atlas) -> Iterator[str]:
    run = atlas.run
    if run.state != "complete":
        yield f"The sweep was cut short after {sum(atlas.visits.values())} visits: the map shows those."
    missing = [each.id for each in run.plan.contenders if each.id not in atlas.capacities]
    if missing:
        yield f"No point of {', '.join(missing)} counts: not on the map."
    for contender, blanks in atlas.failures.items():
        if not blanks:
            continue
        place, trial = min(blanks, key=lambda blank: blank[0])
        yield (
            f"{contender} failed its clients from a wait of {place.wait_ms:g} ms and {place.connections:g} connections "
            f"on ({void_reason(trial)}); its figures there are estimates."
        )
    lost = [blank for blank in atlas.blanks if blank not in atlas.failures[blank[1].contender]]
    if lost:
        first = str(void_reason(lost[0][1])).splitlines()[0]
        yield f"Void, so not counted: {len(lost)} trials; the first: {first}."
    bound = [point for point in atlas.points if point.loader_bound is not None]
    if bound:
        yield (
            f"Loader-bound: {len(bound)} of {len(atlas.points)} points, whose figures may be the loader's own; the "
            f"first is {bound[0].contender} at {bound[0].place.wait_ms:g} ms and {bound[0].place.connections:g} "
            f"connections: {bound[0].loader_bound}."
        )
    if max(atlas.visits.values()) < 2:
        yield f"No place was measured twice: intervals rest on an assumed noise of {100 * PRIOR_NOISE:g} %."
    if atlas.noise > NOISY:
        yield (
            f"Measured again, a rate varied by {100 * atlas.noise:.0f} %: something else was running, or the machine "
            "changes its speed. What is near a boundary is not settled by this map."
        )
    yield from machine_notes(run)
