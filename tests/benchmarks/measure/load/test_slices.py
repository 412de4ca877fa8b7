from __future__ import annotations

import asyncio
from typing import Any

import pytest

from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.load.builtin_process import loop_factory
from benchmarks.measure.load.closed_loop import ClosedLoop
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.model import LoadResult
from tests.benchmarks.measure.load.driving import driven


def run(order: LoadOrder, permission: Any, announce: Any = lambda _: None) -> LoadResult:
    """Drive a load of several slices in this process."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(driven(ClosedLoop, order, announce, permission))


def test_every_slice_waits_for_permission_with_nothing_in_flight(serve: Any, order: Any, healthy: Any) -> None:
    """While the load is held the server receives nothing; each permission allows one slice."""
    server = serve(healthy)
    heard: list[tuple[int, int]] = []
    began: list[float] = []

    async def permission() -> None:
        before = server.requests
        await asyncio.sleep(0.05)
        heard.append((before, server.requests))

    result = run(order(server.port, vus=3, duration_s=0.3, slices=3), permission, began.append)

    assert 3 == len(heard) == len(began)
    assert all(before == after for before, after in heard)
    assert heard[0][0] < heard[1][0] < heard[2][0] < server.requests
    assert 3 == server.connections
    assert 0 < result.completed < server.requests
    assert {} == result.errors
    assert 0.29 < result.duration_s


def test_answers_between_slices_belong_to_no_slice(serve: Any, order: Any, whole_response: Any) -> None:
    """An answer in flight at a slice's end is unfinished there, and not counted when it comes."""

    async def slow(exchange: Any) -> bool:
        await asyncio.sleep(0.03)
        exchange.write(whole_response())
        return True

    async def permission() -> None:
        return None

    result = run(order(serve(slow).port, vus=4, duration_s=0.2, slices=2), permission)

    assert 8 == result.unfinished
    assert {"200": result.completed} == result.statuses
    assert result.latency is not None
    assert 30.0 <= result.latency.minimum_ms


def test_a_connection_that_the_server_ends_while_idle_is_no_error(serve: Any, order: Any, whole_response: Any) -> None:
    """A server may close idle connections between slices; the virtual user reconnects and nothing is counted."""

    async def tires(exchange: Any) -> bool:
        exchange.write(whole_response())
        try:
            await asyncio.wait_for(exchange.reader._wait_for_data("idle"), 0.02)
        except TimeoutError:
            return False
        return True

    async def permission() -> None:
        await asyncio.sleep(0.15)

    result = run(order(serve(tires).port, vus=2, duration_s=0.2, slices=2), permission)

    assert {} == result.errors
    assert 0 < result.completed


def test_a_session_goes_slice_by_slice(serve: Any, order: Any, healthy: Any) -> None:
    """The real process: held after the warm-up and between slices, and a result after the last."""
    server = serve(healthy)
    session = BuiltinEngine().start(order(server.port, vus=2, duration_s=0.3, slices=3))
    try:
        began, at_rest = [], []
        for _ in range(3):
            session.wait_until_held(20)
            at_rest.append(server.requests)
            session.go()
            began.append(session.wait_until_measuring(20))
        result = session.result(20)
    finally:
        session.close()

    assert began[0] < began[1] < began[2]
    assert 0 < at_rest[0] < at_rest[1] < at_rest[2] < server.requests
    assert 0 < result.completed
    assert {} == result.errors


def test_a_loader_killed_while_held_is_an_error(serve: Any, order: Any, healthy: Any) -> None:
    """Continuing with a dead loader does not hang."""
    session = BuiltinEngine().start(order(serve(healthy).port, slices=2))
    try:
        session.wait_until_held(20)
        session.loader.process.kill()
        session.loader.process.wait()
        session.go()
        with pytest.raises(LoadEngineError, match="SIGKILL"):
            session.wait_until_measuring(20)
    finally:
        session.close()


@pytest.mark.parametrize("slices", [0, -1, 10_001])
def test_an_absurd_number_of_slices_is_refused(order: Any, slices: int) -> None:
    """The message says what to ask for."""
    with pytest.raises(LoadEngineError, match="ask for 1 to 10,000"):
        BuiltinEngine().start(order(8000, slices=slices))


@pytest.mark.parametrize(
    "shape",
    [(0.07, 0.5, 5), (0.07, 0.5, 10), (0.03, 0.4, 8), (0.13, 0.4, 1), (0.3, 0.4, 2), (0.3, 0.4, 1)],
)
def test_the_rate_is_true_however_few_answers_fall_into_a_slice(
    shape: tuple[float, float, int], serve: Any, order: Any, whole_response: Any
) -> None:
    """A request that is under way when a slice begins or ends counts with the part of it that is inside.

    Users who ask again at once have as many requests in flight as there are users, so rate × latency is their number.
    With whole answers alone, waits of 70 ms would count once in each slice of 100 ms: 30 % too few. The latency is the
    load's own where it saw one, so that what a busy machine adds to a wait is in both factors.
    """
    wait_s, duration_s, slices = shape

    async def slow(exchange: Any) -> bool:
        await asyncio.sleep(wait_s)
        exchange.write(whole_response())
        return True

    async def permission() -> None:
        return None

    result = run(order(serve(slow).port, vus=4, duration_s=duration_s, slices=slices), permission)

    latency_s = result.latency.average_ms / 1000 if result.latency else wait_s
    assert pytest.approx(4, rel=0.2) == result.rate_per_s * latency_s
