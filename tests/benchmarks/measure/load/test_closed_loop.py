from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from hdrh.histogram import HdrHistogram

from benchmarks.measure.load.closed_loop import ClosedLoop
from benchmarks.measure.load.connection import RECONNECT_PAUSE_S
from benchmarks.measure.load.engine import LoadEngineError
from benchmarks.measure.load.request import request_bytes
from benchmarks.model import LoadResult
from tests.benchmarks.measure.load.driving import driven

BODY = b'{"api":"health","version":1}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 28\r\n\r\n"

Run = Callable[..., LoadResult]


def test_every_request_of_a_healthy_server_is_accounted_for(
    run: Run, serve: Any, order: Any, healthy: Any, whole_response: Any
) -> None:
    """Completed answers, bytes both ways, statuses and the histogram agree to the last request."""
    server = serve(healthy)
    asked = order(server.port, vus=3)

    result = run(asked)

    assert 0 < result.completed
    assert {} == result.errors
    assert {"200": result.completed} == result.statuses
    assert 3 == result.unfinished
    assert result.completed * len(request_bytes(asked)) == result.sent_bytes
    assert result.completed * len(whole_response(BODY)) == result.received_bytes
    assert result.completed == HdrHistogram.decode(result.histogram).get_total_count()
    assert 3 == server.connections


def test_summary_is_in_order(run: Run, serve: Any, order: Any, healthy: Any) -> None:
    """Minimum, percentiles and maximum ascend, and the loader's own CPU time is there."""
    result = run(order(serve(healthy).port))

    latency = result.latency
    assert latency is not None
    ascending = [latency.minimum_ms, latency.median_ms, latency.p90_ms, latency.p95_ms, latency.p99_ms]
    assert sorted(ascending) == ascending
    assert latency.p99_ms <= latency.maximum_ms
    assert latency.minimum_ms <= latency.average_ms <= latency.maximum_ms
    assert result.loader_cpu_s is not None
    assert 0 < result.loader_cpu_s


def test_the_request_has_no_header_beside_host(run: Run, serve: Any, order: Any, healthy: Any) -> None:
    """The path is that of the order."""
    server = serve(healthy)

    run(order(server.port, path="/wait/async?ms=50"))

    assert f"GET /wait/async?ms=50 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode() == server.heard


def test_ipv6_loopback_works(run: Run, serve: Any, order: Any, healthy: Any) -> None:
    """The other family of addresses is served too, its Host in brackets."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    server = serve(healthy, "::1")

    result = run(order(server.port, host="::1"))

    assert 0 < result.completed
    assert {} == result.errors
    assert f"Host: [::1]:{server.port}".encode() in server.heard


def test_dead_port_is_connection_errors_at_a_bounded_rate(run: Run, order: Any, dead_port: int) -> None:
    """Nobody listening ends in a result that says so, without waiting for answers that cannot come."""
    announced = threading.Event()

    # With this timeout the test would not end in its time if the warm-up waited for an answer.
    result = run(order(dead_port, timeout_s=600.0), lambda _: announced.set())

    assert announced.is_set()
    assert 0 == result.completed
    assert ["connection"] == list(result.errors)
    assert 0 < result.errors["connection"] <= 2 * (1 + result.duration_s / RECONNECT_PAUSE_S)
    assert 0 == result.unfinished
    assert 0 == result.sent_bytes


def test_unanswered_requests_time_out_and_are_sent_again(run: Run, serve: Any, order: Any) -> None:
    """Each counts once as a timeout, on a connection that is then replaced."""

    async def only_the_first_of_each_user(exchange: Any) -> bool:
        if exchange.on_connection == 1 and exchange.server.connections <= 2:
            exchange.write(HEAD, BODY)
            return True
        await exchange.server.stall()
        return False

    server = serve(only_the_first_of_each_user)

    result = run(order(server.port, warmup_s=0.0, duration_s=0.7, timeout_s=0.2))

    assert ["timeout"] == list(result.errors)
    # Each user times out once a timeout, and once more where the first began before the interval.
    assert 2 <= result.errors["timeout"] <= 2 * (1 + result.duration_s / 0.2)
    assert result.errors["timeout"] <= server.connections
    assert result.unfinished is not None
    assert result.unfinished <= 2


def test_server_that_never_accepts_times_out(run: Run, order: Any) -> None:
    """A connection that is not answered is a timeout as well."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        result = run(order(deaf.getsockname()[1], vus=5, timeout_s=0.2, duration_s=0.5))

    assert 0 == result.completed
    assert ["timeout"] == list(result.errors)
    assert 5 <= result.errors["timeout"]


