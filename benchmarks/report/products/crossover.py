"""Tells a crossover map: where async def pays in sentences, the heat maps, and where theory and measurement part."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from benchmarks.judge import wording
from benchmarks.judge.crossover import CONNECTIONS, PARTED_FACTOR, WAITS_MS, Break, Cell, CrossoverMap, MeasuredRate
from benchmarks.judge.judgement import Comparison, Standing
from benchmarks.judge.keyword_map import Boundary, KeywordMap, Pairing
from benchmarks.judge.theory import Capacity
from benchmarks.model import MARGIN, Place
from benchmarks.report.charts.crossover import heat_map, rate_curves
from benchmarks.report.document import (
    Chart,
    Column,
    Command,
    Document,
    Note,
    Row,
    Section,
    Square,
    Table,
    filled,
    table_of,
)
from benchmarks.report.figures import amount
from benchmarks.report.words import arrangement_name, at_place, connections, contender_name, framework_name

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PARTINGS_TOLD: Final = 10
BREAKS_TOLD: Final = 6
_KNEE_LOSS: Final = 0.5
"""Two equal bounds leave half of their rate in the worst of queues; a lower rate has another cause."""

_BOUNDS: Final = {"threads": "the threads allow", "connections": "the connections allow", "cpu": "the CPU allows"}
_LEVELS: Final = (1.5, 3.0)
"""Ratios from which a square is darker."""

_LOOKS: Final[Mapping[Standing, tuple[str, str]]] = {
    "faster": ("more", ""),
    "slower": ("less", ""),
    "equal": ("equal", "="),
    "undecided": ("unsure", "?"),
    "refused": ("unsure", "?"),
}
"""The tone of a square, and the sign in it where a ratio alone would claim too much."""


def map_document(found: CrossoverMap) -> Document:
    """Return the document of ``lab crossover``."""
    answers = (*map(keyword_answer, found.keywords), winners_sentence(found))
    sections = (part for section in SECTIONS for part in section(found))
    budget = "" if found.budget_s is None else f" --budget {found.budget_s:g}s"
    chosen = "".join(f" -c {each.contender}" for each in found.capacities)
    again = Command("Measure it again", f"lab crossover{budget} --seed {found.seed}{chosen}")
    return Document(
        kind="crossover",
        title="Where does `async def` pay?",
        blocks=filled((*map(Note, answers), *sections, again)),
        data={"answers": answers, **{each.name: getattr(found, each.name) for each in dataclasses.fields(found)}},
        records=list(_records(found)),
        about=f"{found.name}, {found.started_at}. Every trial is in `run.json` beside this file.",
    )


def letters_of(found: CrossoverMap) -> dict[str, str]:
    """Return the letter that stands for each contender, by id."""
    return dict(zip((each.contender for each in found.capacities), itertools.cycle(LETTERS), strict=False))


def keyword_grid(found: CrossoverMap, keyword: KeywordMap) -> Table:
    """Return what the keyword does at each place, in squares."""
    visited: dict[Place | None, bool] = {cell.place: cell.visits > 0 for row in found.cells for cell in row}
    return _grid(
        f"Requests served by async def over those by def. = is equal within {wording.percent(MARGIN)}; ? is not sure; "
        "~ is estimated from measured neighbours.",
        [[_keyword_square(cell, measured=visited[cell.place]) for cell in row] for row in keyword.cells],
    )


def winners_grid(found: CrossoverMap) -> Table:
    """Return who serves the most at each place, in squares."""
    letters = letters_of(found)
    nowhere = any(all(choice.gave_up for choice in cell.rates) for row in found.cells for cell in row)
    return _grid(
        f"= is equal within {wording.percent(MARGIN)}; ? is not sure; ~ is estimated from measured neighbours."
        + (" none: every contender left clients without an answer." if nowhere else ""),
        [[_winner_square(cell, letters) for cell in row] for row in found.cells],
    )


def _grid(caption: str, squares: Sequence[Sequence[Square]]) -> Table:
    return Table(
        caption=caption,
        columns=(Column("Down: the wait. Across: connections"), *(Column(f"{number:g}") for number in CONNECTIONS)),
        rows=tuple(Row((f"{wait:g} ms", *row)) for wait, row in zip(WAITS_MS, squares, strict=True)),
        kind="map",
    )


def _keyword_square(cell: Comparison, *, measured: bool) -> Square:
    value, (tone, mark) = 1.0 if cell.rate is None else cell.rate.value, _LOOKS[cell.standing]
    shown = "=" if mark == "=" else _ratio_text(value).replace("×", mark or "×")
    return Square(shown, tone, _level(value, cell.standing), measured)


def _winner_square(cell: Cell, letters: Mapping[str, str]) -> Square:
    measured = cell.visits > 0
    if all(choice.gave_up for choice in cell.rates):
        return Square("none", "unsure", 0, measured)
    rate = None if cell.comparison is None else cell.comparison.rate
    standing = "faster" if cell.comparison is None else cell.comparison.standing
    value, letter, (tone, mark) = 1.0 if rate is None else rate.value, letters[cell.winner], _LOOKS[standing]
    text = f"{letter} {mark or ('' if rate is None else _ratio_text(value))}".rstrip()
    return Square(text, tone if mark else letter, _level(value, standing), measured)


def _ratio_text(value: float) -> str:
    """Write a ratio for a square, with two or three digits."""
    return f"{value:.0f}×" if value >= 9.95 else f"{value:.1f}×" if value >= 0.995 else f"{value:.2f}×"


def _level(ratio: float, standing: Standing) -> int:
    """Return how far a ratio is from 1, from 0 (not at all, or uncertain) to 3."""
    if standing not in ("faster", "slower"):
        return 0
    return 1 + sum(max(ratio, 1 / ratio) >= limit for limit in _LEVELS)


def _keywords(found: CrossoverMap) -> Iterator[Section]:
    for keyword in found.keywords:
        title, grid = _title(keyword.pairing), keyword_grid(found, keyword)
        name = f"{keyword.pairing.kind} {keyword.pairing.subject}"
        draw = functools.partial(heat_map, name, title, grid, boundaries=keyword.boundaries)
        caption = (
            f"{_drawn(grid)} Green: async def serves more; red: it serves fewer; darker: from 1.5 and 3 times on. The "
            "upright line is where async def starts to pay, the level one how sure that is."
        )
        yield Section(title=title, blocks=(Chart(draw=draw, caption=caption, instead=(grid,)),))


def _winners(found: CrossoverMap) -> Iterator[Section]:
    title, grid, letters = "Who serves the most, and how many times the next", winners_grid(found), letters_of(found)
    draw = functools.partial(heat_map, "winners", title, grid, contenders=tuple(letters))
    contenders = table_of(
        "The contenders, and what limits each, as observed",
        found.capacities,
        (
            (Column(""), lambda capacity: letters[capacity.contender]),
            (Column("Contender", is_text=True), lambda capacity: contender_name(capacity.contender)),
            (Column("Waits at once", is_text=True, is_minor=True), _waits_at_once),
            (Column("CPU time per request", is_text=True, is_minor=True), _cpu_time),
            (Column("Alone", is_minor=True), lambda capacity: amount(capacity.service_ms, "ms")),
        ),
    )
    chart = Chart(draw=draw, caption=f"{_drawn(grid)} Darker: from 1.5 and 3 times on.", instead=(grid,))
    yield Section(title=title, blocks=(chart, contenders))


def _drawn(grid: Table) -> str:
    """Return how to read a grid where weight says what is estimated."""
    estimated = "~ is estimated from measured neighbours"
    return grid.caption.replace(estimated, "bold is measured, the rest is estimated from measured neighbours")


def _waits_at_once(capacity: Capacity) -> str:
    return {
        "held": f"{wording.things(float(capacity.threads or 0), 'wait')} at once, a thread each",
        "free": f"waits hold no thread ({amount(capacity.most_waits)} at once seen)",
        "not reached": "not known: too few connections were measured",
        "not observed": "not observed",
    }[capacity.threads_seen]


def _cpu_time(capacity: Capacity) -> str:
    cpu = amount(capacity.cpu_us, "µs")
    is_known = capacity.cpu_busy or capacity.cpu_us is None
    return cpu if is_known else f"{cpu} (the least seen; never at its limit)"


def _theory(found: CrossoverMap) -> Iterator[Section]:
    caption = (
        "Marks: measured. Solid: estimated between. Dashed: the theory, which is the smallest of threads / wait, "
        "connections / (wait + service time) and 1 / CPU time per request. Both axes are logarithmic."
    )
    chart = Chart(draw=functools.partial(rate_curves, found, letters_of(found)), caption=caption)
    parted = [Note(parting_sentence(each)) for each in found.partings[:PARTINGS_TOLD]]
    if (more := len(found.partings) - PARTINGS_TOLD) > 0:
        parted.append(Note(f"And at {more} more places."))
    parts = filled((chart, Section(title="Where the two part", blocks=tuple(parted))))
    yield Section(title="Measurement and theory", blocks=parts)


def _anomalies(found: CrossoverMap) -> Iterator[Section]:
    yield Section(title="Anomalies", blocks=tuple(Note(anomaly_sentence(each)) for each in found.breaks[:BREAKS_TOLD]))


def _notes(found: CrossoverMap) -> Iterator[Section]:
    noise = f"{'is taken to vary' if found.noise_assumed else 'varied'} by {100 * found.noise:.1f} %"
    precision = f"{found.measured} places in {found.visits} visits. Measured again, a rate {noise}."
    if found.left_out is not None:
        off = f"is off by {100 * found.left_out:.0f} % (root mean square, the worst of the contenders)"
        precision += f" Estimated from its neighbours alone, a measured rate {off}."
    yield Section(title="Notes", blocks=tuple(map(Note, (precision, *found.notes))))


def _how(found: CrossoverMap) -> Iterator[Section]:
    yield Section(title="How it was measured", blocks=tuple(map(Note, _method(found))), is_folded=True)


SECTIONS: list[Callable[[CrossoverMap], Iterable[Section]]] = [_keywords, _winners, _theory, _anomalies, _notes, _how]
"""The sections below a map's answers, in order; to add one, add its function here."""


