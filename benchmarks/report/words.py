"""The words of reports: contenders, their parts and places by the names that a reader knows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

from benchmarks.contenders.catalogue import BARE, FRAMEWORKS
from benchmarks.contenders.servers import SERVERS
from benchmarks.judge.judgement import Comparison, Standing, Summary
from benchmarks.model import Place

_SIZES: Final = {"twice": 2.0, "half": 1 / 2, "a third": 1 / 3, "a quarter": 1 / 4}
_NEAR: Final = math.log(1.05)
_FOUND: Final[Mapping[Standing, str]] = {"equal": "as many", "undecided": "undecided", "refused": "not judged"}
_KEYWORDS: Final = {"sync": "def", "async": "async def", None: "the app"}


def framework_name(framework: str) -> str:
    """Return the framework's own spelling of its name."""
    return FRAMEWORKS[framework].name if framework in FRAMEWORKS else framework


def server_name(server: str) -> str:
    """Return the server's own spelling of its name."""
    return SERVERS[server].name if server in SERVERS else server


def arrangement_name(arrangement: str) -> str:
    """Spell an arrangement out: ``flask@hypercorn+asgiref`` is ``Flask on Hypercorn + asgiref``."""
    framework, at, serving = arrangement.partition("@")
    serving, tilde, build = serving.partition("~")
    server, plus, bridge = serving.partition("+")
    spelled = f"{server_name(server)}{' + ' if plus else ''}{bridge}{', Python ' if tilde else ''}{build}"
    return f"{framework_name(framework)}{' on ' if at else ''}{spelled}"


def twins_name(twins: Comparison) -> str:
    """Spell the arrangement of twins out; says so where their ratio is a figure and no finding."""
    return arrangement_name(twins.arrangement) + ("" if twins.refusal is None else " (not judged)")


def contender_name(contender: str) -> str:
    """Spell a contender's id out: ``flask-async@hypercorn`` is ``Flask on Hypercorn, async def``."""
    app, at, serving = contender.partition("@")
    framework, _, variant = app.rpartition("-")
    if variant not in _KEYWORDS:
        return arrangement_name(contender)
    return f"{arrangement_name(f'{framework}{at}{serving}')}, {keyword(variant)}"


def keyword(variant: str | None) -> str:
    """Return the Python keyword that a variant stands for."""
    return _KEYWORDS.get(variant, str(variant))


def size_of(ratio: float, fewer: str = "fewer") -> str:
    """Say how many times one is of the other: ``twice``, ``1.7 times``, ``half``, ``41 % fewer``."""
    for name, exact in _SIZES.items():
        if abs(math.log(ratio / exact)) <= _NEAR:
            return name
    if ratio < 1:
        return f"{100 * (1 - ratio):.0f} % {fewer}"
    return f"{ratio:,.0f} times" if ratio >= 100 else f"{ratio:.1f} times" if ratio >= 1.15 else f"{ratio:.2f} times"


def finding_of(comparison: Comparison) -> str:
    """Say what a comparison of requests served came to, in a few words."""
    rate = comparison.rate
    if comparison.standing in _FOUND or rate is None or rate.value <= 0:
        return _FOUND.get(comparison.standing, _FOUND["refused"])
    return size_of(rate.value)


def serves(above: str, below: str, found: str) -> str:
    """Say that one serves this many of the other's requests, ``found`` being as of ``finding_of``."""
    if found == _FOUND["equal"]:
        return f"{above} serves as many requests as {below}"
    if found in _FOUND.values():
        return f"{found.capitalize()}: {above} over {below}"
    if found.endswith(" fewer"):
        return f"{above} serves {found} requests than {below}"
    return f"{above} serves {found} the requests of {below}"


def at_place(place: Place) -> str:
    """Write a place of a map: ``5 ms, 20 connections``."""
    return f"{place.wait_ms:.3g} ms, {connections(place.connections)}"


def connections(number: float) -> str:
    """Write a number of connections with its significant digits alone: ``1 connection``, ``7 connections``."""
    shown = f"{number:.2g}" if number < 100 else f"{number:.0f}"
    return f"{shown} connection{'' if shown == '1' else 's'}"


def twins_of(summaries: Iterable[Summary], workload: str) -> dict[str, list[Summary]]:
    """Group the summaries of one workload by arrangement, without the bare servers, which are no app to compare."""
    groups: dict[str, list[Summary]] = {}
    for summary in sorted(summaries, key=lambda summary: summary.framework):
        if summary.workload == workload and summary.contender not in BARE:
            groups.setdefault(summary.arrangement, []).append(summary)
    return groups
