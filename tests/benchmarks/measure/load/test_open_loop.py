from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from hdrh.histogram import HdrHistogram

from benchmarks.alarm import Alarm, PollingAlarm, make_alarm
from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.load.builtin_process import loop_factory
from benchmarks.measure.load.closed_loop import Announce, Permission
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.measure.load.open_loop import OpenLoop
from benchmarks.model import LoadResult
from tests.benchmarks.measure.load.driving import driven

BODY = b'{"api":"health","version":1}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 28\r\n\r\n"

ENGINES_LOOP = loop_factory()

Run = Callable[..., LoadResult]


@pytest.fixture
def run() -> Run:
    """Drive a load in the open model in this process, on the engine's loop unless told otherwise."""

    def run(
        order: LoadOrder,
        announce: Announce = lambda _: None,
        permission: Permission | None = None,
        alarm: Callable[..., Alarm] = make_alarm,
        factory: Callable[[], asyncio.AbstractEventLoop] = ENGINES_LOOP,
    ) -> LoadResult:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(driven(OpenLoop, order, announce, permission, alarm))

    return run


def ended(result: LoadResult) -> int:
    """Return how many requests came to an end: answered, timed out, or never sent."""
    return sum((result.statuses or {}).values()) + result.errors.get("timeout", 0) + (result.dropped or 0)


def slower_than(result: LoadResult, milliseconds: int) -> int:
    """Return how many latencies were above a limit."""
    recorded = HdrHistogram.decode(result.histogram).get_recorded_iterator()
    return sum(item.count_added_in_this_iter_step for item in recorded if item.value_iterated_to > milliseconds * 1_000)


@pytest.mark.parametrize(
    "how",
    [{}, {"alarm": PollingAlarm}, {"factory": asyncio.new_event_loop}],
    ids=["as it is", "polling", "on asyncio's loop"],
)
def test_every_request_that_was_due_is_accounted_for(
    run: Run, serve: Any, order: Any, healthy: Any, how: dict[str, Any]
) -> None:
    """There are as many as rate times length, each answered, none dropped; the loader's lateness is known."""
    server = serve(healthy)

    result = run(order(server.port, vus=3, duration_s=0.4, rate_per_s=200), **how)

    assert {"200": 80} == result.statuses
    assert ({}, 0) == (result.errors, result.dropped)
    assert 80 == HdrHistogram.decode(result.histogram).get_total_count()
    assert 0 < result.completed
    assert 3 == server.connections
    assert result.latency is not None
    assert result.lateness is not None
    assert 0 <= result.lateness.minimum_ms <= result.lateness.median_ms <= result.lateness.maximum_ms
    # A request that was noticed late was answered later still.
    assert result.lateness.maximum_ms <= result.latency.maximum_ms


def test_cpu_time_of_polling_is_not_reported(run: Run, serve: Any, order: Any, healthy: Any) -> None:
    """It does not show the loader's work."""
    asked = order(serve(healthy).port, rate_per_s=100)

    assert run(asked, alarm=PollingAlarm).loader_cpu_s is None


def test_latency_counts_from_when_a_request_was_due(run: Run, serve: Any, order: Any) -> None:
    """One answer that takes 200 ms delays all that are due meanwhile, and shows in their latencies."""
    measuring = threading.Event()

    async def stall_once(exchange: Any) -> bool:
        if measuring.is_set():
            measuring.clear()
            await asyncio.sleep(0.2)
        exchange.write(HEAD, BODY)
        return True

    result = run(order(serve(stall_once).port, vus=1, duration_s=0.6, rate_per_s=200), lambda _: measuring.set())

    assert {"200": 120} == result.statuses
    # Of the 40 that were due in these 200 ms, those of the first 150 ms waited 50 ms and more. A closed loop has one.
    assert 25 <= slower_than(result, 50)


def test_one_that_finds_no_connection_free_for_too_long_is_dropped(run: Run, serve: Any, order: Any) -> None:
    """Beyond the timeout there is no backlog: what waits longer is counted and never sent."""

    async def only_the_first(exchange: Any) -> bool:
        if exchange.server.connections <= 2 and exchange.on_connection == 1:
            exchange.write(HEAD, BODY)
            return True
        await exchange.server.stall()
        return False

    server = serve(only_the_first)

    result = run(order(server.port, vus=2, warmup_s=0.0, duration_s=0.6, timeout_s=0.2, rate_per_s=100))

    assert 60 == ended(result)
    assert result.dropped is not None
    assert 0 < result.dropped < 60
    assert 2 <= result.errors["timeout"]
    assert (0, None) == (result.completed, result.latency)
    assert 0 < (result.unfinished or 0)


def test_a_dead_port_drops_everything_and_ends(run: Run, order: Any, dead_port: int) -> None:
    """Nobody listens: all are dropped when their time is over, and the attempts to connect are errors."""
    result = run(order(dead_port, timeout_s=0.2, rate_per_s=100, duration_s=0.3))

    assert (30, 0, {}) == (result.dropped, result.completed, result.statuses)
    assert ["connection"] == list(result.errors)
    assert 30 >= (result.unfinished or 0) > 0


