"""Tells a crossover map: where async def pays in sentences, the heat maps, and where theory and measurement part."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from benchmarks.judge import wording
from benchmarks.judge.comparison import MARGIN
from benchmarks.judge.crossover import CONNECTIONS, PARTED_FACTOR, WAITS_MS, Cell, CrossoverMap
from benchmarks.judge.judgement import Comparison, Standing
from benchmarks.judge.keyword_map import KeywordMap
from benchmarks.judge.theory import Capacity
from benchmarks.model import Place
from benchmarks.report.charts.heat_map import heat_map
from benchmarks.report.charts.rate_curves import rate_curves
from benchmarks.report.document import (
    Chart,
    Column,
    Command,
    Document,
    Grid,
    Note,
    Row,
    Section,
    Square,
    Table,
    told,
)
from benchmarks.report.figures import amount
from benchmarks.report.words import (
    anomaly_sentence,
    comparison_title,
    contender_name,
    keyword_answer,
    level_of,
    parting_sentence,
    ratio_text,
    winners_sentence,
)

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PARTINGS_TOLD: Final = 10
BREAKS_TOLD: Final = 6


def map_document(found: CrossoverMap) -> Document:
    """Return the document of ``lab crossover``.

    Args:
        found: The map.
    """
    answers = (*map(keyword_answer, found.keywords), winners_sentence(found))
    return Document(
        kind="crossover",
        title="Where does `async def` pay?",
        blocks=told((*map(Note, answers), *(part for section in SECTIONS for part in section(found)), _command(found))),
        data={"answers": answers, **{each.name: getattr(found, each.name) for each in dataclasses.fields(found)}},
        records=list(_records(found)),
        about=f"{found.name}, {found.started_at}. Every trial is in `run.json` beside this file.",
    )


def letters_of(found: CrossoverMap) -> dict[str, str]:
    """Return the letter that stands for each contender, by id."""
    return dict(zip((each.contender for each in found.capacities), itertools.cycle(LETTERS), strict=False))


def keyword_grid(found: CrossoverMap, keyword: KeywordMap) -> Grid:
    """Return what the keyword does at each place, in squares."""
    visited: dict[Place | None, bool] = {cell.place: cell.visits > 0 for row in found.cells for cell in row}
    return _grid(
        f"Requests served by async def over those by def. = is equal within {wording.percent(MARGIN)}; ? is not sure; "
        "~ is estimated from measured neighbours.",
        [[_keyword_square(cell, measured=visited[cell.place]) for cell in row] for row in keyword.cells],
    )


def winners_grid(found: CrossoverMap) -> Grid:
    """Return who serves the most at each place, in squares."""
    letters = letters_of(found)
    nobody = any(all(choice.gave_up for choice in cell.rates) for row in found.cells for cell in row)
    return _grid(
        f"= is equal within {wording.percent(MARGIN)}; ? is not sure; ~ is estimated from measured neighbours."
        + (" none: every contender left clients without an answer." if nobody else ""),
        [[_winner_square(cell, letters) for cell in row] for row in found.cells],
    )


def _grid(caption: str, squares: Sequence[Sequence[Square]]) -> Grid:
    return Grid(
        caption=caption,
        corner="Down: the wait. Across: connections",
        columns=tuple(f"{number:g}" for number in CONNECTIONS),
        rows=tuple((f"{wait:g} ms", tuple(row)) for wait, row in zip(WAITS_MS, squares, strict=True)),
    )


_TONES: Final[Mapping[Standing, str]] = {
    "faster": "more",
    "slower": "less",
    "equal": "equal",
    "undecided": "unsure",
    "refused": "unsure",
}


def _keyword_square(cell: Comparison, *, measured: bool) -> Square:
    value, tone = 1.0 if cell.rate is None else cell.rate.value, _TONES[cell.standing]
    shown = {"equal": "=", "unsure": ratio_text(value).replace("×", "?")}.get(tone, ratio_text(value))
    return Square(shown, tone, level_of(value, cell.standing), measured)


def _winner_square(cell: Cell, letters: Mapping[str, str]) -> Square:
    measured = cell.visits > 0
    if all(choice.gave_up for choice in cell.rates):
        return Square("none", "unsure", 0, measured)
    rate = None if cell.comparison is None else cell.comparison.rate
    standing = "faster" if cell.comparison is None else cell.comparison.standing
    value = 1.0 if rate is None else rate.value
    shown = "" if rate is None else ratio_text(value)
    letter = letters[cell.winner]
    tone = _TONES[standing]
    text = f"{letter} { ({'equal': '=', 'unsure': '?'}.get(tone, shown)) }".rstrip()
    return Square(text, tone if tone in {"equal", "unsure"} else letter, level_of(value, standing), measured)


def _keywords(found: CrossoverMap) -> Iterator[Section]:
    yield from (_keyword(found, keyword) for keyword in found.keywords)


def _keyword(found: CrossoverMap, keyword: KeywordMap) -> Section:
    title, grid = comparison_title(keyword.pairing), keyword_grid(found, keyword)
    name = f"{keyword.pairing.kind} {keyword.pairing.subject}"
    draw = functools.partial(heat_map, name, title, grid, boundaries=keyword.boundaries)
    caption = (
        f"{_drawn(grid)} Green: async def serves more; red: it serves fewer; darker: from 1.5 and 3 times on. The "
        "upright line is where async def starts to pay, the level one how sure that is."
    )
    return Section(title=title, blocks=(Chart(draw=draw, caption=caption, instead=(grid,)),))


def _winners(found: CrossoverMap) -> Iterator[Section]:
    title, grid = "Who serves the most, and how many times the next", winners_grid(found)
    draw = functools.partial(heat_map, "winners", title, grid, contenders=tuple(letters_of(found)))
    chart = Chart(draw=draw, caption=f"{_drawn(grid)} Darker: from 1.5 and 3 times on.", instead=(grid,))
    yield Section(title=title, blocks=(chart, _contenders(found)))


def _drawn(grid: Grid) -> str:
    """Return how to read a grid where weight says what is estimated."""
    estimated = "~ is estimated from measured neighbours"
    return grid.caption.replace(estimated, "bold is measured, the rest is estimated from measured neighbours")


def _contenders(found: CrossoverMap) -> Table:
    letters = letters_of(found)
    return Table(
        caption="The contenders, and what limits each, as observed",
        columns=(
            Column(title=""),
            Column(title="Contender", is_text=True),
            Column(title="Waits at once", is_text=True, is_minor=True),
            Column(title="CPU time per request", is_text=True, is_minor=True),
            Column(title="Alone", is_minor=True),
        ),
        rows=tuple(_contender(letters[each.contender], each) for each in found.capacities),
    )


def _contender(letter: str, capacity: Capacity) -> Row:
    threads = {
        "held": f"{wording.things(float(capacity.threads or 0), 'wait')} at once, a thread each",
        "free": f"waits hold no thread ({amount(capacity.most_waits)} at once seen)",
        "not reached": "not known: too few connections were tried",
        "not observed": "not observed",
    }[capacity.threads_seen]
    cpu = amount(capacity.cpu_us, "µs")
    cpu = cpu if capacity.cpu_busy or capacity.cpu_us is None else f"{cpu} (the least seen; never at its limit)"
    return Row((letter, contender_name(capacity.contender), threads, cpu, amount(capacity.service_ms, "ms")))


def _theory(found: CrossoverMap) -> Iterator[Section]:
    caption = (
        "Marks: measured. Solid: estimated between. Dashed: the theory, which is the least of threads / wait, "
        "connections / (wait + service time) and 1 / CPU time per request. Both axes are logarithmic."
    )
    more = len(found.partings) - PARTINGS_TOLD
    parted = [Note(parting_sentence(each)) for each in found.partings[:PARTINGS_TOLD]]
    if more > 0:
        parted.append(Note(f"And at {more} more places."))
    yield Section(
        title="Measurement and theory",
        blocks=told(
            (
                Chart(draw=functools.partial(rate_curves, found, letters_of(found)), caption=caption),
                Section(title="Where the two part", blocks=tuple(parted)),
            )
        ),
    )


def _anomalies(found: CrossoverMap) -> Iterator[Section]:
    yield Section(title="Anomalies", blocks=tuple(Note(anomaly_sentence(each)) for each in found.breaks[:BREAKS_TOLD]))


def _notes(found: CrossoverMap) -> Iterator[Section]:
    yield Section(title="Notes", blocks=tuple(map(Note, (_precision(found), *found.notes))))


def _how(found: CrossoverMap) -> Iterator[Section]:
    yield Section(title="How it was measured", blocks=tuple(map(Note, _method(found))), is_folded=True)


SECTIONS: list[Callable[[CrossoverMap], Iterable[Section]]] = [_keywords, _winners, _theory, _anomalies, _notes, _how]
"""What is told of a map below its answers, in order; a further section is a function here."""


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


def _command(found: CrossoverMap) -> Command:
    budget = "" if found.budget_s is None else f" --budget {found.budget_s:g}s"
    chosen = "".join(f" -c {each.contender}" for each in found.capacities)
    return Command("Measure it again", f"lab crossover{budget} --seed {found.seed}{chosen}")


def _records(found: CrossoverMap) -> Iterator[dict[str, Any]]:
    for cell in (cell for row in found.cells for cell in row):
        place: Place = cell.place
        for choice in cell.rates:
            yield {
                "contender": choice.contender,
                "wait_ms": place.wait_ms,
                "connections": place.connections,
                "visits": cell.visits,
                "rate_per_s": choice.rate.value,
                "rate_low_per_s": choice.rate.low,
                "rate_high_per_s": choice.rate.high,
                "theory_per_s": choice.theory_per_s,
                "bound": choice.bound,
                "gave_up": "yes" if choice.gave_up else "no",
            }
