from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.measure.load import closed_loop
from benchmarks.measure.load.builtin_process import loop_factory
from benchmarks.measure.load.closed_loop import ClosedLoop
from benchmarks.measure.load.engine import LoadOrder
from benchmarks.measure.load.locust_engine import LocustEngine
from benchmarks.model import LoadResult, Trial
from benchmarks.trials import void_reason
from tests.benchmarks.measure.load.driving import driven

PATIENCE_S = 60.0


@pytest.fixture
def measuring() -> threading.Event:
    """Tell the server that the interval has begun."""
    return threading.Event()


@pytest.fixture
def serve_until_measured(serve: Any, whole_response: Any, measuring: threading.Event) -> Callable[[int], int]:
    """Serve, but stop answering the first connections once the interval has begun; return the port."""

    def start(hanging: int) -> int:
        writers: list[Any] = []

        async def answer(exchange: Any) -> bool:
            if exchange.writer not in writers:
                writers.append(exchange.writer)
            if measuring.is_set() and writers.index(exchange.writer) < hanging:
                await exchange.client_gone()
                return False
            await asyncio.sleep(0.01)
            exchange.write(whole_response())
            return True

        return int(serve(answer).port)

    return start


def reason(order: LoadOrder, result: LoadResult) -> str | None:
    """Say why the trial of a result is void."""
    return void_reason(
        Trial(
            round=1,
            position=1,
            contender="fastapi-async@uvicorn",
            workload="health",
            started_at="2026-01-01T00:00:00.000+00:00",
            load=order.load,
            result=result,
            observation=None,
        )
    )


@pytest.mark.parametrize(("hanging", "slices"), [(0, 1), (1, 1), (9, 1), (0, 3), (5, 3)])
def test_connections_that_hang_are_counted_and_make_the_trial_void(  # noqa: PLR0917 (pytest passes them by name)
    serve_until_measured: Callable[[int], int],
    order: Any,
    measuring: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    hanging: int,
    slices: int,
) -> None:
    """Each is followed for a while after the interval, or the slice, and is an error, not silence."""
    # Three seconds would only be waited for.
    monkeypatch.setattr(closed_loop, "FOLLOW_S", 1.0 / slices)
    asked = order(serve_until_measured(hanging), vus=10, duration_s=0.3, slices=slices, timeout_s=1.5)

    async def permission() -> None:
        return None

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        result = runner.run(driven(ClosedLoop, asked, lambda _: measuring.set(), permission))

    assert 0 < result.completed
    assert hanging == result.hanging
    told = reason(asked, result)
    assert (hanging > 0) == (told is not None and f"{hanging} connection" in told)


def test_a_slow_answer_is_no_connection_that_hangs(serve: Any, order: Any, whole_response: Any) -> None:
    """It arrives while it is followed, after the interval."""

    async def slow(exchange: Any) -> bool:
        await asyncio.sleep(0.2 if exchange.on_connection > 2 else 0.0)
        exchange.write(whole_response())
        return True

    asked = order(serve(slow).port, vus=3, duration_s=0.3)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        result = runner.run(driven(ClosedLoop, asked, lambda _: None))

    assert (0, 3) == (result.hanging, result.unfinished)


@pytest.mark.skipif(importlib.util.find_spec("locust") is None, reason="Locust is not installed")
def test_locust_follows_them_too(
    serve_until_measured: Callable[[int], int], order: Any, measuring: threading.Event
) -> None:
    """Its own statistics know nothing of a request that has not ended: one is enough."""
    asked = order(serve_until_measured(1), vus=10, duration_s=1.0)
    session = LocustEngine().start(asked)
    try:
        session.wait_until_measuring(PATIENCE_S)
        measuring.set()
        result = session.result(PATIENCE_S)
    finally:
        session.close()

    assert 0 < result.completed
    assert 1 == result.hanging
    assert reason(asked, result) is not None