def test_a_server_that_is_too_slow_shows_long_latencies(run: Run, serve: Any, order: Any) -> None:
    """Answers come at the server's rate, not at the one that was asked for; all are followed to their end."""

    async def twenty_a_second(exchange: Any) -> bool:
        await asyncio.sleep(0.05)
        exchange.write(HEAD, BODY)
        return True

    result = run(order(serve(twenty_a_second).port, vus=1, duration_s=0.3, rate_per_s=60))

    assert {"200": 18} == result.statuses
    assert result.completed <= 1 + result.duration_s / 0.05
    assert 10 <= (result.unfinished or 0)
    assert result.latency is not None
    # The last was due at the end, with some 12 before it.
    assert 500 <= result.latency.maximum_ms


def test_a_connection_that_ends_with_each_answer_is_no_error(
    run: Run, serve: Any, order: Any, whole_response: Any
) -> None:
    """The next request takes another connection, or waits for a new one."""

    async def closes(exchange: Any) -> bool:
        exchange.write(whole_response(BODY, "200 OK", "connection: close"))
        return False

    server = serve(closes)

    result = run(order(server.port, vus=2, duration_s=0.4, rate_per_s=50))

    assert {"200": 20} == result.statuses
    assert ({}, 0) == (result.errors, result.dropped)
    assert 20 < server.connections


def test_slices_together_have_as_many_requests_as_the_rate_gives(
    run: Run, serve: Any, order: Any, healthy: Any
) -> None:
    """At 25/s a slice of 50 ms has one request or two, and four of them have five; between them none is sent."""
    server = serve(healthy)
    heard: list[tuple[int, int]] = []
    began: list[float] = []

    async def permission() -> None:
        before = server.requests
        await asyncio.sleep(0.05)
        heard.append((before, server.requests))

    result = run(order(server.port, duration_s=0.2, slices=4, rate_per_s=25), began.append, permission)

    assert {"200": 5} == result.statuses
    assert 4 == len(heard) == len(began)
    assert sorted(began) == began
    assert all(before == after for before, after in heard)


def test_a_stall_is_followed_beyond_the_end_of_its_slice(run: Run, serve: Any, order: Any) -> None:
    """An answer that comes after the slice has its latency, though it is not completed in it."""

    async def slow(exchange: Any) -> bool:
        await asyncio.sleep(0.15)
        exchange.write(HEAD, BODY)
        return True

    async def permission() -> None:
        return None

    result = run(
        order(serve(slow).port, vus=10, duration_s=0.2, slices=2, rate_per_s=50, warmup_s=0.0), permission=permission
    )

    assert {"200": 10} == result.statuses
    assert result.completed < 10
    assert result.latency is not None
    assert 150 <= result.latency.minimum_ms


def test_a_real_session_has_a_rate_of_its_own(serve: Any, order: Any, healthy: Any) -> None:
    """The order's rate decides which model the loader's process drives."""
    session = BuiltinEngine().start(order(serve(healthy).port, duration_s=0.5, rate_per_s=100))
    try:
        session.wait_until_measuring(20)
        result = session.result(20)
    finally:
        session.close()

    assert {"200": 50} == result.statuses
    assert 0 == result.dropped


def test_nothing_of_the_load_is_left_behind(run: Run, serve: Any, order: Any, healthy: Any) -> None:
    """Every connection is closed, and the alarm's file too."""
    server = serve(healthy)

    run(order(server.port, vus=20, rate_per_s=100))

    remotes = [connection.raddr for connection in psutil.Process().net_connections()]
    assert ("127.0.0.1", server.port) not in remotes
    files = [str(file.readlink()) for file in Path("/proc/self/fd").glob("*") if file.is_symlink()]
    assert [] == [file for file in files if "timerfd" in file]


def test_mistake_of_our_own_ends_the_load(run: Run, serve: Any, order: Any, healthy: Any) -> None:
    """An exception in the alarm's call is not taken for the server's failure."""

    def broken(loop: asyncio.AbstractEventLoop, _ring: Callable[[], None]) -> Alarm:
        return make_alarm(loop, lambda: 1 / 0)  # type: ignore[arg-type]  # it never returns

    with pytest.raises(ZeroDivisionError):
        run(order(serve(healthy).port, rate_per_s=100), alarm=broken)


@pytest.mark.parametrize(
    ("rate_per_s", "told"),
    [
        (0.0, "more than 0"),
        (-5.0, "more than 0"),
        (float("nan"), "more than 0"),
        (float("inf"), "at most 1,000,000/s"),
        (2.0, "no request is due in 0.1 s"),
    ],
)
def test_an_absurd_rate_is_refused(order: Any, rate_per_s: float, told: str) -> None:
    """The message says what to ask for."""
    with pytest.raises(LoadEngineError, match=told):
        BuiltinEngine().start(order(8000, rate_per_s=rate_per_s))
