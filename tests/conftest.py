"""Sweeps of made-up servers, for whatever reads a crossover map."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from benchmarks.contenders import catalogue
from benchmarks.measure import sweep
from benchmarks.model import LatencySummary, LoadResult, Observation, Run, RunState, Trial


@dataclass(frozen=True, slots=True)
class Truth:
    """What limits a made-up server: waits at once (``None`` for any number), CPU a request, time of an answer alone."""

    threads: int | None
    cpu_us: float
    service_ms: float


TRUTHS: Mapping[str, Truth] = {
    "flask-sync@hypercorn": Truth(6, 450.0, 0.7),
    "flask-async@hypercorn": Truth(6, 900.0, 1.2),
    "flask-async@hypercorn+eventloop": Truth(None, 290.0, 0.4),
    "fastapi-async@uvicorn": Truth(None, 120.0, 0.25),
}
PLACES = tuple((wait, number) for wait in (0, 1, 5, 20, 100) for number in (1, 5, 20, 100, 500))


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
                    rate = _allowed(truth, wait, connections) * factor(contender, wait, connections)
                    rate *= math.exp(waves.gauss(0, noise))
                    trial = _swept(contender, truth, wait, connections, rate, number, observed=observed)
                    trials.append(change(trial))
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


def _allowed(truth: Truth, wait_ms: float, connections: int) -> float:
    allowed = [connections / ((wait_ms + truth.service_ms) / 1000), 1e6 / truth.cpu_us]
    if truth.threads is not None and wait_ms > 0:
        allowed.append(truth.threads / (wait_ms / 1000))
    return min(allowed)


def _swept(  # noqa: PLR0917 (the fixture gives them in their order)
    contender: str, truth: Truth, wait_ms: float, connections: int, rate: float, visit: int, *, observed: bool
) -> Trial:
    average_ms = connections / rate * 1000
    load = dataclasses.replace(sweep.LOAD, vus=connections)
    return Trial(
        round=visit,
        position=1,
        contender=contender,
        workload=sweep.wait_workload(wait_ms).name,
        started_at="2026-01-01T00:00:00.000+00:00",
        load=load,
        result=LoadResult(
            completed=max(1, round(rate * load.duration_s)),
            duration_s=load.duration_s,
            errors={},
            statuses={"200": 1},
            unfinished=0,
            sent_bytes=1,
            received_bytes=1,
            loader_cpu_s=0.1,
            latency=LatencySummary(
                average_ms=average_ms,
                minimum_ms=average_ms / 2,
                median_ms=average_ms,
                maximum_ms=average_ms * 2,
                p90_ms=average_ms,
                p95_ms=average_ms,
                p99_ms=average_ms,
            ),
            histogram=None,
        ),
        observation=Observation(
            cpu_user_us_per_request=truth.cpu_us,
            cpu_system_us_per_request=0.0,
            voluntary_switches_per_request=None,
            involuntary_switches_per_request=None,
            threads_started_per_request=None,
            cpu_fraction=rate * truth.cpu_us / 1e6,
            processes=1,
            threads=50,
            running_threads=1 + min(truth.threads or 0, connections),
            epoll_descriptors=1,
            resident_bytes=1,
        )
        if observed
        else None,
    )