def keyword_answer(found: KeywordMap) -> str:
    """Say where async def pays, wait by wait; neighbouring waits with the same answer together."""
    told = []
    for text, group in itertools.groupby(found.boundaries, key=boundary_text):
        waits = [f"{boundary.wait_ms:g}" for boundary in group]
        told.append(f"{' to '.join(dict.fromkeys((waits[0], waits[-1])))} ms it {text}")
    return f"{_title(found.pairing)}: with a wait of {'; '.join(told)}."


def boundary_text(boundary: Boundary) -> str:
    """Say where async def starts to pay, for one wait."""
    if boundary.begins is None:
        if boundary.costs:
            return "never pays, and is slower"
        return "never pays" if boundary.low is None else "does not pay, as far as this sweep can tell"
    begins, until = _whole(boundary.begins), ""
    if boundary.ends is not None:
        until = f", up to {connections(_whole(boundary.ends))}"
    if boundary.high is None:
        return f"may pay from about {connections(begins)} on{until}; nowhere with certainty"
    certain = _whole(boundary.high)
    doubt = "" if certain == begins else f" (certainly from {certain:g})"
    about = "" if begins <= CONNECTIONS[0] else "about "
    return f"pays from {about}{connections(begins)} on{doubt}{until}"


def _whole(number: float) -> float:
    """Return the whole number of connections from which on a boundary between two of them is crossed."""
    return float(math.ceil(number - 1e-6))


