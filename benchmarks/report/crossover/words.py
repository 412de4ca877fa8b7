"""Writes the names, places, bounds and ratios of a crossover map: one way for all that tell it."""

from __future__ import annotations

import math
from typing import Final

from benchmarks.judge import wording
from benchmarks.judge.crossover import CONNECTIONS
from benchmarks.judge.keyword_map import Boundary, Standing
from benchmarks.judge.theory import Bound, Capacity
from benchmarks.model import Place
from benchmarks.report.figures import amount
from benchmarks.report.naming import arrangement_name, keyword
from benchmarks.report.plain_text import one_line

_LEVELS: Final = (1.5, 3.0)
"""Ratios from which a square is darker."""


def contender_name(contender: str) -> str:
    """Spell a contender's id out: ``flask-async@hypercorn`` is ``Flask on Hypercorn, async def``."""
    app, at, serving = one_line(contender).partition("@")
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


def bound_formula(bound: Bound, capacity: Capacity, place: Place, processes: int = 1) -> str:
    """Write the bound as it is calculated: ``6 threads / 20 ms = 300 req/s``."""
    many = "" if processes == 1 else f"{processes} × "
    if bound.name == "threads":
        parts = f"{wording.things(float(capacity.threads or 0), 'thread')} / {amount(place.wait_ms, 'ms')}"
    elif bound.name == "connections":
        parts = f"{connections(place.connections)} / {amount(place.wait_ms + capacity.service_ms, 'ms')}"
    else:
        parts = f"1 / {amount(capacity.cpu_us, 'µs')} of CPU"
    return f"{many}{parts} = {amount(bound.rate_per_s, 'req/s')}"


def ratio_text(value: float) -> str:
    """Write a ratio for a square: three digits are enough to tell who wins by how much."""
    return f"{value:.0f}×" if value >= 9.95 else f"{value:.1f}×" if value >= 0.995 else f"{value:.2f}×"


def level_of(ratio: float, standing: Standing) -> int:
    """Return how far a ratio is from 1, from 0 (not at all, or not surely) to 3."""
    if standing in ("equal", "unsure"):
        return 0
    return 1 + sum(max(ratio, 1 / ratio) >= limit for limit in _LEVELS)


def boundary_text(boundary: Boundary) -> str:
    """Say where async def starts to pay, for one wait."""
    if boundary.begins is None:
        if boundary.costs:
            return "never pays, and costs"
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
