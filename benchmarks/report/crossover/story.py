"""Puts a crossover map into words: every sentence and figure of its reports, once for all renderers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.judge import wording
from benchmarks.judge.crossover import CONNECTIONS, WAITS_MS, Cell, CrossoverMap, KeywordMap
from benchmarks.judge.keyword_map import MARGIN, Boundary, Comparison, KeywordCell, Standing
from benchmarks.judge.partings import PARTED_FACTOR, Break, Parting
from benchmarks.judge.theory import Capacity
from benchmarks.model import Place
from benchmarks.report.crossover.words import at_place, boundary_text, contender_name, level_of, ratio_text
from benchmarks.report.figures import amount
from benchmarks.report.naming import arrangement_name, framework_name
from benchmarks.report.plain_text import one_line

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PARTINGS_TOLD: Final = 10
BREAKS_TOLD: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """One place as a square of a heat map.

    Attributes:
        text: What is written in it: ``2.3×``, ``=`` where it is equal, ``1.1?`` where that is not sure.
        letter: Of the contender that serves the most; empty where the square is of the keyword.
        standing: How the ratio stands to 1.
        level: How far from 1, from 0 to 3.
        measured: Whether somebody was there; if not, it is estimated from its neighbours.
    """

    text: str
    letter: str
    standing: Standing
    level: int
    measured: bool

    @property
    def label(self) -> str:
        """Letter and text; ``~`` marks what is estimated."""
        return f"{'' if self.measured else '~'}{self.letter}{' ' if self.letter and self.text else ''}{self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A heat map in words.

    Attributes:
        name: A short one, unique among the grids.
        title: What it shows.
        explanation: How to read it.
        squares: In rows, a wait each.
        boundaries: Where async def starts to pay, told wait by wait; empty where the grid is not of the keyword.
        answer: The same in a sentence; empty the same.
        lines: The boundaries themselves.
    """

    name: str
    title: str
    explanation: str
    squares: tuple[tuple[Square, ...], ...]
    boundaries: tuple[tuple[str, str], ...] = ()
    answer: str = ""
    lines: tuple[Boundary, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One contender, as the legend has it.

    Attributes:
        letter: Stands for it in the heat map.
        contender: Its id.
        name: Spelled out.
        threads: Waits that it holds at once, in words.
        cpu: CPU time a request, in words.
        service: How long an answer takes alone, in words.
    """

    letter: str
    contender: str
    name: str
    threads: str
    cpu: str
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MapStory:
    """A crossover map in words; see the attributes' types."""

    name: str
    when: str
    answers: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    contestants: tuple[Contestant, ...]
    winners: Grid
    keywords: tuple[Grid, ...]
    partings: tuple[str, ...]
    more_partings: int
    breaks: tuple[str, ...]
    precision: str
    method: tuple[str, ...]
    notes: tuple[str, ...]
    command: str


def tell_map(found: CrossoverMap) -> MapStory:
    """Put a map into words."""
    letters = letters_of(found)
    visited = {cell.place: cell.visits > 0 for row in found.cells for cell in row}
    keywords = tuple(_keyword_grid(each, visited) for each in found.keywords)
    winners = _winner_grid(found, letters)
    return MapStory(
        name=one_line(found.name),
        when=one_line(found.started_at),
        answers=(*(grid.answer for grid in keywords), winners_sentence(found)),
        columns=tuple(f"{number:g}" for number in CONNECTIONS),
        rows=tuple(f"{wait:g} ms" for wait in WAITS_MS),
        contestants=tuple(_contestant(letters[each.contender], each) for each in found.capacities),
        winners=winners,
        keywords=keywords,
        partings=tuple(_parting(each) for each in found.partings[:PARTINGS_TOLD]),
        more_partings=max(0, len(found.partings) - PARTINGS_TOLD),
        breaks=tuple(_break(each) for each in found.breaks[:BREAKS_TOLD]),
        precision=_precision(found),
        method=_method(found),
        notes=tuple(one_line(note) for note in found.notes),
        command=_command(found),
    )


def letters_of(found: CrossoverMap) -> dict[str, str]:
    """Return the letter that stands for each contender, by id."""
    return dict(zip((each.contender for each in found.capacities), itertools.cycle(LETTERS), strict=False))


def comparison_title(comparison: Comparison) -> str:
    """Name a question about the keyword."""
    if comparison.kind == "twins":
        return f"{arrangement_name(comparison.subject)}: async def over def"
    return f"{framework_name(comparison.subject)}: its best async def over its best def"


def winners_sentence(found: CrossoverMap) -> str:
    """Say who serves the most on how much of the map."""
    cells = [cell for row in found.cells for cell in row]
    wins = {each.contender: 0 for each in found.capacities}
    for cell in cells:
        if cell.standing == "more":
            wins[cell.winner] += 1
    level = sum(cell.standing == "equal" for cell in cells)
    unsure = len(cells) - level - sum(wins.values())
    told = [f"{contender_name(name)} on {count}" for name, count in sorted(wins.items(), key=lambda w: -w[1]) if count]
    return (
        f"Of {len(cells)} places, the most is served by {'; '.join(told) or 'nobody'}. On {level} the first two are "
        f"equal within {wording.percent(MARGIN)}, on {unsure} this sweep cannot tell."
    )


def _boundary_lines(boundaries: Sequence[Boundary]) -> Iterator[tuple[str, str]]:
    """Yield waits and what is so there; neighbours of which the same is so together."""
    for text, group in itertools.groupby(boundaries, key=boundary_text):
        waits = [boundary.wait_ms for boundary in group]
        yield (f"{waits[0]:g} ms" if len(waits) == 1 else f"{waits[0]:g} to {waits[-1]:g} ms"), text


def _keyword_grid(found: KeywordMap, visited: dict[Place, bool]) -> Grid:
    title = comparison_title(found.comparison)
    lines = tuple(_boundary_lines(found.boundaries))
    told = "; ".join(
        f"{'with a wait of ' if number == 0 else ''}{waits} it {text}" for number, (waits, text) in enumerate(lines)
    )
    return Grid(
        name=f"{found.comparison.kind} {found.comparison.subject}",
        title=title,
        explanation=(
            f"Requests served by async def over those by def. = is equal within {wording.percent(MARGIN)}; ? is not "
            "sure; ~ is estimated from measured neighbours."
        ),
        squares=tuple(
            tuple(_keyword_square(cell, measured=visited[cell.place]) for cell in row) for row in found.cells
        ),
        boundaries=lines,
        answer=f"{title}: {told}.",
        lines=found.boundaries,
    )


def _keyword_square(cell: KeywordCell, *, measured: bool) -> Square:
    text = {"equal": "=", "unsure": ratio_text(cell.ratio.value).replace("×", "?")}
    return Square(
        text=text.get(cell.standing, ratio_text(cell.ratio.value)),
        letter="",
        standing=cell.standing,
        level=level_of(cell.ratio.value, cell.standing),
        measured=measured,
    )


def _winner_grid(found: CrossoverMap, letters: dict[str, str]) -> Grid:
    return Grid(
        name="winners",
        title="Who serves the most, and how many times the next",
        explanation=(
            f"= is equal within {wording.percent(MARGIN)}; ? is not sure; ~ is estimated from measured neighbours."
            + (" none: every contender left clients without an answer." if _nobody(found) else "")
        ),
        squares=tuple(tuple(_winner_square(cell, letters) for cell in row) for row in found.cells),
    )


def _nobody(found: CrossoverMap) -> bool:
    return any(all(choice.gave_up for choice in cell.rates) for row in found.cells for cell in row)


def _winner_square(cell: Cell, letters: dict[str, str]) -> Square:
    if all(choice.gave_up for choice in cell.rates):
        return Square(text="none", letter="", standing="unsure", level=0, measured=cell.visits > 0)
    value = 1.0 if cell.ratio is None else cell.ratio.value
    shown = "" if cell.ratio is None else ratio_text(value)
    return Square(
        text={"equal": "=", "unsure": "?"}.get(cell.standing, shown),
        letter=letters[cell.winner],
        standing=cell.standing,
        level=level_of(value, cell.standing),
        measured=cell.visits > 0,
    )


def _contestant(letter: str, capacity: Capacity) -> Contestant:
    threads = {
        "held": f"{wording.things(float(capacity.threads or 0), 'wait')} at once, a thread each",
        "free": f"waits hold no thread ({amount(capacity.most_waits)} at once seen)",
        "not reached": "not known: too few connections were tried",
        "not observed": "not observed",
    }[capacity.threads_seen]
    cpu = amount(capacity.cpu_us, "µs")
    return Contestant(
        letter=letter,
        contender=one_line(capacity.contender),
        name=contender_name(capacity.contender),
        threads=threads,
        cpu=cpu if capacity.cpu_busy or capacity.cpu_us is None else f"{cpu} (the least seen; never at its limit)",
        service=amount(capacity.service_ms, "ms"),
    )


def _parting(parting: Parting) -> str:
    knee = (
        " (two bounds meet there, and queues round the knee off)"
        if parting.knee and _KNEE_LOSS <= parting.factor < 1
        else ""
    )
    return (
        f"{one_line(parting.contender)} at {at_place(parting.place)}: {wording.times(parting.factor)} × the theory, "
        f"{amount(parting.measured_per_s, 'req/s')} where {_BOUND_SHORT[parting.bound]} "
        f"{amount(parting.theory_per_s, 'req/s')}{knee}."
    )


_KNEE_LOSS: Final = 0.5
"""Two bounds that are equal leave half of their rate in the worst of queues; what is less has another cause."""

_BOUND_SHORT: Final = {
    "threads": "the threads allow",
    "connections": "the connections allow",
    "cpu": "the CPU allows",
}


def _break(found: Break) -> str:
    grew = "more connections" if found.along == "connections" else "a longer wait"
    did = "falls" if found.factor < 1 else "rises"
    return (
        f"{one_line(found.contender)} {did} with {grew}: {wording.times(found.factor)} × from "
        f"{at_place(found.start)} to {at_place(found.end)}."
    )


def _precision(found: CrossoverMap) -> str:
    noise = "is taken to vary" if found.noise_assumed else "varied"
    left_out = (
        ""
        if found.left_out is None
        else f" Estimated from its neighbours alone, a measured rate is off by {100 * found.left_out:.0f} % (root mean "
        "square, the worst of the contenders)."
    )
    return (
        f"{found.measured} places in {found.visits} visits. Measured again, a rate {noise} by "
        f"{100 * found.noise:.1f} %.{left_out}"
    )


def _method(found: CrossoverMap) -> tuple[str, ...]:
    budget = "" if found.budget_s is None else f" It was given {amount(found.budget_s, 's')}."
    visit = (
        "A visit is to one place: a wait and a number of connections. Every contender takes its turn there, in a "
        f"random order from seed {found.seed}, on a server and with a loader started for it; ratios are made inside a "
        "visit, so that a machine whose speed drifts slows all alike."
    )
    choice = (
        "First comes a coarse grid, then the places where the winner or the sign of async over def is least sure, or "
        f"the theory is off, for the time that a visit costs; one visit of six goes back to a place.{budget}"
    )
    rate = (
        "Each connection asks again when it has its answer. A rate is counted, or, where an interval is not many "
        "answers a connection long, it is connections over mean latency (Little's law)."
    )
    theory = (
        "The theory is the least of threads / wait, connections / (wait + service time) and 1 / CPU a request. "
        "Threads, service time and CPU are each contender's own, observed in this sweep."
    )
    between = (
        "Between measured places, what is estimated is measurement over theory, in logarithms (kriging); intervals "
        "are 95 %, widened where leaving places out shows that they would be too narrow."
    )
    apart = f"Theory and measurement part where one is {PARTED_FACTOR:g} times the other, and more than the noise."
    return (visit, choice, rate, theory, between, apart)


def _command(found: CrossoverMap) -> str:
    budget = "" if found.budget_s is None else f" --budget {found.budget_s:g}s"
    chosen = "".join(f" -c {one_line(each.contender)}" for each in found.capacities)
    return f"lab crossover{budget} --seed {found.seed}{chosen}"
