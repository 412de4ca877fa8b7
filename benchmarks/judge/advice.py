"""Answers from a map, for one view: should it be `async def`, and on what?"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from benchmarks.judge.atlas import Atlas, comparison_at, estimate_of
from benchmarks.judge.crossover import Choice
from benchmarks.judge.judgement import Comparison
from benchmarks.judge.keyword_map import Boundary, best_pairings, boundary
from benchmarks.judge.theory import Capacity, binding, theory_per_s
from benchmarks.model import Place, Run

Basis = Literal["measured", "between", "outside"]
"""Whether every contender was measured at the place, or it lies between places that were, or outside all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The answer.

    Attributes:
        asked: The view's wait, and how many connections ask at once.
        threads: That each process has; ``None`` for what the map's servers had.
        cores: Of the machine; each has a process of its own.
        map_name: Of the run behind the answer.
        map_state: Of that run.
        place: Where each process is on the map.
        processes: That share the connections.
        basis: See ``Basis``.
        predicted: Whether it is a prediction: for more cores than the map has, or outside of it.
        answers: By framework, in the plan's order: its best ``async def`` over its best ``def`` contender; refused,
            with one side empty, if the map has only one of the keywords.
        boundaries: By framework, from how many connections ``async def`` pays with this wait; without the frameworks
            for which a prediction was asked, or one keyword is missing.
        capacities: What limits each contender with the threads that were asked about, by id.
        choices: The fastest first; their rate and theory are of all processes together.
    """

    asked: Place
    threads: int | None
    cores: int
    map_name: str
    map_state: str
    place: Place
    processes: int
    basis: Basis
    predicted: bool
    answers: tuple[Comparison, ...]
    boundaries: Mapping[str, Boundary]
    capacities: Mapping[str, Capacity]
    choices: tuple[Choice, ...]


def advise(run: Run, asked: Place, *, threads: int | None = None, cores: int = 1) -> Advice:
    """Answer a question from a sweep.

    With more cores, each has a process of its own, and these share the connections and nothing else: a machine is then
    as many times one process with its share of the connections. That is a prediction: nothing here measures it.

    Args:
        run: The sweep.
        asked: The view's wait, and how many connections ask at once.
        threads: Of each process; ``None`` for what the map's servers had.
        cores: Of the machine.
    Raises:
        EmptyMapError: No point of the sweep counts.
    """
    atlas = Atlas(run)
    processes = min(cores, int(asked.connections))
    place = Place(asked.wait_ms, asked.connections / processes)
    basis = _basis(atlas, place)
    predicted = processes > 1 or basis == "outside"
    estimates = {name: _Estimated(atlas, name, place, threads) for name in atlas.capacities}
    choices = [estimate.choice(processes) for estimate in estimates.values()]
    measured = [visited.connections for visited in atlas.visits]
    reach = min(measured), max(measured)
    answers: list[Comparison] = []
    boundaries: dict[str, Boundary] = {}
    for pairing in best_pairings(atlas.contenders):
        above, below = (
            max((estimates[name] for name in names), key=lambda each: each.rank, default=None)
            for names in (pairing.above, pairing.below)
        )
        if above is None or below is None:
            refusal = "The map has only one of the keywords."
            one, other = ("" if each is None else each.contender for each in (above, below))
            answers.append(Comparison(above=one, below=other, workload="", framework=pairing.subject, refusal=refusal))
            continue
        answers.append(above.compare(below, pairing.subject))
        if not predicted and not threads and reach[0] < reach[1]:
            boundaries[pairing.subject] = boundary(atlas, pairing, asked.wait_ms, reach)
    return Advice(
        asked=asked,
        threads=threads,
        cores=cores,
        map_name=run.name,
        map_state=run.state,
        place=place,
        processes=processes,
        basis=basis,
        predicted=predicted,
        answers=tuple(answers),
        boundaries=boundaries,
        capacities={name: estimate.capacity for name, estimate in estimates.items()},
        choices=tuple(sorted(choices, key=lambda choice: (choice.gave_up, -choice.rate.value))),
    )


class _Estimated:
    """One contender at the place that is asked about."""

    def __init__(self, atlas: Atlas, contender: str, place: Place, threads: int | None) -> None:
        self.contender = contender
        self._atlas = atlas
        self._place = place
        measured = atlas.capacities[contender]
        # If waits hold no thread, their number changes nothing.
        held = measured.threads is not None and threads is not None
        self.capacity = dataclasses.replace(measured, threads=threads) if held else measured
        self._theory_per_s = theory_per_s(self.capacity, place)
        self._moved = math.log(self._theory_per_s / theory_per_s(measured, place))
        beyond = self._moved != 0 or _basis(atlas, place) == "outside"
        self._theory_error = _theory_error(atlas, contender) if beyond else 0.0
        (value,), (self._deviation,) = atlas.log_rates(contender, [place])
        self._log_rate = float(value) + self._moved
        self._gave_up = atlas.gave_up(contender, place)
        # The larger, the better.
        self.rank = (not self._gave_up, self._log_rate)

    def choice(self, processes: int) -> Choice:
        """Return the rate that this many processes are expected to have."""
        samples = len(self._atlas.rates[self.contender].get(self._place, ()))
        deviation = math.hypot(float(self._deviation), self._theory_error)
        return Choice(
            contender=self.contender,
            rate=estimate_of(self._log_rate + math.log(processes), deviation, samples),
            bound=binding(self.capacity, self._place),
            theory_per_s=self._theory_per_s * processes,
            by_theory=self._moved != 0 or processes > 1,
            gave_up=self._gave_up,
        )

    def compare(self, other: _Estimated, framework: str) -> Comparison:
        """Compare this one with another."""
        (value,), (deviation,) = self._atlas.log_ratios([(self.contender, other.contender)], [self._place])
        error = math.hypot(float(deviation), self._theory_error, other._theory_error)
        samples = self._atlas.samples(self.contender, other.contender, self._place)
        rate = estimate_of(float(value) + self._moved - other._moved, error, samples)
        return comparison_at(self.contender, other.contender, self._place, rate, framework)


def _basis(atlas: Atlas, place: Place) -> Basis:
    places = atlas.visits
    # A visit in which a contender failed has measured nothing of it.
    if all(place in rates for rates in atlas.rates.values()):
        return "measured"
    waits, connections = [each.wait_ms for each in places], [each.connections for each in places]
    inside = min(waits) <= place.wait_ms <= max(waits) and min(connections) <= place.connections <= max(connections)
    return "between" if inside else "outside"


def _theory_error(atlas: Atlas, contender: str) -> float:
    """Return how far the theory is usually off for a contender: root mean square of the logarithms."""
    capacity = atlas.capacities[contender]
    own = [point for point in atlas.points if point.contender == contender]
    misses = [math.log(point.rate_per_s / theory_per_s(capacity, point.place)) for point in own]
    return math.sqrt(statistics.fmean(miss**2 for miss in misses))
