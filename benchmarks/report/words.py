"""The words of reports: names, places, bounds and ratios, and the sentences that are made of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.judge import wording
from benchmarks.judge.comparison import MARGIN
from benchmarks.judge.crossover import CONNECTIONS, Break, Choice, CrossoverMap, MeasuredRate
from benchmarks.judge.judgement import Standing
from benchmarks.judge.keyword_map import Boundary, KeywordMap, Pairing
from benchmarks.judge.theory import Capacity
from benchmarks.model import Place
from benchmarks.report.figures import amount
from benchmarks.report.naming import arrangement_name, framework_name, keyword

_KNEE_LOSS: Final = 0.5
"""Two bounds that are equal leave half of their rate in the worst of queues; what is less has another cause."""

_BOUND_SHORT: Final = {
    "threads": "the threads allow",
    "connections": "the connections allow",
    "cpu": "the CPU allows",
}
_LEVELS: Final = (1.5, 3.0)
"""Ratios from which a square is darker."""


def contender_name(contender: str) -> str:
    """Spell a contender's id out: ``flask-async@hypercorn`` is ``Flask on Hypercorn, async def``."""
    app, at, serving = contender.partition("@")
    framework, dash, variant = app.rpartition("-")
    if not dash:
        return arrangement_name(contender)
    return f"{arrangement_name(f'{framework}{at}{serving}')}, {keyword(variant)}"


def at_place(place: Place) -> str:
    """Say where: ``5 ms, 20 connections``."""
    return f"{place.wait_ms:.3g} ms, {connections(place.connections)}"


def connections(number: float) -> str:
    """Write a number of connections, without digits that nobody knows: ``1 connection``, ``7 connections``."""
    shown = f"{number:.2g}" if number < 100 else f"{number:.0f}"
    return f"{shown} connection{'' if shown == '1' else 's'}"


def bound_formula(choice: Choice, capacity: Capacity, place: Place, processes: int = 1) -> str:
    """Write the bound as it is calculated: ``6 threads / 20 ms = 300 req/s``."""
    many = "" if processes == 1 else f"{processes} × "
    if choice.bound == "threads":
        parts = f"{wording.things(float(capacity.threads or 0), 'thread')} / {amount(place.wait_ms, 'ms')}"
    elif choice.bound == "connections":
        parts = f"{connections(place.connections)} / {amount(place.wait_ms + capacity.service_ms, 'ms')}"
    else:
        parts = f"1 / {amount(capacity.cpu_us, 'µs')} of CPU"
    return f"{many}{parts} = {amount(choice.theory_per_s, 'req/s')}"


def ratio_text(value: float) -> str:
    """Write a ratio for a square: three digits are enough to tell who wins by how much."""
    return f"{value:.0f}×" if value >= 9.95 else f"{value:.1f}×" if value >= 0.995 else f"{value:.2f}×"


def level_of(ratio: float, standing: Standing) -> int:
    """Return how far a ratio is from 1, from 0 (not at all, or not surely) to 3."""
    if standing not in ("faster", "slower"):
        return 0
    return 1 + sum(max(ratio, 1 / ratio) >= limit for limit in _LEVELS)


def boundary_text(boundary: Boundary) -> str:
    """Say where async def starts to pay, for one wait."""
    if boundary.begins is None:
        if boundary.costs:
            return "never pays, and is slower"
        return "never pays" if boundary.low is None else "does not pay, as far as this sweep can tell"
    begins, until = whole(boundary.begins), ""
    if boundary.ends is not None:
        until = f", up to {connections(whole(boundary.ends))}"
    if boundary.high is None:
        return f"may pay from about {connections(begins)} on{until}; not surely anywhere"
    surely = whole(boundary.high)
    doubt = "" if surely == begins else f" (surely from {surely:g})"
    about = "" if begins <= CONNECTIONS[0] else "about "
    return f"pays from {about}{connections(begins)} on{doubt}{until}"


def whole(number: float) -> float:
    """Return the whole number of connections with which something found between two of them is so."""
    return float(math.ceil(number - 1e-6))


def comparison_title(pairing: Pairing) -> str:
    """Name a question about the keyword."""
    if pairing.kind == "twins":
        return f"{arrangement_name(pairing.subject)}: async def over def"
    return f"{framework_name(pairing.subject)}: its best async def over its best def"


def boundary_lines(boundaries: Sequence[Boundary]) -> Iterator[tuple[str, str]]:
    """Yield waits and what is so there; neighbours of which the same is so together."""
    for text, group in itertools.groupby(boundaries, key=boundary_text):
        waits = [boundary.wait_ms for boundary in group]
        yield (f"{waits[0]:g} ms" if len(waits) == 1 else f"{waits[0]:g} to {waits[-1]:g} ms"), text


def keyword_answer(found: KeywordMap) -> str:
    """Say where async def pays, wait by wait."""
    told = "; ".join(
        f"{'with a wait of ' if number == 0 else ''}{waits} it {text}"
        for number, (waits, text) in enumerate(boundary_lines(found.boundaries))
    )
    return f"{comparison_title(found.pairing)}: {told}."


def winners_sentence(found: CrossoverMap) -> str:
    """Say who serves the most on how much of the map."""
    cells = [cell for row in found.cells for cell in row]
    wins = {each.contender: 0 for each in found.capacities}
    for cell in cells:
        if cell.comparison is None or cell.comparison.standing == "faster":
            wins[cell.winner] += 1
    level = sum(cell.comparison is not None and cell.comparison.standing == "equal" for cell in cells)
    unsure = len(cells) - level - sum(wins.values())
    told = [f"{contender_name(name)} on {count}" for name, count in sorted(wins.items(), key=lambda w: -w[1]) if count]
    return (
        f"Of {len(cells)} places, the most is served by {'; '.join(told) or 'nobody'}. On {level} the first two are "
        f"equal within {wording.percent(MARGIN)}, on {unsure} this sweep cannot tell."
    )


def parting_sentence(parting: MeasuredRate) -> str:
    """Say where a measured rate is not what the theory allows."""
    knee = (
        " (two bounds meet there, and queues take some of it)"
        if parting.knee and _KNEE_LOSS <= parting.factor < 1
        else ""
    )
    return (
        f"{parting.contender} at {at_place(parting.place)}: {wording.times(parting.factor)} × the theory, "
        f"{amount(parting.rate_per_s, 'req/s')} where {_BOUND_SHORT[parting.bound]} "
        f"{amount(parting.theory_per_s, 'req/s')}{knee}."
    )


def anomaly_sentence(found: Break) -> str:
    """Say where a rate does what it should not."""
    grew = "more connections" if found.along == "connections" else "a longer wait"
    did = "falls" if found.factor < 1 else "rises"
    return (
        f"{found.contender} {did} with {grew}: {wording.times(found.factor)} × from "
        f"{at_place(found.start)} to {at_place(found.end)}."
    )
