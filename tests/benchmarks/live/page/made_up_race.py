"""A race in a folder, with made-up figures like those of a quiet machine with two cores; nothing is measured."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from hdrh.histogram import HdrHistogram

from benchmarks.measure import schedule
from benchmarks.measure.journal import Journal
from benchmarks.measure.race import plan_race
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.model import LatencySummary, LoadResult, Observation, Run, RunState, Trial

# Rate per s, CPU µs per request, voluntary switches per request, threads that ran.
FIGURES: Mapping[str, tuple[float, float, float, int]] = {
    "flask-sync@hypercorn": (1952.0, 451.0, 5.8, 7),
    "flask-async@hypercorn": (1030.0, 907.0, 8.7, 7),
    "flask-async@hypercorn+eventloop": (3620.0, 255.0, 0.0, 1),
    "flask-async@uvicorn+eventloop": (8900.0, 91.0, 0.0, 1),
    "fastapi-sync@uvicorn": (4105.0, 221.0, 4.7, 11),
    "fastapi-async@uvicorn": (8510.0, 98.0, 0.0, 1),
    "bare-asgi@hypercorn": (6000.0, 150.0, 0.0, 1),
    "bare-asgi@uvicorn": (24000.0, 40.0, 0.0, 1),
}
ANY = (3000.0, 300.0, 3.0, 4)
CONTENDERS = ("flask-sync@hypercorn", "flask-async@hypercorn", "fastapi-sync@uvicorn", "fastapi-async@uvicorn")


def keep_race(
    results: Path,
    contenders: Sequence[str] = CONTENDERS,
    *,
    rounds: int = 6,
    state: RunState = "complete",
    so_far: int | None = None,
) -> Path:
    """Keep a race under ``results`` and return its folder; with ``so_far`` it has only that many rounds, and no end."""
    plan = plan_race(contenders, wait_ms=0, connections=10, rounds=rounds, seed=3)
    run = Run(
        name="2026-01-01T00-00-00-live",
        state="running",
        started_at="2026-01-01T00:00:00.000+00:00",
        finished_at=None,
        plan=plan,
        environment={"logical_cores": 2, "load_average_1m": 0.1, "server_cpus": "1", "loader_cpus": "0"},
    )
    noise = random.Random(5)  # noqa: S311 (not for secrets)
    journal = Journal.create(results, run)
    for scheduled in schedule.calibration(plan):
        journal.add_calibration(_trial(scheduled, noise))
    for scheduled in schedule.trials(plan):
        if so_far is None or scheduled.round <= so_far:
            journal.add_trial(_trial(scheduled, noise))
    if so_far is not None:
        journal.close()
        return journal.folder
    journal.finish(state, "2026-01-01T00:01:00.000+00:00")
    return journal.folder


def _trial(scheduled: ScheduledTrial, noise: random.Random) -> Trial:
    rate, cpu_us, switches, threads = FIGURES.get(scheduled.contender.id, ANY)
    rate *= noise.gauss(1, 0.015)
    median_ms = 1_000 * scheduled.load.vus / rate
    seen = HdrHistogram(1, 3_600_000_000, 3)
    for _ in range(400):
        seen.record_value(max(1, int(1_000 * noise.lognormvariate(0, 0.12) * median_ms)))
    return Trial(
        round=scheduled.round,
        position=scheduled.position,
        contender=scheduled.contender.id,
        workload=scheduled.workload.name,
        placebo=scheduled.placebo,
        started_at="2026-01-01T00:00:10.000+00:00",
        load=dataclasses.replace(scheduled.load),
        result=LoadResult(
            completed=round(rate * scheduled.load.duration_s),
            duration_s=scheduled.load.duration_s,
            errors={},
            statuses={"200": round(rate * scheduled.load.duration_s)},
            unfinished=0,
            sent_bytes=1,
            received_bytes=1,
            loader_cpu_s=0.2 * scheduled.load.duration_s,
            latency=LatencySummary(
                average_ms=median_ms,
                minimum_ms=median_ms / 2,
                median_ms=median_ms,
                maximum_ms=3 * median_ms,
                p90_ms=1.1 * median_ms,
                p95_ms=1.2 * median_ms,
                p99_ms=1.5 * median_ms,
            ),
            histogram=str(seen.encode().decode("ascii")),
        ),
        observation=Observation(
            cpu_user_us_per_request=0.7 * cpu_us,
            cpu_system_us_per_request=0.3 * cpu_us,
            voluntary_switches_per_request=switches,
            involuntary_switches_per_request=0.1,
            threads_started_per_request=1.0 if scheduled.contender.id == "flask-async@hypercorn" else 0.0,
            cpu_fraction=0.95,
            processes=1,
            threads=threads + 2,
            running_threads=threads,
            epoll_descriptors=2 if scheduled.contender.id == "flask-async@hypercorn" else 1,
            resident_bytes=60_000_000,
        ),
    )
