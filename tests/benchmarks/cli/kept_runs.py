"""Runs that tests of the command line keep, and what they read of what is printed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from benchmarks import cli
from benchmarks.contenders import catalogue
from benchmarks.measure import schedule
from benchmarks.measure.journal import write_run
from benchmarks.model import LatencySummary, LoadResult, Run, Trial


def lab(*arguments: str) -> Result:
    """Run a command in this process; standard output and error are kept apart."""
    return CliRunner().invoke(cli.lab, list(arguments), prog_name="lab")


def told(result: Result) -> str:
    """Return all that was printed, on one line."""
    return " ".join((result.stdout + result.stderr).split())


def ended(scheduled: schedule.ScheduledTrial, rate: float) -> Trial:
    """Return a valid trial of such a rate."""
    average_ms = 1000 * scheduled.load.vus / rate
    return Trial(
        round=scheduled.round,
        position=scheduled.position,
        contender=scheduled.contender.id,
        workload=scheduled.workload.name,
        placebo=scheduled.placebo,
        started_at="2026-01-01T00:00:01+00:00",
        load=dataclasses.replace(scheduled.load, duration_s=10.0),
        result=LoadResult(
            completed=round(rate * 10),
            duration_s=10.0,
            errors={},
            statuses={"200": round(rate * 10)},
            unfinished=0,
            sent_bytes=1,
            received_bytes=2,
            loader_cpu_s=1.0,
            latency=LatencySummary(
                average_ms=average_ms,
                minimum_ms=average_ms / 2,
                median_ms=average_ms,
                maximum_ms=3 * average_ms,
                p90_ms=1.5 * average_ms,
                p95_ms=1.6 * average_ms,
                p99_ms=2 * average_ms,
            ),
            histogram=None,
        ),
        observation=None,
    )


def keep_run(
    folder: Path,
    ratio: float = 2.0,
    *,
    patterns: Sequence[str] = ("fastapi-*@uvicorn", "flask-*@hypercorn"),
    workloads: Sequence[str] = (),
    vus: int | None = None,
    placebo: float = 1.0,
    seed: int = 1,
    **facts: str,
) -> Path:
    """Keep a run whose async views were so many times as fast; FastAPI's and Flask's, in three rounds.

    Args:
        folder: Where; it gives the run its name.
        ratio: Async over sync, of rates.
        patterns: Who took part.
        workloads: What was asked; health and wait unless told.
        vus: Virtual users; the preset's unless told.
        placebo: The second trial's rate over the first's, of what ran twice.
        seed: Of the order, and of the moment at which it began.
        facts: Of its machine.
    """
    plan = schedule.plan("quick", catalogue.select(patterns), seed, rounds=3, vus=vus, workloads=tuple(workloads))
    trials = []
    for scheduled in schedule.trials(plan):
        # A little other in each round, as what is measured is.
        factor = ratio * (1 + scheduled.round / 10_000) if scheduled.contender.variant == "async" else 1.0
        again = placebo if scheduled.placebo else 1.0
        trials.append(ended(scheduled, 1000 * factor * again * (1 + 0.01 * scheduled.round)))
    run = Run(
        name=folder.name,
        state="complete",
        started_at=f"2026-01-01T00:00:0{seed}+00:00",
        finished_at="2026-01-01T00:03:00+00:00",
        plan=plan,
        environment={"cpu_model": "One CPU", "logical_cores": 2, "package_flask": "3.1.2", **facts},
        trials=tuple(trials),
    )
    folder.mkdir(parents=True)
    write_run(folder / "run.json", run)
    return folder


def document_of(result: Result) -> dict[str, Any]:
    """Parse standard output as the one JSON document that it must be."""
    value = json.loads(result.stdout)
    assert isinstance(value, dict)
    assert 2 == value["format_version"]
    return value
