"""The service that readiness depends on, as a client that knows HTTP sees it."""

from __future__ import annotations

import asyncio
import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pytest

from benchmarks.contenders import catalogue, slow_upstream
from benchmarks.measure.server import RunningServer, running

PATIENCE_S = 10.0


@pytest.fixture(scope="module")
def upstream() -> Iterator[RunningServer]:
    """One that runs."""
    with running(catalogue.SLOW_UPSTREAM, "/") as server:
        yield server


def asked(server: RunningServer, sent: bytes) -> bytes:
    """Send bytes, and return all that comes until the connection ends."""
    with socket.create_connection((server.host, server.port), PATIENCE_S) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_it_answers_after_its_wait_and_keeps_the_connection(upstream: RunningServer) -> None:
    """As often as it is asked, with the status that it is told."""
    with closing(http.client.HTTPConnection(upstream.host, upstream.port, timeout=PATIENCE_S)) as client:
        client.connect()
        first = client.sock
        for query, status in (("ms=30", 200), ("status=503", 503), ("ms=soon&status=", 200), ("status=299", 299)):
            began_s = time.monotonic()
            client.request("GET", f"/health?{query}")
            answer = client.getresponse()
            assert (status, b'{"status":"pass"}') == (answer.status, answer.read())
            if query == "ms=30":
                assert time.monotonic() - began_s >= 0.03
        assert first is client.sock


def test_a_request_in_pieces_is_one(upstream: RunningServer) -> None:
    """However the network cuts it."""
    with socket.create_connection((upstream.host, upstream.port), PATIENCE_S) as connection:
        for part in (b"GET /health?sta", b"tus=50", b"3 HTTP/1.0\r\nHost: x\r\n", b"\r\n"):
            connection.sendall(part)
            time.sleep(0.02)
        assert b"HTTP/1.1 503 Service Unavailable\r\n" in b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\nno header\r\n\r\n"])
def test_what_is_no_http_ends_the_connection(upstream: RunningServer, sent: bytes) -> None:
    """And nothing else: the next client is served."""
    assert b"" == asked(upstream, sent)
    assert b" 200 OK" in asked(upstream, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert upstream.death() is None


def test_who_leaves_during_the_wait_is_forgotten(upstream: RunningServer) -> None:
    """Nobody is answered who is not there any more."""
    with socket.create_connection((upstream.host, upstream.port), PATIENCE_S) as connection:
        connection.sendall(b"GET /?ms=50 HTTP/1.1\r\nHost: x\r\n\r\n")
    time.sleep(0.1)
    assert upstream.death() is None


@pytest.mark.parametrize("has_exact_timers", [True, False])
def test_waits_end_in_their_order_and_none_too_early(
    monkeypatch: pytest.MonkeyPatch, *, has_exact_timers: bool
) -> None:
    """However they begin, and also where the platform has only the timers of its event loops."""
    if not has_exact_timers:
        monkeypatch.setattr(slow_upstream, "TimerFileAlarm", None)
    waits_ms = [30, 5, 5, 40, 10, 0, 20, 50]
    ended: list[tuple[int, bool]] = []

    async def main() -> None:
        all_ended = asyncio.Event()

        def end(wait_ms: int, at_ns: int) -> None:
            ended.append((wait_ms, time.monotonic_ns() >= at_ns))
            if len(ended) == len(waits_ms):
                all_ended.set()

        with slow_upstream.timers(asyncio.get_running_loop()) as call_at:
            now_ns = time.monotonic_ns()
            for wait_ms in waits_ms:
                at_ns = now_ns + wait_ms * 1_000_000
                call_at(at_ns, partial(end, wait_ms, at_ns))
            await asyncio.wait_for(all_ended.wait(), PATIENCE_S)

    asyncio.run(main())
    assert sorted(waits_ms) == [wait_ms for wait_ms, _ in ended]
    if has_exact_timers:
        assert all(is_in_time for _, is_in_time in ended)
