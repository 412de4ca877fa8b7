"""Runs of made-up figures, and the shipped ledger, for the judge to judge."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import benchmarks
from benchmarks.judge.claims import Claim, parse_claims
from benchmarks.judge.evidence import Evidence
from benchmarks.model import (
    EQUAL_RATE,
    Contender,
    DocumentPair,
    LatencySummary,
    LoadProfile,
    LoadResult,
    Observation,
    Plan,
    Run,
    RunState,
    Trial,
    Workload,
)

_CPU_US = 1000.0
WORKLOADS = (
    Workload(name="health", path="/health/{variant}"),
    Workload(name="wait", path="/wait/{variant}?ms=50", wait_ms=50.0),
)
QUIET: Mapping[str, str | int | float | bool | None] = {
    "logical_cores": 2,
    "load_average_1m": 0.1,
    "server_cpus": "1",
    "loader_cpus": "0",
}

# Contender: rate per s, CPU µs per request, voluntary switches, threads started, threads alive, that ran, epoll.
FIRST_MEASUREMENTS: Mapping[str, Mapping[str, tuple[float, float, float, float, int, int, int]]] = {
    "health": {
        "flask-sync@hypercorn": (2215, 451, 5.8, 0.0, 7, 7, 1),
        "flask-async@hypercorn": (1095, 907, 8.7, 1.0, 9, 7, 2),
        "flask-sync@hypercorn+asgiref": (1480, 640, 8.2, 0.0, 2, 2, 1),
        "flask-async@hypercorn+asgiref": (1010, 960, 11.1, 0.0, 2, 2, 1),
        "fastapi-sync@hypercorn": (1900, 480, 4.9, 0.0, 11, 11, 1),
        "fastapi-async@hypercorn": (2900, 320, 0.0, 0.0, 1, 1, 1),
        "fastapi-sync@uvicorn": (3994, 248, 4.7, 0.0, 15, 11, 1),
        "fastapi-async@uvicorn": (8799, 117, 0.0, 0.0, 5, 1, 1),
    },
    "wait": {
        "flask-sync@hypercorn": (112, 799, 6.3, 0.0, 7, 7, 1),
        "flask-async@hypercorn": (112, 1728, 10.6, 1.0, 13, 7, 7),
        "flask-sync@hypercorn+asgiref": (19, 2100, 10.5, 0.0, 2, 2, 1),
        "flask-async@hypercorn+asgiref": (19, 2500, 9.8, 0.0, 2, 2, 1),
        "fastapi-sync@hypercorn": (628, 700, 6.8, 0.0, 41, 41, 1),
        "fastapi-async@hypercorn": (1050, 420, 0.05, 0.0, 1, 1, 1),
        "fastapi-sync@uvicorn": (755, 444, 6.7, 0.0, 45, 41, 1),
        "fastapi-async@uvicorn": (1499, 200, 0.1, 0.0, 5, 1, 1),
    },
}


def contender_of(name: str) -> Contender:
    """Read a contender's id."""
    app, _, serving = name.partition("@")
    server, _, bridge = serving.partition("+")
    framework, _, variant = app.rpartition("-") if app != "bare-asgi" else (app, "", "")
    return Contender(
        framework=framework,
        variant={"sync": "sync", "async": "async"}.get(variant),  # type: ignore[arg-type] # the two are the literals
        server=server,
        bridge=bridge or "none",
        arguments=("{host}", "{port}"),
        description=name,
    )


@pytest.fixture
def make_observation() -> Callable[..., Observation]:
    """Make an observation of a server that runs on one thread, unless told otherwise."""

    def make(
        *,
        cpu_us: float | None = 100.0,
        switches: float | None = 0.0,
        started: float | None = 0.0,
        threads: int | None = 1,
        running: int | None = 1,
        epoll: int | None = 1,
        cpu_fraction: float | None = 0.5,
    ) -> Observation:
        return Observation(
            cpu_user_us_per_request=None if cpu_us is None else 0.75 * cpu_us,
            cpu_system_us_per_request=None if cpu_us is None else 0.25 * cpu_us,
            voluntary_switches_per_request=switches,
            involuntary_switches_per_request=switches,
            threads_started_per_request=started,
            cpu_fraction=cpu_fraction,
            processes=1,
            threads=threads,
            running_threads=running,
            epoll_descriptors=epoll,
            resident_bytes=50_000_000,
        )

    return make


