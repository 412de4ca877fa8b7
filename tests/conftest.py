"""Sweeps of made-up servers, for whatever reads a crossover map, and reports without drawings."""

from __future__ import annotations

import dataclasses
import gc
import math
import random
import signal
from collections.abc import Callable, Mapping, Sequence

import pytest

from benchmarks.calibration.crossover_map import TRUTHS, Truth, allowed_per_s, made_up_trial
from benchmarks.contenders import catalogue
from benchmarks.measure import sweep
from benchmarks.model import Place, Run, RunState, Trial
from benchmarks.report.charts import canvas
from tests.blank_charts import BLANK

PLACES = tuple((wait, number) for wait in (0, 1, 5, 20, 100) for number in (1, 5, 20, 100, 500))


# What is imported and collected stays to the end: there is nothing to be found among it.
gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage again, but never among what is loaded."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 20, 20)


def pytest_configure() -> None:
    """Hear Ctrl-C, also in a suite that was started in the background, where a shell may have it ignored.

    Who ignores it passes that on to the programs that are started, and some tests press Ctrl-C there.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the drawings of a report empty, which take longer than all the rest of it."""
    monkeypatch.setattr(canvas, "_svg", lambda *_: BLANK)


@pytest.fixture(scope="session")
def make_sweep() -> Callable[..., Run]:
    """Make a sweep of made-up servers that do exactly what the theory allows, unless told otherwise."""

    def make(
        places: Sequence[tuple[float, int]] = PLACES,
        truths: Mapping[str, Truth] = TRUTHS,
        *,
        visits: int = 1,
        noise: float = 0.0,
        factor: Callable[[str, float, int], float] = lambda _contender, _wait, _connections: 1.0,
        change: Callable[[Trial], Trial] = lambda trial: trial,
        observed: bool = True,
        state: RunState = "complete",
        environment: Mapping[str, str | int | float | bool | None] | None = None,
        budget_s: float | None = 600.0,
    ) -> Run:
        waves = random.Random(7)  # noqa: S311 (not for secrets)
        plan = sweep.plan_sweep(catalogue.select(truths), sorted({wait for wait, _ in places}), budget_s or 1.0, seed=3)
        trials, number = [], 0
        for _ in range(visits):
            for wait, connections in places:
                number += 1
                for contender, truth in truths.items():
                    place = Place(wait, connections)
                    rate = allowed_per_s(truth, place) * factor(contender, wait, connections)
                    trial = made_up_trial(contender, truth, place, rate * math.exp(waves.gauss(0, noise)), number)
                    trials.append(change(trial if observed else dataclasses.replace(trial, observation=None)))
        quiet: Mapping[str, str | int | float | bool | None] = {
            "logical_cores": 2,
            "load_average_1m": 0.1,
            "server_cpus": "1",
            "loader_cpus": "0",
        }
        return Run(
            name="2026-01-01T00-00-00-crossover",
            state=state,
            started_at="2026-01-01T00:00:00.000+00:00",
            finished_at=None,
            plan=dataclasses.replace(plan, budget_s=budget_s),
            environment=quiet if environment is None else environment,
            trials=tuple(trials),
        )

    return make
