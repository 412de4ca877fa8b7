"""Tells a crossover map: where async def pays as its title, the heat maps, and where theory and measurement part."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from benchmarks.judge import wording
from benchmarks.judge.crossover import CONNECTIONS, PARTED_FACTOR, WAITS_MS, Break, Cell, CrossoverMap, MeasuredRate
from benchmarks.judge.judgement import Comparison, Standing
from benchmarks.judge.keyword_map import KeywordMap, Pairing, pays
from benchmarks.judge.theory import Capacity
from benchmarks.model import MARGIN
from benchmarks.report.charts.crossover import heat_map, rate_curves
from benchmarks.report.document import (
    Chart,
    Column,
    Command,
    Document,
    Note,
    Paragraph,
    Row,
    Section,
    Square,
    Table,
    filled,
    table_of,
)
from benchmarks.report.figures import amount
from benchmarks.report.products.onset import boundary_text, onset_text
from benchmarks.report.words import arrangement_name, at_place, contender_name, framework_name

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PARTINGS_TOLD: Final = 10
BREAKS_TOLD: Final = 6
HEADLINES_TOLD: Final = 2
ESTIMATED: Final = "~ is estimated from measured neighbours"
DARKER: Final = "Darker: from 1.5 and 3 times on."
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
    """Return the document of ``lab crossover``: its title is the answer."""
    answers = (*map(keyword_answer, found.keywords), winners_sentence(found))
    first, *others = (part for section in SECTIONS for part in section(found))
    budget = "" if found.budget_s is None else f" --budget {found.budget_s:g}s"
    chosen = "".join(f" -c {each.contender}" for each in found.capacities)
    again = Command("Measure it again", f"lab crossover{budget} --seed {found.seed}{chosen}")
    decision = decision_sentence(found)
    return Document(
        kind="crossover",
        title=headline(found),
        blocks=filled(
            (
                Paragraph(f"Where does `async def` pay? {_basis(found)}"),
                first,
                Command("For a decision document", decision),
                *others,
                again,
            )
        ),
        data={
            "headline": headline(found),
            "answers": answers,
            "decision": decision,
            **{each.name: getattr(found, each.name) for each in dataclasses.fields(found)},
        },
        records=list(_records(found)),
        about=f"{found.name}, {found.started_at}. Every trial is in `run.json` beside this file.",
    )


def headline(found: CrossoverMap) -> str:
    """Return the answer of a map in a line: where async def pays in each framework, at most two of them."""
    by_framework: dict[str, KeywordMap] = {}
    for keyword in found.keywords:
        # A framework's best contenders come before its twins.
        by_framework.setdefault(keyword.pairing.subject.partition("@")[0], keyword)
    told = [
        f"{_subject(keyword.pairing)}: `async def` {onset_text(keyword.onset)}" for keyword in by_framework.values()
    ]
    if not told:
        return winners_sentence(found).partition(". ")[0]
    return "; ".join(told[:HEADLINES_TOLD])


def decision_sentence(found: CrossoverMap) -> str:
    """Return what a decision document can quote: the answer, what it rests on, and where that is kept."""
    source = f"lab crossover, map {found.name}, seed {found.seed}, 95 % intervals; one process on one core"
    return f"{headline(found)}. {_basis(found)} ({source}.)".replace("`", "")


def _basis(found: CrossoverMap) -> str:
    """Say how much of the map was measured."""
    squares = [cell for row in found.cells for cell in row]
    visited = sum(cell.visits > 0 for cell in squares)
    places = wording.things(float(found.measured), "place")
    if visited == len(squares):
        return f"All {len(squares)} squares of the map were measured, in {places}."
    return (
        f"Measured: {visited} of the {len(squares)} squares of the map. The other {len(squares) - visited} are "
        f"estimated from {places} that were."
    )


def letters_of(found: CrossoverMap) -> dict[str, str]:
    """Return the letter that stands for each contender, by id."""
    return dict(zip((each.contender for each in found.capacities), itertools.cycle(LETTERS), strict=False))


def keyword_grid(keyword: KeywordMap) -> Table:
    """Return what the keyword does in each square of the map, measured or estimated."""
    return _grid("Requests served by async def over those by def.", map(_keyword_squares, keyword.cells))


def winners_grid(found: CrossoverMap) -> Table:
    """Return who serves the most in each square of the map, measured or estimated."""
    letters = letters_of(found)
    nowhere = any(all(choice.gave_up for choice in cell.rates) for row in found.cells for cell in row)
    return _grid(
        "Who serves the most, and how many times the next."
        + (" none: every contender left clients without an answer." if nowhere else ""),
        ([_winner_square(cell, letters) for cell in row] for row in found.cells),
    )


def _grid(about: str, rows: Iterable[Sequence[Square]]) -> Table:
    squares = list(rows)
    every = [square for row in squares for square in row]
    measured = sum(square.measured for square in every)
    return Table(
        caption=f"{about} = is equal within {wording.percent(MARGIN)}; ? is not sure; {ESTIMATED}. {measured} of "
        f"{len(every)} were measured.",
        columns=(Column("Down: the wait. Across: connections"), *(Column(f"{number:g}") for number in CONNECTIONS)),
        rows=tuple(Row((f"{wait:g} ms", *row)) for wait, row in zip(WAITS_MS, squares, strict=True)),
        kind="map",
    )


def _keyword_squares(row: Iterable[Comparison]) -> list[Square]:
    return [_keyword_square(cell) for cell in row]


def _keyword_square(cell: Comparison) -> Square:
    measured = cell.rate is not None and cell.rate.samples > 0
    value, (tone, mark) = 1.0 if cell.rate is None else cell.rate.value, _LOOKS[cell.standing]
    shown = "=" if mark == "=" else _ratio_text(value).replace("×", mark or "×")
    return Square(shown, tone, _level(value, cell.standing), measured)


def _winner_square(cell: Cell, letters: Mapping[str, str]) -> Square:
    if all(choice.gave_up for choice in cell.rates):
        return Square("none", "unsure", 0, cell.visits > 0)
    rate = None if cell.comparison is None else cell.comparison.rate
    standing = "faster" if cell.comparison is None else cell.comparison.standing
    value, letter, (tone, mark) = 1.0 if rate is None else rate.value, letters[cell.winner], _LOOKS[standing]
    text = f"{letter} {mark or ('' if rate is None else _ratio_text(value))}".rstrip()
    # A visit in which one of the two failed has measured no ratio of them.
    measured = cell.visits > 0 if rate is None else rate.samples > 0
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
        title, grid = _title(keyword.pairing), keyword_grid(keyword)
        name, areas = f"{keyword.pairing.kind} {keyword.pairing.subject}", [[*map(pays, row)] for row in keyword.cells]
        drawn = f"{_subject(keyword.pairing)}: times the requests, by wait and connections"
        draw = functools.partial(heat_map, name, drawn, grid, areas=areas)
        caption = f"{_drawn(grid)} {DARKER}"
        if len({*itertools.chain.from_iterable(areas)}) > 1:
            caption += " On one side of the line async def pays, as far as the estimates say."
        chart = Chart(draw=draw, caption=caption, instead=(grid,))
        yield Section(title=title, blocks=(chart, Note(keyword_answer(keyword))))


def _winners(found: CrossoverMap) -> Iterator[Section]:
    title, grid, letters = "Who serves the most, and how many times the next", winners_grid(found), letters_of(found)
    areas = [[cell.winner for cell in row] for row in found.cells]
    drawn = "The contender with the most requests, by wait and connections"
    draw = functools.partial(heat_map, "winners", drawn, grid, contenders=tuple(letters), areas=areas)
    contenders = table_of(
        "The contenders, and what limits each, as observed",
        found.capacities,
        (
            (Column("Letter"), lambda capacity: letters[capacity.contender]),
            (Column("Contender", is_text=True), lambda capacity: contender_name(capacity.contender)),
            (Column("Waits at once", is_text=True, is_minor=True), _waits_at_once),
            (Column("CPU time per request", is_text=True, is_minor=True), _cpu_time),
            (Column("Alone", is_minor=True), lambda capacity: amount(capacity.service_ms, "ms")),
        ),
    )
    chart = Chart(draw=draw, caption=f"{_drawn(grid)} {DARKER}", instead=(grid,))
    yield Section(title=title, blocks=(chart, Note(winners_sentence(found)), contenders))


def _drawn(grid: Table) -> str:
    """Return how to read a grid where a dot says what was measured."""
    estimated = "bold with a dot is measured, the rest is estimated from measured neighbours"
    return grid.caption.replace("? is not sure", "hatched with ? is not sure").replace(ESTIMATED, estimated)


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


def _title(pairing: Pairing) -> str:
    """Name a question about the keyword."""
    best = "its best async def over its best def"
    return f"{_subject(pairing)}: {best if pairing.kind == 'best' else 'async def over def'}"


def _subject(pairing: Pairing) -> str:
    return framework_name(pairing.subject) if pairing.kind == "best" else arrangement_name(pairing.subject)


def winners_sentence(found: CrossoverMap) -> str:
    """Say who serves the most on how much of the map, measured and estimated squares alike."""
    cells = [cell for row in found.cells for cell in row]
    won = [cell.winner for cell in cells if cell.comparison is None or cell.comparison.standing == "faster"]
    equal = sum(cell.comparison is not None and cell.comparison.standing == "equal" for cell in cells)
    unsure = len(cells) - equal - len(won)
    # The catalogue's order decides between those that win equally often.
    wins = {each.contender: won.count(each.contender) for each in found.capacities}
    told = [f"{contender_name(name)} on {count}" for name, count in sorted(wins.items(), key=lambda w: -w[1]) if count]
    return (
        f"Of {len(cells)} squares, the most is served by {'; '.join(told) or 'none of them'}. On {equal} the first two "
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
