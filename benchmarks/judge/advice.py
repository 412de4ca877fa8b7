"""Answers from a map, for one view: should it be `async def`, and on what?"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.errors import InvalidValueError
from benchmarks.judge import keyword_map
from benchmarks.judge.atlas import Atlas, estimate_of, read_atlas
from benchmarks.judge.comparison import standing
from benchmarks.judge.crossover import gave_up
from benchmarks.judge.judgement import Comparison, Estimate
from benchmarks.judge.keyword_map import Boundary, Pairing
from benchmarks.judge.theory import Bound, Capacity, binding
from benchmarks.model import Contender, Place, Run

Basis = Literal["measured", "between", "outside"]
"""Whether the place was measured, lies between places that were, or outside all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person tells of their view.

    Attributes:
        wait_ms: How long it waits for others, milliseconds.
        connections: How many ask at once.
        threads: That each process has to serve with; ``None`` for what the map's servers had.
        cores: Of the machine; each has a process of its own.
    """

    wait_ms: float
    connections: int
    threads: int | None = None
    cores: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What one contender is expected to do.

    Attributes:
        contender: Its id.
        rate: Per second, all processes together, with its interval.
        bound: That binds, of all processes together.
        capacity: What limits it, with the threads that were asked about.
        by_theory: Whether the answer goes beyond what was measured, by the theory alone: other threads, or more cores.
        gave_up: Whether clients got errors or no answer in time at such a place.
    """

    contender: str
    rate: Estimate
    bound: Bound
    capacity: Capacity
    by_theory: bool
    gave_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordAnswer:
    """Whether a framework's view should be ``async def``.

    Attributes:
        framework: Its name.
        asynchronous: Id of its best ``async def`` contender; ``None`` when the map has none.
        synchronous: Id of its best ``def`` contender; the same.
        comparison: The first with the second; ``None`` when one is missing.
        boundary: From how many connections on async def pays with this wait; ``None`` where a prediction was asked for.
    """

    framework: str
    asynchronous: str | None
    synchronous: str | None
    comparison: Comparison | None
    boundary: Boundary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The answer.

    Attributes:
        question: What was asked.
        map_name: Of the run that it is from.
        map_state: Of that run.
        place: Where each process is on the map.
        processes: That share the connections.
        basis: See ``Basis``.
        predicted: Whether it is a prediction: for more cores than the map has, or outside of it.
        answers: One for each framework, in the plan's order.
        choices: The fastest first.
    """

    question: Question
    map_name: str
    map_state: str
    place: Place
    processes: int
    basis: Basis
    predicted: bool
    answers: tuple[KeywordAnswer, ...]
    choices: tuple[Choice, ...]


def advise(run: Run, question: Question) -> Advice:
    """Answer a question from a sweep.

    With more cores, each has a process of its own, and these share the connections and nothing else: a machine is so
    many times one process with its share of the connections. That is a prediction: nothing here measures it.

    Raises:
        InvalidValueError: The question makes no sense.
        EmptyMapError: No point of the sweep counts.
    """
    _check(question)
    atlas = read_atlas(run)
    processes = min(question.cores, question.connections)
    place = Place(question.wait_ms, question.connections / processes)
    estimates = {contender.id: _Estimated(atlas, contender.id, place, question) for contender in atlas.contenders}
    choices = [estimate.choice(processes) for estimate in estimates.values()]
    basis = _basis(atlas, place)
    predicted = processes > 1 or basis == "outside"
    return Advice(
        question=question,
        map_name=run.name,
        map_state=run.state,
        place=place,
        processes=processes,
        basis=basis,
        predicted=predicted,
        answers=tuple(_answers(atlas, estimates, None if predicted or question.threads else question.wait_ms)),
        choices=tuple(sorted(choices, key=lambda choice: (choice.gave_up, -choice.rate.value))),
    )


class _Estimated:
    """One contender at the place that is asked about."""

    def __init__(self, atlas: Atlas, contender: str, place: Place, question: Question) -> None:
        self.contender = contender
        self._atlas = atlas
        self._place = place
        measured = atlas.capacities[contender]
        # Where waits hold no thread, their number changes nothing.
        held = measured.threads is not None and question.threads is not None
        self.capacity = dataclasses.replace(measured, threads=question.threads) if held else measured
        self.bound = binding(self.capacity, place)
        self.moved = math.log(self.bound.rate_per_s / binding(measured, place).rate_per_s)
        beyond = self.moved != 0 or _basis(atlas, place) == "outside"
        self.theory_error = _theory_error(atlas, contender) if beyond else 0.0
        self.gave_up = gave_up(atlas, contender, place)

    @property
    def log_rate(self) -> float:
        """Logarithm of the rate of one process."""
        return float(self._atlas.log_rates(self.contender, [self._place])[0][0]) + self.moved

    def choice(self, processes: int) -> Choice:
        """Return what so many processes are expected to do."""
        _, deviation = self._atlas.log_rates(self.contender, [self._place])
        samples = self._atlas.rate(self.contender, self._place).samples
        return Choice(
            contender=self.contender,
            rate=estimate_of(
                self.log_rate + math.log(processes), math.hypot(float(deviation[0]), self.theory_error), samples
            ),
            bound=Bound(self.bound.name, self.bound.rate_per_s * processes),
            capacity=self.capacity,
            by_theory=self.moved != 0 or processes > 1,
            gave_up=self.gave_up,
        )

    def compare(self, other: _Estimated) -> Comparison:
        """Compare this one with another."""
        value, deviation = self._atlas.log_ratios(self.contender, other.contender, [self._place])
        error = math.hypot(float(deviation[0]), self.theory_error, other.theory_error)
        samples = self._atlas.ratio(self.contender, other.contender, self._place).samples
        rate = estimate_of(float(value[0]) + self.moved - other.moved, error, samples)
        compared = self._atlas.compare(self.contender, other.contender, self._place)
        return dataclasses.replace(compared, rate=rate, standing=standing(rate))


def _check(question: Question) -> None:
    for name, value, least in (
        ("wait", question.wait_ms, 0),
        ("connections", question.connections, 1),
        ("threads", 1 if question.threads is None else question.threads, 1),
        ("cores", question.cores, 1),
    ):
        if not least <= value < math.inf:
            raise InvalidValueError(f"{name} is {value:g}: it must be {least} or more.")


def _basis(atlas: Atlas, place: Place) -> Basis:
    places = atlas.visits
    if place in places:
        return "measured"
    waits, connections = [each.wait_ms for each in places], [each.connections for each in places]
    inside = min(waits) <= place.wait_ms <= max(waits) and min(connections) <= place.connections <= max(connections)
    return "between" if inside else "outside"


def _theory_error(atlas: Atlas, contender: str) -> float:
    """Return by how much the theory is usually off for a contender: root mean square of the logarithms."""
    own = [point for point in atlas.points if point.contender == contender]
    misses = [
        math.log(point.rate_per_s / binding(atlas.capacities[contender], point.place).rate_per_s) for point in own
    ]
    return math.sqrt(statistics.fmean(miss**2 for miss in misses))


def _answers(atlas: Atlas, estimates: dict[str, _Estimated], wait_ms: float | None) -> Iterator[KeywordAnswer]:
    for framework in dict.fromkeys(contender.framework for contender in atlas.contenders):
        own = [contender for contender in atlas.contenders if contender.framework == framework]
        asynchronous, synchronous = (_best_of(own, variant, estimates) for variant in ("async", "sync"))
        comparison, boundary = None, None
        if asynchronous is not None and synchronous is not None:
            comparison = asynchronous.compare(synchronous)
            if wait_ms is not None:
                boundary = _boundary(atlas, framework, own, wait_ms)
        yield KeywordAnswer(
            framework=framework,
            asynchronous=None if asynchronous is None else asynchronous.contender,
            synchronous=None if synchronous is None else synchronous.contender,
            comparison=comparison,
            boundary=boundary,
        )


def _boundary(atlas: Atlas, framework: str, own: Sequence[Contender], wait_ms: float) -> Boundary | None:
    above, below = (tuple(each.id for each in own if each.variant == variant) for variant in ("async", "sync"))
    connections = [place.connections for place in atlas.visits]
    if min(connections) == max(connections):
        return None
    pairing = Pairing(kind="best", subject=framework, above=above, below=below)
    return keyword_map.boundary(atlas, pairing, wait_ms, (min(connections), max(connections)))


def _best_of(own: Sequence[Contender], variant: str, estimates: dict[str, _Estimated]) -> _Estimated | None:
    candidates = [estimates[contender.id] for contender in own if contender.variant == variant]
    return max(candidates, key=lambda each: (not each.gave_up, each.log_rate), default=None)
