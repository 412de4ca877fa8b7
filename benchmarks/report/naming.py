"""Gives contenders and their parts the names that a reader knows them by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from benchmarks.contenders.catalogue import FRAMEWORKS
from benchmarks.contenders.servers import SERVERS
from benchmarks.judge.judgement import Summary

_KEYWORDS: Final = {"sync": "def", "async": "async def", None: "no view"}


def framework_name(framework: str) -> str:
    """Return the framework's own spelling of its name."""
    known = FRAMEWORKS.get(framework)
    return framework if known is None else known.name


def server_name(server: str) -> str:
    """Return the server's own spelling of its name."""
    known = SERVERS.get(server)
    return server if known is None else known.name


def arrangement_name(arrangement: str) -> str:
    """Spell an arrangement out: ``flask@hypercorn+asgiref`` is ``Flask on Hypercorn + asgiref``."""
    framework, at, serving = arrangement.partition("@")
    server, plus, bridge = serving.partition("+")
    spelled = f"{server_name(server)}{' + ' if plus else ''}{bridge}"
    return f"{framework_name(framework)}{' on ' if at else ''}{spelled}"


def keyword(variant: str | None) -> str:
    """Return the Python keyword that a variant stands for."""
    return _KEYWORDS.get(variant, str(variant))


def twins_of(summaries: Iterable[Summary], workload: str) -> dict[str, list[Summary]]:
    """Group the summaries of one workload by arrangement, the bare servers left out: they have no view to compare."""
    groups: dict[str, list[Summary]] = {}
    for summary in sorted(summaries, key=lambda summary: summary.framework):
        if summary.workload == workload and summary.variant is not None:
            groups.setdefault(summary.arrangement, []).append(summary)
    return groups
