"""Loads servers with the built-in engine for the scripts, and refuses a void trial."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from benchmarks.calibration.frame import NotMeasuredError
from benchmarks.contenders import catalogue
from benchmarks.measure.block import run_block
from benchmarks.measure.dependencies import NONE, Dependencies
from benchmarks.measure.environment import Cores
from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.server import HOST, RunningServer
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import Contender, LoadProfile, LoadResult, Trial, Workload

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


def run_trials(
    asked: Sequence[tuple[Contender, Workload]], load: LoadProfile, cores: Cores, started: Dependencies = NONE
) -> list[Trial]:
    """Run trials as one block, as a comparison does: side by side, in turns where the load has slices.

    Args:
        asked: Contender and workload of each trial, in their order.
        load: Of each trial.
        cores: Cores of the server and of the load generator.
        started: Dependencies of readiness, where a workload asks for it.
    Returns:
        The trials, in the same order, valid or not.
    """
    block = [
        ScheduledTrial(1, position, contender, workload, load)
        for position, (contender, workload) in enumerate(asked, start=1)
    ]
    return run_block(block, BuiltinEngine(), cores, lambda: dt.datetime.now(dt.UTC), started)


def valid_result(trial: Trial) -> LoadResult:
    """Return the result of a trial.

    Raises:
        NotMeasuredError: It failed, or had an error.
    """
    if trial.failure is not None or trial.result is None:
        raise NotMeasuredError(f"{trial.contender}, {trial.workload}: {trial.failure}")
    if trial.result.errors:
        raise NotMeasuredError(f"{trial.contender}, {trial.workload}: errors, {dict(trial.result.errors)}")
    return trial.result


def ask_health(
    server: RunningServer,
    load: LoadProfile,
    cpus: tuple[int, ...],
    meanwhile: Callable[[float], None] | None = None,
) -> LoadResult:
    """Load the health check of a running server, for one measured interval.

    Args:
        server: The server.
        load: Of the interval.
        cpus: Cores that the engine is pinned to.
        meanwhile: Called when the measured interval begins, with that moment by ``time.monotonic``.
    Returns:
        What the engine measured, without an error in it.
    Raises:
        LoadEngineError: It failed, or saw errors or no answer.
        ServerError: The server does not answer.
    """
    path = HEALTH.path_for(server.contender)
    body_bytes = len(server.get(path).body)
    order = LoadOrder(host=HOST, port=server.port, path=path, load=load, expected_body_bytes=body_bytes, cpus=cpus)
    with closing(BuiltinEngine().start(order)) as session:
        began_s = session.wait_until_measuring(load.warmup_s + load.timeout_s + _PATIENCE_S)
        if meanwhile is not None:
            meanwhile(began_s)
        result = session.result(load.duration_s + 2 * load.timeout_s + _PATIENCE_S)
    if result.errors or result.latency is None:
        raise LoadEngineError(f"The engine saw errors, or no answer at all: {dict(result.errors)}")
    return result
