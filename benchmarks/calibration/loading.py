"""Loads servers with the built-in engine for the scripts, and refuses a void trial.

A contender is given by its id, or as ``with_app`` returns it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any

from benchmarks.calibration.frame import NotMeasuredError, Session
from benchmarks.contenders import catalogue
from benchmarks.measure.block import run_block
from benchmarks.measure.dependencies import NONE, Dependencies
from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.server import HOST, RunningServer, running
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import Contender, LatencySummary, LoadProfile, LoadResult, Observation, Workload

WARMUP_S = 0.5
_PATIENCE_S = 30.0


def with_app(contender_id: str, module: str, **changes: Any) -> Contender:
    """Return a contender that serves another app.

    Args:
        contender_id: The contender.
        module: The app, ``module:attribute``, in this package.
        **changes: Other fields of the contender.
    """
    contender = catalogue.find(contender_id)
    arguments = (*contender.arguments[:-1], f"benchmarks.calibration.{module}")
    return dataclasses.replace(contender, arguments=arguments, **changes)


def load_of(session: Session, vus: int, **changes: Any) -> LoadProfile:
    """Return the load of some virtual users for the script's ``--duration``, with further fields of a profile."""
    return LoadProfile(vus=vus, duration_s=session.options.duration, warmup_s=WARMUP_S, **changes)


def run_trials(
    session: Session,
    asked: Sequence[tuple[str | Contender, Workload]],
    load: LoadProfile,
    started: Dependencies = NONE,
) -> list[tuple[LoadResult, Observation | None]]:
    """Run trials as one block, as a comparison does: side by side, in turns where the load has slices.

    Args:
        session: Has the cores.
        asked: Contender and workload of each trial, in their order.
        load: Of each trial.
        started: Dependencies of readiness, where a workload asks for it.
    Returns:
        What was seen of each, in the same order.
    Raises:
        NotMeasuredError: One failed, or had an error.
    """
    block = [
        ScheduledTrial(1, position, _found(contender), workload, load)
        for position, (contender, workload) in enumerate(asked, start=1)
    ]
    seen = []
    for trial in run_block(block, BuiltinEngine(), session.cores, started):
        if trial.failure is not None or trial.result is None:
            raise NotMeasuredError(f"{trial.contender}, {trial.workload}: {trial.failure}")
        if trial.result.errors:
            raise NotMeasuredError(f"{trial.contender}, {trial.workload}: errors, {dict(trial.result.errors)}")
        seen.append((trial.result, trial.observation))
    return seen


def serving(session: Session, contender: str | Contender) -> AbstractContextManager[RunningServer]:
    """Run a contender's server for the length of a ``with`` block, on its core."""
    found = _found(contender)
    return running(found, HEALTH.path_for(found), session.cores.server)


def ask(
    session: Session,
    server: RunningServer,
    load: LoadProfile,
    path: str = "",
    meanwhile: Callable[[float], None] = lambda _began_s: None,
) -> tuple[LoadResult, LatencySummary]:
    """Load a running server, for one measured interval.

    Args:
        session: Has the cores.
        server: The server.
        load: Of the interval.
        path: What to ask for; the health check by default.
        meanwhile: Called when the measured interval begins, with that moment by ``time.monotonic``.
    Returns:
        What the engine measured, without an error, and the latencies of that.
    Raises:
        LoadEngineError: It failed, or saw errors or no answer.
        ServerError: The server does not answer.
    """
    path = path or HEALTH.path_for(server.contender)
    order = LoadOrder(
        host=HOST,
        port=server.port,
        path=path,
        load=load,
        expected_body_bytes=len(server.get(path).body),
        cpus=session.cores.loader,
    )
    with closing(BuiltinEngine().start(order)) as asking:
        meanwhile(asking.wait_until_measuring(load.warmup_s + load.timeout_s + _PATIENCE_S))
        result = asking.result(load.duration_s + 2 * load.timeout_s + _PATIENCE_S)
    if result.errors or result.latency is None:
        raise LoadEngineError(f"The engine saw errors, or no answer at all: {dict(result.errors)}")
    return result, result.latency


def _found(contender: str | Contender) -> Contender:
    return catalogue.find(contender) if isinstance(contender, str) else contender
