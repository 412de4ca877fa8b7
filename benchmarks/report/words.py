"""The words of reports: contenders, their parts and places by the names that a reader knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from benchmarks.contenders.catalogue import BARE, FRAMEWORKS
from benchmarks.contenders.servers import SERVERS
from benchmarks.judge.judgement import Comparison, Summary
from benchmarks.model import Place

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
