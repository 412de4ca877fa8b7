"""The service that readiness depends on, as a client that knows HTTP sees it."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from benchmarks.contenders import catalogue
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