def _title(pairing: Pairing) -> str:
    """Name a question about the keyword."""
    if pairing.kind == "twins":
        return f"{arrangement_name(pairing.subject)}: async def over def"
    return f"{framework_name(pairing.subject)}: its best async def over its best def"


def winners_sentence(found: CrossoverMap) -> str:
    """Say who serves the most on how much of the map."""
    cells = [cell for row in found.cells for cell in row]
    won = [cell.winner for cell in cells if cell.comparison is None or cell.comparison.standing == "faster"]
    equal = sum(cell.comparison is not None and cell.comparison.standing == "equal" for cell in cells)
    unsure = len(cells) - equal - len(won)
    # The catalogue's order decides between those that win equally often.
    wins = {each.contender: won.count(each.contender) for each in found.capacities}
    told = [f"{contender_name(name)} on {count}" for name, count in sorted(wins.items(), key=lambda w: -w[1]) if count]
    return (
        f"Of {len(cells)} places, the most is served by {'; '.join(told) or 'none of them'}. On {equal} the first two "
        f"are equal within {wording.percent(MARGIN)}, on {unsure} this sweep cannot tell."
    )


def parting_sentence(parting: MeasuredRate) -> str:
    """Say where a measured rate is not what the theory allows."""
    is_knee = parting.knee and _KNEE_LOSS <= parting.factor < 1
    knee = " (two bounds meet there, and queues take some of it)" if is_knee else ""
    return (
        f"{parting.contender} at {at_place(parting.place)}: {wording.times(parting.factor)} × the theory, "
        f"{amount(parting.rate_per_s, 'req/s')} where {_BOUNDS[parting.bound]} "
        f"{amount(parting.theory_per_s, 'req/s')}{knee}."
    )