def test_requests_in_flight_at_the_end_are_unfinished(run: Run, serve: Any, order: Any) -> None:
    """They are neither completed nor errors, and the server sees its connections go."""
    gone = threading.Semaphore(0)

    async def once_then_stall(exchange: Any) -> bool:
        if exchange.on_connection == 1:
            exchange.write(HEAD, BODY)
            return True
        await exchange.client_gone()
        gone.release()
        return False

    result = run(order(serve(once_then_stall).port, vus=4))

    assert 4 == result.unfinished
    assert {} == result.errors
    assert 0 == result.completed
    assert all(gone.acquire(timeout=20) for _ in range(4))


def test_stall_shows_in_the_maximum(run: Run, serve: Any, order: Any) -> None:
    """One answer that took 150 ms is not averaged away."""
    measuring = threading.Event()

    async def stall_once(exchange: Any) -> bool:
        if measuring.is_set():
            measuring.clear()
            await asyncio.sleep(0.15)
        exchange.write(HEAD, BODY)
        return True

    result = run(order(serve(stall_once).port, vus=1, duration_s=0.3), lambda _: measuring.set())

    assert result.latency is not None
    assert 150 <= result.latency.maximum_ms
    assert result.latency.median_ms < 150


def test_interval_waits_until_every_user_was_answered(run: Run, serve: Any, order: Any) -> None:
    """However short the warm-up, the interval sees the steady state; slow first answers are not in it."""
    answered_at_the_beginning = []

    async def slow_at_first(exchange: Any) -> bool:
        if exchange.on_connection == 1:
            await asyncio.sleep(0.3)
        exchange.write(HEAD, BODY)
        return True

    server = serve(slow_at_first)

    result = run(order(server.port, vus=5, warmup_s=0.0), lambda _: answered_at_the_beginning.append(server.requests))

    assert 5 <= answered_at_the_beginning[0]
    assert 5 == server.connections
    assert 0 < result.completed


def test_warm_up_is_thrown_away(run: Run, serve: Any, order: Any) -> None:
    """Errors before the interval are not in the result."""
    measuring = threading.Event()

    async def wrong_until_measured(exchange: Any) -> bool:
        exchange.write(HEAD.replace(b"200 OK", b"200 OK" if measuring.is_set() else b"500 Oh"), BODY)
        return True

    server = serve(wrong_until_measured)

    def announce(_: float) -> None:
        measuring.set()

    result = run(order(server.port, vus=1), announce)

    # The one answer that was on its way when the interval began may still be a wrong one.
    assert result.errors.get("status", 0) <= 1
    assert 0 < result.completed


def test_nothing_of_the_load_is_left_behind(run: Run, serve: Any, order: Any, healthy: Any) -> None:
    """Every connection is closed, and garbage collection is as before."""
    server = serve(healthy)

    run(order(server.port, vus=20))

    remotes = [connection.raddr for connection in psutil.Process().net_connections()]
    assert ("127.0.0.1", server.port) not in remotes
    assert gc.isenabled()
    assert 0 == gc.get_freeze_count()


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EMFILE, "ulimit -n"),
        (errno.EADDRNOTAVAIL, "no local port left"),
        (errno.ENOBUFS, "fewer virtual users"),
    ],
)
def test_a_shortage_on_the_loaders_side_is_no_error_of_the_server(order: Any, number: int, advice: str) -> None:
    """When this machine runs out of a resource, the load ends and the message names it."""

    class ExhaustedLoop(asyncio.SelectorEventLoop):
        async def create_connection(self, *_: object, **__: object) -> Any:
            raise OSError(number, os.strerror(number))

    with asyncio.Runner(loop_factory=ExhaustedLoop) as runner, pytest.raises(LoadEngineError, match=advice):
        runner.run(driven(ClosedLoop, order(1), lambda _: None))


def test_mistake_of_our_own_ends_the_load(serve: Any, order: Any, healthy: Any) -> None:
    """An exception in a callback is not taken for the server's failure."""

    class FaultyLoop(asyncio.SelectorEventLoop):
        async def create_connection(self, *arguments: Any, **options: Any) -> Any:
            self.call_soon(lambda: 1 / 0)
            return await super().create_connection(*arguments, **options)

    with asyncio.Runner(loop_factory=FaultyLoop) as runner, pytest.raises(ZeroDivisionError):
        runner.run(driven(ClosedLoop, order(serve(healthy).port), lambda _: None))
