"""Checks that measure at once: a side is as fast as its own tree says, and the rest of a check is as it is.

As a program, ``python -m tests.benchmarks.made_up_check``, it is ``lab`` with such measurements.
"""

from __future__ import annotations

import dataclasses
import math
import random
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.judge import check as judging
from benchmarks.measure import origin, parity, runner
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.model import Contender, Observation, Trial, Workload
from tests.benchmarks.conftest import made_up

SHOP = """
COST = {"/items": 1.0, "/orders": 1.0}


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]
"""
LAB = """
[contenders.shop]
app = "shop:app"
server = "waitress"

[requests.items]
path = "/items"

[requests.orders]
path = "/orders"
"""


NOTHING_FAILS = parity.Checked(documents={}, likeness={}, failing={})
SEEN = Observation(
    cpu_user_us_per_request=None,
    cpu_system_us_per_request=1.0,
    voluntary_switches_per_request=1.0,
    involuntary_switches_per_request=1.0,
    threads_started_per_request=0.0,
    cpu_fraction=0.9,
    processes=1,
    threads=1,
    running_threads=1,
    epoll_descriptors=1,
    resident_bytes=50_000_000,
)


def costing(items: float = 1.0, orders: float = 1.0) -> str:
    """Return the app with other costs of its requests."""
    return SHOP.replace('{"/items": 1.0, "/orders": 1.0}', f'{{"/items": {items}, "/orders": {orders}}}')


def cost_of(contender: Contender, path: str) -> float:
    """Return what a request costs by the tree that a side is served from; 1 for what is none."""
    source = Path(contender.folder, "shop.py")
    if not contender.folder or not source.exists():
        return 1.0
    (cost,) = re.findall(rf'"{path}": ([\d.]+)', source.read_text(encoding="utf-8"))
    return float(cost)


def measure_at_once(patch: pytest.MonkeyPatch, noise: float = 0.01) -> list[ScheduledTrial]:
    """Have every trial end at once, with a little noise.

    Returns:
        The trials that were asked for, as they come.
    """
    chance = random.Random(20261201)  # noqa: S311 # not for secrets
    asked: list[ScheduledTrial] = []

    def trial_of(scheduled: ScheduledTrial) -> Trial:
        cost = cost_of(scheduled.contender, scheduled.workload.path)
        trial = made_up(scheduled, math.exp(chance.gauss(0, noise)) / cost)
        cpu_us = 100.0 * cost * math.exp(chance.gauss(0, noise))
        seen = dataclasses.replace(SEEN, cpu_user_us_per_request=cpu_us)
        return dataclasses.replace(trial, observation=seen, block=scheduled.block)

    def run_block(block: Sequence[ScheduledTrial], *_with: object) -> list[Trial]:
        asked.extend(block)
        return [trial_of(scheduled) for scheduled in block]

    def agreed(contenders: Sequence[Contender], requests: Sequence[Workload], **_with: object) -> tuple[Workload, ...]:
        alone_ms = {contender.id: 1.0 for contender in contenders}
        return tuple(dataclasses.replace(request, alone_ms=alone_ms) for request in requests)

    # Each trial is written to a disk.
    patch.setattr(judging, "MOST_ROUNDS", 8)
    patch.setattr(runner, "run_block", run_block)
    patch.setattr(parity, "check_all", lambda *_arguments, **_with: NOTHING_FAILS)
    patch.setattr(parity, "agreed", agreed)
    patch.setattr(origin, "prove", lambda *_arguments: None)
    return asked


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as forever:
        measure_at_once(forever)
        main()