@pytest.fixture
def make_result() -> Callable[..., LoadResult]:
    """Make the result of a load that went well, unless told otherwise; a rate sets the latencies, as in life."""

    def make(
        rate: float = 1000.0,
        *,
        duration_s: float = 10.0,
        vus: int = 10,
        average_ms: float | None = None,
        p95_ms: float | None = None,
        errors: Mapping[str, int] | None = None,
        loader_cpu_s: float | None = 2.0,
        latency: bool = True,
    ) -> LoadResult:
        average = vus / rate * 1000 if average_ms is None and rate > 0 else average_ms or 0.0
        p95 = average * 1.2 if p95_ms is None else p95_ms
        summary = LatencySummary(
            average_ms=average,
            minimum_ms=min(average, p95) / 2,
            median_ms=min(average, p95),
            maximum_ms=max(average, p95) * 5,
            p90_ms=min(average * 1.1, p95),
            p95_ms=p95,
            p99_ms=max(average * 2, p95),
        )
        return LoadResult(
            completed=round(rate * duration_s),
            duration_s=duration_s,
            errors=errors or {},
            statuses={"200": round(rate * duration_s)},
            unfinished=0,
            sent_bytes=1,
            received_bytes=1,
            loader_cpu_s=loader_cpu_s,
            latency=summary if latency else None,
            histogram="SElTVA==" if latency else None,
        )

    return make


@pytest.fixture
def make_trial(
    make_result: Callable[..., LoadResult], make_observation: Callable[..., Observation]
) -> Callable[..., Trial]:
    """Make a trial; what is not the trial's own goes to its result."""
    on_one_thread = make_observation()

    def make(
        contender: str = "flask-sync@hypercorn",
        rate: float = 1000.0,
        round: int = 1,  # noqa: A002 # it is the field's name
        *,
        workload: str = "health",
        placebo: bool = False,
        vus: int = 10,
        observation: Observation | None = on_one_thread,
        failure: str | None = None,
        driven: bool = True,
        **of_result: Any,
    ) -> Trial:
        return Trial(
            round=round,
            position=1,
            contender=contender,
            workload=workload,
            placebo=placebo,
            started_at="2026-01-01T00:00:00.000+00:00",
            load=LoadProfile(vus=vus, duration_s=of_result.get("duration_s", 10.0), warmup_s=1.0),
            result=make_result(rate, vus=vus, **of_result) if driven else None,
            observation=observation,
            failure=failure,
        )

    return make


@pytest.fixture
def make_run() -> Callable[..., Run]:
    """Make a run of given trials; it planned what it ran, unless told otherwise."""

    def make(
        trials: Sequence[Trial] = (),
        *,
        calibration: Sequence[Trial] = (),
        documents: Mapping[str, DocumentPair] | None = None,
        environment: Mapping[str, str | int | float | bool | None] | None = None,
        state: RunState = "complete",
        planned: Mapping[str, Sequence[str]] | None = None,
        rounds: int = 5,
    ) -> Run:
        if planned is None:
            planned = {
                workload.name: tuple(
                    dict.fromkeys(trial.contender for trial in trials if trial.workload == workload.name)
                )
                for workload in WORKLOADS
            }
        names = dict.fromkeys(name for contenders in planned.values() for name in contenders)
        return Run(
            name="test",
            state=state,
            started_at="2026-01-01T00:00:00.000+00:00",
            finished_at=None,
            plan=Plan(
                preset="quick",
                seed=1,
                contenders=tuple(contender_of(name) for name in names),
                workloads=WORKLOADS,
                loads={},
                rounds=dict.fromkeys(planned, rounds),
                workload_contenders={name: tuple(contenders) for name, contenders in planned.items()},
                placebo=None,
                ceilings=(),
            ),
            environment=QUIET if environment is None else environment,
            calibration=tuple(calibration),
            documents=documents or {},
            trials=tuple(trials),
        )

    return make


@pytest.fixture
def make_evidence() -> Callable[..., Evidence]:
    """Prepare a run for judgement."""

    def make(run: Run) -> Evidence:
        return Evidence(run)

    return make


