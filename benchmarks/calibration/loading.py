"""Lets the built-in engine load a server that a script has started itself, for one measured interval."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.measure.server import HOST, RunningServer
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import LoadProfile, LoadResult

_PATIENCE_S = 30.0


def ask_health(
    server: RunningServer,
    load: LoadProfile,
    cpus: tuple[int, ...],
    meanwhile: Callable[[float], None] | None = None,
) -> LoadResult:
    """Load the health check of a server.

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
