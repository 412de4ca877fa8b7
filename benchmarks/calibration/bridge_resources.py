"""Holds the event-loop bridge's memory and threads to their bars.

Run as ``python -m benchmarks.calibration.bridge_resources``. It measures the memory of requests in flight and of
100,000 requests that are over, how many requests can wait at once between ``def`` hooks, and how long others wait.
"""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections.abc import Mapping
from functools import partial

import psutil

from benchmarks.calibration.frame import Figures, NotMeasuredError, Session, number, parts, script
from benchmarks.calibration.loading import ask, load_of, serving, with_app
from benchmarks.measure.server import HOST, RunningServer
from benchmarks.model import LoadProfile

IN_FLIGHT = 1_000
MOST_KIB_IN_FLIGHT = 64
MOST_KIB_LEFT = 1024
"""Of all requests together. One small object kept per request would be five times as much; allocators vary by less."""

CONNECTIONS = 500
LEAST_WAITS = 400
LEASES = 1_000
HEADER_BYTES = 1024 * 1024
MOST_WAIT_S = 0.2
SERVERS = ("hypercorn", "uvicorn")

_WAIT_MS = 1_000
_TRIAL_S = 2.0
_SAMPLE_S = 0.01
_HELD_MS = 3_000


def measure_memory(session: Session, server_name: str) -> Figures:
    """Measure the memory of requests in flight on a server, and what requests leave behind.

    Returns:
        Bytes ``at rest`` and ``in flight``; bytes ``before`` and ``after`` the ``requests``, as many as asked for or
        more; a fifth as many before them warm the server up.
    """
    contender = f"flask-async@{server_name}+eventloop"
    with serving(session, contender) as server:
        _ask(session, server, 1)
        rest = resident_bytes(server)
        flying = most_bytes(session, server, IN_FLIGHT, f"/wait/async?ms={_WAIT_MS}", _WAIT_MS)
    with serving(session, contender) as server:
        _ask(session, server, session.options.requests // 5)
        before = resident_bytes(server)
        asked = _ask(session, server, session.options.requests)
        after = resident_bytes(server)
    return {"at rest": rest, "in flight": flying, "before": before, "after": after, "requests": asked}


def tell_memory(session: Session, server_name: str, seen: Mapping[str, float]) -> None:
    """Print the memory of requests on a server, with its bars."""
    each_kib = (seen["in flight"] - seen["at rest"]) / 1024 / IN_FLIGHT
    left_kib = (seen["after"] - seen["before"]) / 1024
    server = f"{server_name}, {seen['at rest'] / 2**20:.1f} MiB at rest"
    session.bar(f"{server}: KiB for each of {IN_FLIGHT:,} requests in flight", each_kib, most=MOST_KIB_IN_FLIGHT)
    session.bar(f"{server}: KiB left by {seen['requests']:,.0f} requests", left_kib, most=MOST_KIB_LEFT)


def measure_threads(session: Session, server_name: str) -> Figures:
    """Measure an app with ``def`` hooks on a server.

    Returns:
        Rate of its view that waits, most waits at once, longest wait of another client beside large headers, and memory
        of a request with a leased thread, KiB.
    """
    contender = with_app(f"bare-asgi@{server_name}", "threads_app:app", variant="async", description="def hooks")
    with serving(session, contender) as server:
        rate_per_s = ask(session, server, load_of(session, CONNECTIONS))[0].rate_per_s
        waits = int(server.get("/most").body)
        longest_s = longest_wait_s(session, server)
    with serving(session, contender) as server:
        before = resident_bytes(server)
        after = most_bytes(session, server, LEASES, f"/held/{_HELD_MS}", _HELD_MS)
    lease_kib = (after - before) / 1024 / LEASES
    return {"rate_per_s": rate_per_s, "waits": waits, "longest_wait_s": longest_s, "lease_kib": lease_kib}


def tell_threads(session: Session, server_name: str, seen: Mapping[str, float]) -> None:
    """Print what an app with ``def`` hooks showed on a server, with its bars."""
    asked = f"{server_name}, {seen['rate_per_s']:,.0f} req/s of {CONNECTIONS} connections"
    session.bar(f"{asked}: waits of 50 ms at once", seen["waits"], least=LEAST_WAITS)
    session.bar(f"{server_name}: longest wait beside 1 MiB of headers, s", seen["longest_wait_s"], most=MOST_WAIT_S)
    print(f"{server_name}: {LEASES:,} threads leased, {seen['lease_kib']:.1f} KiB a request and its thread")


def longest_wait_s(session: Session, server: RunningServer) -> float:
    """Return the longest wait of another client while requests with large headers arrive, seconds."""

    def send_headers(began_s: float) -> None:
        lines = b"a: 1\r\n" * (HEADER_BYTES // 6)
        while time.monotonic() < began_s + _TRIAL_S:
            with socket.create_connection((HOST, server.port), timeout=60) as client, contextlib.suppress(OSError):
                client.sendall(f"GET /most HTTP/1.1\r\nHost: {HOST}\r\n".encode() + lines + b"\r\n")
                client.recv(65_536)

    load = LoadProfile(vus=1, duration_s=_TRIAL_S, warmup_s=0.2)
    return ask(session, server, load, "/most", send_headers)[1].maximum_ms / 1_000


def most_bytes(session: Session, server: RunningServer, requests: int, path: str, wait_ms: int) -> int:
    """Return the most memory that a server has while requests wait in it, bytes.

    Args:
        session: Has the cores.
        server: Warm.
        requests: How many, a connection each.
        path: Of a view that waits.
        wait_ms: How long it waits, milliseconds.
    Raises:
        NotMeasuredError: They were not all in flight at once.
    """
    most_bytes, duration_s = 0, 2 * wait_ms / 1_000

    def look(began_s: float) -> None:
        nonlocal most_bytes
        while time.monotonic() < began_s + duration_s:
            most_bytes = max(most_bytes, resident_bytes(server))
            time.sleep(_SAMPLE_S)

    load = LoadProfile(vus=requests, duration_s=duration_s, warmup_s=wait_ms / 1_000)
    _, latency = ask(session, server, load, path, look)
    # The first is answered after its wait; by then the server must have begun the last.
    if latency.maximum_ms > 2 * wait_ms:
        took = f"it took {latency.maximum_ms / 1_000:.1f} s"
        raise NotMeasuredError(f"The {requests} requests were not all in flight at once: {took}.")
    return most_bytes


def resident_bytes(server: RunningServer) -> int:
    """Return the memory that a server has, bytes."""
    resident_bytes: int = psutil.Process(server.process.pid).memory_info().rss
    return resident_bytes


def allow_files(wanted: int) -> None:
    """Let this process open this many files, if it may: each connection is one, and many systems allow few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY != soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _ask(session: Session, server: RunningServer, least: int) -> int:
    """Load a server with at least this many requests, and return how many it answered."""
    asked, load = 0, LoadProfile(vus=10, duration_s=_TRIAL_S, warmup_s=0.2)
    while asked < max(least, 1):
        asked += ask(session, server, load)[0].completed
    return asked


@script(
    "Hold the event-loop bridge's memory and threads to their bars.",
    parts("both", "memory", "threads"),
    number("--requests", 100_000, "that may leave memory behind", most=100_000_000),
    number("--duration", 3.0, "of the load on threads, seconds", 0.2, 600),
    packages=("flask", "hypercorn", "uvicorn"),
)
def main(session: Session) -> None:
    """Measure and print."""
    allow_files(2 * max(IN_FLIGHT, LEASES))
    for name in SERVERS:
        for part, measure, tell in (
            ("memory", measure_memory, tell_memory),
            ("threads", measure_threads, tell_threads),
        ):
            if session.asks_for(part):
                tell(session, name, session.once(f"{part}, {name}", partial(measure, session, name)))
