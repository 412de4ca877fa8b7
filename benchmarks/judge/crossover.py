"""Judges a sweep: who serves the most at each place of the map, by how much, and where theory and measurement part."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import trials
from benchmarks.judge import keyword_map
from benchmarks.judge.atlas import Atlas, read_atlas
from benchmarks.judge.judgement import Comparison, Estimate
from benchmarks.judge.keyword_map import Boundary, Pairing
from benchmarks.judge.notes import machine_notes
from benchmarks.judge.partings import Break, Parting, find_breaks, find_partings, measured_rates
from benchmarks.judge.surface import PRIOR_NOISE
from benchmarks.judge.theory import Blank, BoundName, Capacity, binding
from benchmarks.model import Place, Run

WAITS_MS = (0, 1, 2, 5, 10, 20, 50, 100)
CONNECTIONS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
"""The axes of the map that is shown."""

NOISY = 0.1
"""A rate that varies by more than this when it is measured again is of a machine that was not quiet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRate:
    """One contender at one place.

    Attributes:
        contender: Its id.
        rate: Per second, with its interval.
        theory_per_s: What the theory allows.
        bound: Which bound that is.
        gave_up: Whether clients got errors or no answer in time, there or at an easier place.
    """

    contender: str
    rate: Estimate
    theory_per_s: float
    bound: BoundName
    gave_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One place of the map.

    Attributes:
        place: Where.
        visits: How often it was measured; 0 where it is estimated from its neighbours.
        rates: Of every contender.
        winner: Id of the one that serves the most.
        comparison: Winner over the next; ``None`` when there is no other.
    """

    place: Place
    visits: int
    rates: tuple[ChoiceRate, ...]
    winner: str
    comparison: Comparison | None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRate:
    """What one contender did at one place, over its visits.

    Attributes:
        contender: Its id.
        place: Where.
        rate_per_s: Geometric mean.
        visits: Number of them.
    """

    contender: str
    place: Place
    rate_per_s: float
    visits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossoverMap:
    """All that is told of a sweep.

    Attributes:
        name: Of the run.
        state: Of the run.
        started_at: The same.
        seed: Of the random orders.
        budget_s: Time that the sweep was given; ``None`` when that was not recorded.
        capacities: What limits each contender, in the plan's order.
        cells: In rows, a wait each.
        keywords: ``async def`` over ``def``, for each pair that the contenders make.
        rates: As measured, by contender and place.
        partings: The largest factor first.
        breaks: The largest first.
        measured: Number of places that were measured.
        visits: Number of visits to them.
        noise: By which fraction a rate varies when measured again.
        noise_assumed: Whether that is taken for granted, no place having been measured twice.
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
    partings: tuple[Parting, ...]
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
    atlas = read_atlas(run)
    visits = atlas.visits
    reach = (float(CONNECTIONS[0]), float(CONNECTIONS[-1]))
    return CrossoverMap(
        name=run.name,
        state=run.state,
        started_at=run.started_at,
        seed=run.plan.seed,
        budget_s=run.plan.budget_s,
        capacities=tuple(atlas.capacities.values()),
        cells=tuple(
            tuple(cell_at(atlas, Place(wait, connections)) for connections in CONNECTIONS) for wait in WAITS_MS
        ),
        keywords=tuple(
            KeywordMap(
                pairing=pairing,
                cells=tuple(
                    tuple(keyword_map.compare_at(atlas, pairing, Place(wait, number)) for number in CONNECTIONS)
                    for wait in WAITS_MS
                ),
                boundaries=tuple(keyword_map.boundary(atlas, pairing, wait, reach) for wait in WAITS_MS),
                overall=keyword_map.overall(
                    atlas, pairing, [Place(wait, number) for wait in WAITS_MS for number in CONNECTIONS]
                ),
            )
            for pairing in keyword_map.pairings(atlas.contenders)
        ),
        rates=tuple(
            MeasuredRate(contender=name, place=place, rate_per_s=math.exp(statistics.fmean(values)), visits=len(values))
            for name in atlas.capacities
            for place, values in measured_rates(atlas, name).items()
        ),
        partings=find_partings(atlas),
        breaks=find_breaks(atlas),
        measured=len(visits),
        visits=sum(visits.values()),
        noise=atlas.noise,
        noise_assumed=max(visits.values()) < 2,
        left_out=atlas.left_out,
        notes=tuple(_notes(atlas)),
    )


def cell_at(atlas: Atlas, place: Place) -> Cell:
    """Judge one place, measured or not."""
    rates = tuple(_choice(atlas, contender.id, place) for contender in atlas.contenders)
    ranked = sorted(rates, key=lambda choice: (choice.gave_up, -choice.rate.value))
    winner, runner_up = ranked[0], ranked[1] if len(ranked) > 1 else None
    comparison = None
    if runner_up is not None:
        # The two rates are from all visits, the ratio from those of both: it is the better judge of a close race.
        ratio = atlas.ratio(winner.contender, runner_up.contender, place)
        if ratio.value < 1 and winner.gave_up == runner_up.gave_up:
            winner, runner_up = runner_up, winner
        comparison = atlas.compare(winner.contender, runner_up.contender, place)
    return Cell(
        place=place,
        visits=atlas.visits.get(place, 0),
        rates=rates,
        winner=winner.contender,
        comparison=comparison,
    )


def gave_up(atlas: Atlas, contender: str, place: Place) -> bool:
    """Tell whether a contender failed its clients at this place, or at one that is no more demanding."""
    return any(blank.place.asks_no_more_than(place) for blank in failures(atlas, contender))


def failures(atlas: Atlas, contender: str) -> list[Blank]:
    """Return the trials in which a contender failed its clients, and did well nowhere where as much is asked."""
    own = [blank for blank in atlas.blanks if blank.gave_up and blank.contender == contender]
    well = [point.place for point in atlas.points if point.contender == contender]
    places = trials.given_up_at([blank.place for blank in own], well)
    return [blank for blank in own if blank.place in places]


def _choice(atlas: Atlas, contender: str, place: Place) -> ChoiceRate:
    bound = binding(atlas.capacities[contender], place)
    return ChoiceRate(
        contender=contender,
        rate=atlas.rate(contender, place),
        theory_per_s=bound.rate_per_s,
        bound=bound.name,
        gave_up=gave_up(atlas, contender, place),
    )


def _notes(atlas: Atlas) -> Iterator[str]:
    run = atlas.run
    if run.state != "complete":
        yield f"The sweep was cut short after {sum(atlas.visits.values())} visits: the map is of those."
    missing = [each.id for each in run.plan.contenders if each.id not in atlas.capacities]
    if missing:
        yield f"No point of {', '.join(missing)} counts, so the map is without."
    failed = {contender.id: failures(atlas, contender.id) for contender in run.plan.contenders}
    for contender, blanks in failed.items():
        if not blanks:
            continue
        first = min(blanks, key=lambda blank: blank.place)
        yield (
            f"{contender} failed its clients from a wait of {first.place.wait_ms:g} ms and "
            f"{first.place.connections:g} connections on ({first.reason}); its figures there are estimates."
        )
    lost = [blank for blank in atlas.blanks if blank not in failed[blank.contender]]
    if lost:
        yield f"Void, so not counted: {len(lost)} trials; the first: {lost[0].reason.splitlines()[0]}."
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
