"""Serves contenders of the catalogue on their real servers, and holds their answers to the health contract."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from benchmarks.contenders import catalogue, installed
from benchmarks.measure import parity
from benchmarks.measure.server import running
from benchmarks.measure.workloads import HEALTH, WAIT
from benchmarks.model import Contender

Twins = Sequence[Contender]


def started(is_chosen: Callable[[Contender], bool]) -> Sequence[Twins]:
    """Return contenders with a view that no default run has, grouped by the server process that gives them."""
    others = [each for each in catalogue.CONTENDERS if each not in catalogue.USUAL and each.variant is not None]
    return catalogue.by_command([each for each in others if is_chosen(each)])


def named(twins: Twins) -> str:
    """Return the name of a group for a test."""
    return twins[0].arrangement


def check_contract(twins: Twins) -> None:
    """Start what serves a group, and ask each for the check, two waits at once, and a wait that it must refuse."""
    if lacking := installed.lacking(twins[0]):
        reason = f"{' and '.join(lacking)} not installed"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    with running(twins[0], HEALTH.path_for(twins[0])) as server, ThreadPoolExecutor(2) as pool:
        for contender in twins:
            parity.check_answer(server, contender, HEALTH)
            # What answers one client may fail another who comes meanwhile.
            list(pool.map(partial(parity.check_answer, server, contender), (WAIT, WAIT)))
            assert server.get(f"/wait/{contender.variant}?ms=1001").status in (400, 422)
