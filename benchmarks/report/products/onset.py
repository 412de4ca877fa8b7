"""Says where async def starts to pay: for one wait, and for all waits of a map in one piece."""

from __future__ import annotations

import math
from typing import Final

from benchmarks.judge.keyword_map import Boundary, Onset
from benchmarks.report.words import connections

_CLOSE: Final = 1.5
"""Two numbers of connections closer than this are about one number."""


def boundary_text(boundary: Boundary) -> str:
    """Say where async def starts to pay, for one wait."""
    if boundary.begins is None:
        if boundary.costs:
            return "never pays, and is slower"
        return "never pays" if boundary.low is None else "does not pay, as far as this sweep can tell"
    until = "" if boundary.ends is None else f", up to {connections(_whole(boundary.ends))}"
    if boundary.between is None:
        begins = connections(_whole(boundary.begins))
        return f"may pay from about {begins} on{until}; nowhere with certainty"
    return f"{_starts(*boundary.between, boundary.begins, ' on')}{until}"


def onset_text(onset: Onset) -> str:
    """Say where async def starts to pay on a whole map: ``pays from about 10 connections once a view waits 10 ms``."""
    on, when = "", f" once a view waits {onset.wait_ms or 0:g} ms"
    if onset.every_wait:
        on, when = " on", ", however long a view waits"
    match onset.kind:
        case "always":
            return "always pays: from 1 connection on, however long a view waits"
        case "from":
            return _starts(onset.low or 1, onset.high or 1, onset.begins or 1, on) + when
        case "perhaps":
            return f"may pay from about {connections(_whole(onset.begins or 1))}{on}{when}, but not with certainty"
        case "partly":
            return "pays at some waits only, and not at the longest"
        case "unknown":
            return "is not shown to pay anywhere: this map is too uncertain to tell"
        case "never":
            slower = "at every wait" if onset.costs == onset.waits else f"at {onset.costs} of {onset.waits} waits"
            return f"never pays, and is slower {slower}" if onset.costs else "never pays"


def _starts(low: float, high: float, begins: float, on: str) -> str:
    """Say between how many connections async def starts to pay; close numbers are about one."""
    fewest, most = _whole(low), _whole(high)
    if most > _CLOSE * fewest:
        return f"starts to pay somewhere between {fewest:g} and {connections(most)}"
    told = connections(min(max(_whole(begins), fewest), most))
    return f"pays from {told if most <= 1 else f'about {told}'}{on}"


def _whole(number: float) -> float:
    """Return the whole number of connections from which on a boundary between two of them is crossed."""
    return float(math.ceil(number - 1e-6))
