"""Lists a run's trials as records, for spreadsheets and data frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.model import LatencySummary, Observation, Run, Trial
from benchmarks.trials import void_reason

_TRIAL: Final = (
    *("run", "kind", "workload", "round", "position", "contender", "framework", "variant", "server", "bridge"),
    *("placebo", "started_at", "vus", "asked_rate_per_s", "asked_duration_s", "warmup_s", "slices", "void"),
)
_RESULT: Final = (
    *("completed", "duration_s", "rate_per_s", "errors", "unfinished", "dropped", "sent_bytes", "received_bytes"),
    "loader_cpu_s",
)
_LATENCY: Final = tuple(f"latency_{field.name}" for field in dataclasses.fields(LatencySummary))
_LATENESS: Final = tuple(f"lateness_{field.name}" for field in dataclasses.fields(LatencySummary))
_OBSERVATION: Final = tuple(field.name for field in dataclasses.fields(Observation))
COLUMNS: Final = (*_TRIAL, *_RESULT, *_LATENCY, *_LATENESS, *_OBSERVATION)
"""Names that carry their unit. What was not measured is ``None``, never 0."""


def trial_records(run: Run) -> Iterator[dict[str, Any]]:
    """Yield a record for each trial, the bare servers' first, the superseded ones last.

    Args:
        run: What was measured.
    """
    for kind, trials in (("calibration", run.calibration), ("trial", run.trials), ("superseded", run.superseded)):
        for trial in trials:
            yield {**dict.fromkeys(COLUMNS), **dict(_cells(run, kind, trial))}


def _cells(run: Run, kind: str, trial: Trial) -> Iterator[tuple[str, object]]:
    contender = next((planned for planned in run.plan.contenders if planned.id == trial.contender), None)
    yield from (("run", run.name), ("kind", kind), ("workload", trial.workload))
    yield from (("round", trial.round), ("position", trial.position), ("contender", trial.contender))
    if contender is not None:
        yield from (("framework", contender.framework), ("variant", contender.variant))
        yield from (("server", contender.server), ("bridge", contender.bridge))
    yield from (("placebo", "yes" if trial.placebo else "no"), ("started_at", trial.started_at))
    load = trial.load
    yield from (("vus", load.vus), ("asked_rate_per_s", load.rate_per_s), ("asked_duration_s", load.duration_s))
    yield from (("warmup_s", load.warmup_s), ("slices", load.slices), ("void", void_reason(trial)))
    if (result := trial.result) is not None:
        yield from (("completed", result.completed), ("duration_s", result.duration_s))
        yield from (("rate_per_s", result.rate_per_s if result.duration_s > 0 else None),)
        yield from (("errors", result.error_count), ("unfinished", result.unfinished), ("dropped", result.dropped))
        yield from (("sent_bytes", result.sent_bytes), ("received_bytes", result.received_bytes))
        yield ("loader_cpu_s", result.loader_cpu_s)
        yield from _summary("latency", result.latency)
        yield from _summary("lateness", result.lateness)
    if trial.observation is not None:
        yield from ((column, getattr(trial.observation, column)) for column in _OBSERVATION)


def _summary(of: str, summary: LatencySummary | None) -> Iterator[tuple[str, float]]:
    if summary is not None:
        yield from ((f"{of}_{name}", value) for name, value in dataclasses.asdict(summary).items())