def anomaly_sentence(found: Break) -> str:
    """Say where a rate falls or rises although it should not."""
    grew = "more connections" if found.along == "connections" else "a longer wait"
    did = "falls" if found.factor < 1 else "rises"
    return (
        f"{found.contender} {did} with {grew}: {wording.times(found.factor)} × from "
        f"{at_place(found.start)} to {at_place(found.end)}."
    )


def _method(found: CrossoverMap) -> Iterator[str]:
    yield (
        "A visit is to one place: a wait and a number of connections. Every contender takes its turn there, in a "
        f"random order from seed {found.seed}, on a server and with a loader started for it; ratios are made inside "
        "a visit, so that a machine whose speed drifts slows all alike."
    )
    yield (
        "First comes a coarse grid, then the places where the winner or the sign of async over def is least sure, or "
        "the theory is off, for the time that a visit costs; one visit of six goes back to a place."
        + ("" if found.budget_s is None else f" It was given {amount(found.budget_s, 's')}.")
    )
    yield (
        "Each connection sends its next request when it has its answer. A rate is counted, or, where an interval is "
        "not many answers a connection long, it is connections over mean latency (Little's law)."
    )
    yield (
        "The theory is the smallest of threads / wait, connections / (wait + service time) and 1 / CPU per request. "
        "Threads, service time and CPU are each contender's own, observed in this sweep."
    )
    yield (
        "Between measured places, what is estimated is measurement over theory, in logarithms (kriging); intervals "
        "are 95 %, widened where leaving places out shows that they would be too narrow."
    )
    yield f"Theory and measurement part where one is {PARTED_FACTOR:g} times the other, and more than the noise."


def _records(found: CrossoverMap) -> Iterator[dict[str, Any]]:
    for cell in (cell for row in found.cells for cell in row):
        for choice in cell.rates:
            yield {
                "contender": choice.contender,
                "wait_ms": cell.place.wait_ms,
                "connections": cell.place.connections,
                "visits": cell.visits,
                "rate_per_s": choice.rate.value,
                "rate_low_per_s": choice.rate.low,
                "rate_high_per_s": choice.rate.high,
                "theory_per_s": choice.theory_per_s,
                "bound": choice.bound,
                "gave_up": "yes" if choice.gave_up else "no",
            }
