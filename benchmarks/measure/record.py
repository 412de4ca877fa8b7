"""Begins the record of a run: names it by its time and preset, and writes down the machine it runs on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure.environment import Cores, Fact, environment
from benchmarks.measure.journal import Journal
from benchmarks.model import Plan, Run


def begin(out: Path, plan: Plan, cores: Cores, facts: Mapping[str, Fact] | None = None) -> Journal:
    """Begin the record of a run under ``out``.

    Args:
        out: Where runs are kept.
        plan: What is to be done.
        cores: Which server and loader may use.
        facts: What to record of the load engine, beside the environment.
    Raises:
        RunFileError: It cannot be written.
    """
    now = dt.datetime.now(dt.UTC)
    run = Run(
        name=f"{now:%Y-%m-%dT%H-%M-%S}-{plan.preset}",
        state="running",
        started_at=now.isoformat(timespec="milliseconds"),
        finished_at=None,
        plan=plan,
        environment={**environment(cores), **(facts or {})},
    )
    return Journal.create(out, run)
