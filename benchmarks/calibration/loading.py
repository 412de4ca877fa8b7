"""Lets the built-in engine load what a script wants to know of, and takes no void trial for an answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import closing

from benchmarks.calibration.frame import NotMeasuredError
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


def run_trials(
    asked: Sequence[tuple[Contender, Workload]], load: LoadProfile, cores: Cores, started: Dependencies = NONE
) -> list[Trial]:
    """Run trials as one block, as a comparison does: side by side, in turns where the load has slices.

    Args:
        asked: Of whom, and what, in the order of their places.
        load: Of each.
        cores: Which server and loader may use.
        started: What readiness depends on, where that is asked for.
    Returns:
        The trials, in the order asked, valid or not.
    """
    block = [
        ScheduledTrial(1, position, contender, workload, load)
        for position, (contender, workload) in enumerate(asked, start=1)
    ]
    return run_block(block, BuiltinEngine(), cores, lambda: dt.datetime.now(dt.UTC), started)


def valid_result(trial: Trial) -> LoadResult:
    """Return what was seen in a trial.

    Raises:
        NotMeasuredError: It failed, or had an error.
    """
    where = f"{trial.contender}, {trial.workload}"
    if trial.failure is not None or trial.result is None:
        raise NotMeasuredError(f"{where}: {trial.failure}")
    if trial.result.errors:
        raise NotMeasuredError(f"{where}: errors, {dict(trial.result.errors)}")
    return trial.result


def ask_health(
    server: RunningServer,
    load: LoadProfile,
    cpus: tuple[int, ...],
    meanwhile: Callable[[float], None] | None = None,
) -> LoadResult:
    """Load the health check of a server that a script has started itself, for one measured interval.

    Args:
        server: What is loaded.
        load: How.
        cpus: Cores that the engine is pinned to.
        meanwhile: Is called when the measured interval begins, with that moment by ``time.monotonic``.
    Returns:
        What the engine saw, without an error in it.
    Raises:
        LoadEngineError: It failed, or saw errors.
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
        raise LoadEngineError(f"The engine saw errors, so there is nothing to tell: {dict(result.errors)}")
    return result