@pytest.fixture
def first_trials(
    make_trial: Callable[..., Trial], make_observation: Callable[..., Observation]
) -> Callable[..., list[Trial]]:
    """Make five rounds of the first real measurements, with 1 % of noise from a fixed seed, and a placebo."""
    noise = random.Random(6)  # noqa: S311 # not for secrets

    def one(contender: str, workload: str, number: int, *, observed: bool, placebo: bool = False) -> Trial:
        rate, cpu_us, switches, started, threads, running, epoll = FIRST_MEASUREMENTS[workload][contender]
        seen = make_observation(
            cpu_us=cpu_us, switches=switches, started=started, threads=threads, running=running, epoll=epoll
        )
        return make_trial(
            contender,
            rate * noise.gauss(1, 0.01),
            number,
            workload=workload,
            placebo=placebo,
            vus=100 if workload == "wait" else 10,
            observation=seen if observed else None,
        )

    def make(*, observed: bool = True) -> list[Trial]:
        made = []
        for number in range(1, 6):
            for workload, measured in FIRST_MEASUREMENTS.items():
                made += [one(contender, workload, number, observed=observed) for contender in measured]
            made.append(one("fastapi-async@uvicorn", "health", number, observed=observed, placebo=True))
        return made

    return make


@pytest.fixture
def claims() -> tuple[Claim, ...]:
    """Read the shipped ledger."""
    return parse_claims((Path(benchmarks.__file__).parent / "claims.toml").read_text(encoding="utf-8"))


@pytest.fixture
def claim(claims: tuple[Claim, ...]) -> Callable[[str], Claim]:
    """Find a claim of the shipped ledger by its id."""
    return {claim.id: claim for claim in claims}.__getitem__


def side(name: str) -> Contender:
    """Return base or head."""
    return Contender(
        framework="shop:app",
        variant=None,
        server="waitress",
        arguments=(),
        description=name,
        program="python",
        name=name,
    )


@pytest.fixture
def make_check(
    make_trial: Callable[..., Trial], make_run: Callable[..., Run], make_observation: Callable[..., Observation]
) -> Callable[..., Run]:
    """Make a run of base and head; of each request the ratio of their rates, in every round, is given."""

    def make(
        ratios: Mapping[str, Sequence[float | None]],
        *,
        again: float = 1.001,
        cpu: float = 1.0,
        memory: float = 1.0,
        given_per_s: float | None = None,
        latencies: Sequence[float] = (),
        loader_cpu_s: float = 2.0,
    ) -> Run:
        def trial(name: str, rate: float, number: int, workload: str, **more: object) -> Trial:
            of_head = name == "head"
            seen = dataclasses.replace(
                make_observation(cpu_us=_CPU_US * cpu if of_head else _CPU_US),
                resident_bytes=round(50e6 * (memory if of_head else 1.0) * (1 + number / 1000 * of_head)),
            )
            made = make_trial(
                name, rate, number, workload=workload, observation=seen, loader_cpu_s=loader_cpu_s, **more
            )
            per_s = given_per_s if workload != EQUAL_RATE else 100.0
            return (
                made
                if per_s is None
                else dataclasses.replace(made, load=dataclasses.replace(made.load, rate_per_s=per_s))
            )

        trials = []
        for workload, rounds in ratios.items():
            for number, ratio in enumerate(rounds, 1):
                if ratio is not None:
                    # The machine drifts, and both with it.
                    base = 1000.0 + 10 * number
                    trials.append(trial("base", base, number, workload))
                    trials.append(trial("head", base * ratio, number, workload))
                    if workload == [*ratios][-1]:
                        wobble = again + 0.001 * (number % 2)
                        trials.append(trial("base", base * wobble, number, workload, placebo=True))
        for number, ratio in enumerate(latencies, 1):
            trials.append(trial("base", 100.0, number, EQUAL_RATE, average_ms=2.0, p95_ms=4.0))
            trials.append(trial("head", 100.0, number, EQUAL_RATE, average_ms=2.0, p95_ms=4.0 * ratio))
        names = [*ratios, *([EQUAL_RATE] if latencies else [])]
        plan = Plan(
            preset="quick",
            seed=1,
            contenders=(side("base"), side("head")),
            workloads=tuple(Workload(name=name, path="/", answer="alike") for name in names),
            loads={name: LoadProfile(vus=10, duration_s=10.0, warmup_s=1.0, rate_per_s=given_per_s) for name in names},
            rounds=dict.fromkeys(names, 80),
            workload_contenders=dict.fromkeys(names, ("base", "head")),
            placebo="base",
            ceilings=(),
            against="base",
            latency_at=0.7 if latencies else None,
        )
        return dataclasses.replace(make_run(trials), plan=plan)

    return make
