"""A run whose rounds are decided as it goes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.contenders import catalogue
from benchmarks.measure import environment, schedule
from benchmarks.measure.journal import Journal
from benchmarks.measure.runner import Instrument, growing_route
from benchmarks.model import EQUAL_RATE, Run, Workload
from tests.benchmarks.conftest import made_up


@pytest.mark.parametrize("latency_at", [None, 0.7])
def test_rounds_are_decided_before_each(tmp_path: Path, latency_at: float | None) -> None:
    """By what was measured; a request without a further round is left out, and an equal rate comes last."""
    requests = [Workload(name=name, path="/", answer="alike") for name in ("items", "orders")]
    sides = (catalogue.find("fastapi-sync@uvicorn"), catalogue.find("fastapi-async@uvicorn"))
    plan = schedule.plan("quick", sides, 1, rounds=6, requests=requests, against=sides[0].id, latency_at=latency_at)
    plan = dataclasses.replace(plan, ceilings=plan.ceilings[:1])
    instrument = Instrument(engine=Instrument.of().engine, cores=environment.Cores((), ()))
    journal: Journal = instrument.begin(tmp_path, plan, {})
    looks: list[int] = []

    def last_rounds(run: Run) -> Mapping[str, int]:
        looks.append(len(run.trials))
        return {"items": 3, "orders": 2 if run.trials else 1, EQUAL_RATE: 1}

    blocks = growing_route(last_rounds)(journal)
    asked: list[tuple[str, int]] = []
    for block in blocks:
        asked.append((block[0].workload.name, block[0].round))
        for scheduled in block:
            trial = made_up(scheduled, 1.0)
            (journal.add_trial if scheduled.round else journal.add_calibration)(trial)
    journal.finish("complete", "2026-12-01T00:00:00+00:00")

    rounds = [("health", 0), ("items", 1), ("orders", 1), ("items", 2), ("orders", 2), ("items", 3)]
    assert [*rounds, *([] if latency_at is None else [(EQUAL_RATE, 1)])] == asked
    assert 0 == looks[0]
