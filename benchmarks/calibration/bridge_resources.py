"""Holds the event-loop bridge's memory and threads to their bars.

Run as ``python -m benchmarks.calibration.bridge_resources``. It measures the memory of requests in flight and of
100,000 requests that are over, how many requests can wait at once between ``def`` hooks, and how long others wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import threading
import time
from collections.abc import Mapping
from functools import partial

import psutil

from benchmarks.calibration import frame
from benchmarks.calibration.frame import Figures, NotMeasuredError, Session
from benchmarks.calibration.loading import ask_health, with_app
from benchmarks.contenders import catalogue
from benchmarks.measure.environment import Cores, share_cores
from benchmarks.measure.server import HOST, RunningServer, running
from benchmarks.measure.workloads import HEALTH
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
_LOOKS = 20


def measure_memory(server_name: str, requests: int, cores: Cores) -> Figures:
    """Measure the memory of requests in flight on a server, and what requests leave behind.

    Args:
        server_name: The kind of server.
        requests: Least number of requests that may leave something behind; a fifth as many before them warm it up.
        cores: Cores of the server and of the load generator.
    Returns:
        Bytes ``at rest`` and ``in flight``; bytes ``before`` and ``after`` the ``requests``.
    Raises:
        NotMeasuredError: The requests were not all in flight at once, or not all answered.
    """
    contender = catalogue.find(f"flask-async@{server_name}+eventloop")
    with running(contender, HEALTH.path_for(contender), cores.server) as server:
        _ask(server, cores, 1)
        rest = resident_bytes(server)
        flying = asyncio.run(most_bytes(server, IN_FLIGHT, f"/wait/async?ms={_WAIT_MS}", _WAIT_MS))
    with running(contender, HEALTH.path_for(contender), cores.server) as server:
        _ask(server, cores, requests // 5)
        before = resident_bytes(server)
        asked = _ask(server, cores, requests)
        after = resident_bytes(server)
    return {"at rest": rest, "in flight": flying, "before": before, "after": after, "requests": asked}


def tell_memory(server_name: str, seen: Mapping[str, float]) -> bool:
    """Print the memory of requests on a server.

    Returns:
        Whether both bars hold.
    """
    each_kib = (seen["in flight"] - seen["at rest"]) / 1024 / IN_FLIGHT
    left_kib = (seen["after"] - seen["before"]) / 1024
    growth = f"{server_name:<10} {IN_FLIGHT:>7,} requests, {_mib(seen, 'at rest', 'in flight')} in flight at once"
    flies = frame.tell(
        f"{growth} {each_kib:7.1f} KiB each    <= {MOST_KIB_IN_FLIGHT}", holds=each_kib <= MOST_KIB_IN_FLIGHT
    )
    growth = f"{server_name:<10} {seen['requests']:>7,.0f} requests, {_mib(seen, 'before', 'after')} one after another"
    return (
        frame.tell(f"{growth} {left_kib:7.1f} KiB in all  <= {MOST_KIB_LEFT}", holds=left_kib <= MOST_KIB_LEFT)
        and flies
    )


def measure_threads(server_name: str, duration_s: float, cores: Cores) -> Figures:
    """Measure an app with ``def`` hooks on a server.

    Args:
        server_name: The kind of server.
        duration_s: Of the load, seconds.
        cores: Cores of the server and of the load generator.
    Returns:
        Rate of its view that waits, most waits at once, longest wait of another client beside large headers, and memory
        of a request with a leased thread, KiB.
    Raises:
        NotMeasuredError: The requests were not all in flight at once, or not all answered.
    """
    contender = with_app(f"bare-asgi@{server_name}", "threads_app:app", variant="async", description="def hooks")
    with running(contender, "/most", cores.server) as server:
        load = LoadProfile(vus=CONNECTIONS, duration_s=duration_s, warmup_s=0.5)
        rate_per_s = ask_health(server, load, cores.loader).rate_per_s
        waits = int(server.get("/most").body)
        longest_s = longest_wait_s(server)
    with running(contender, "/most", cores.server) as server:
        before = resident_bytes(server)
        after = asyncio.run(most_bytes(server, LEASES, f"/held/{_HELD_MS}", _HELD_MS))
    lease_kib = (after - before) / 1024 / LEASES
    return {"rate_per_s": rate_per_s, "waits": waits, "longest_wait_s": longest_s, "lease_kib": lease_kib}


def tell_threads(server_name: str, seen: Mapping[str, float]) -> bool:
    """Print what an app with ``def`` hooks showed on a server.

    Returns:
        Whether both bars hold.
    """
    rate = f"{server_name:<10} {seen['rate_per_s']:>7,.0f} req/s of {CONNECTIONS} connections"
    waits, longest_s = seen["waits"], seen["longest_wait_s"]
    wait = frame.tell(f"{rate}, {waits:.0f} waits of 50 ms at once   >= {LEAST_WAITS}", holds=waits >= LEAST_WAITS)
    longest = f"{server_name:<10} beside 1 MiB of headers, the longest wait {longest_s:.3f} s"
    others = frame.tell(f"{longest}   <= {MOST_WAIT_S:g} s", holds=longest_s <= MOST_WAIT_S)
    print(f"{server_name:<10} {LEASES:,} threads leased, {seen['lease_kib']:.1f} KiB a request and its thread")
    return wait and others


@frame.script(
    "Hold the event-loop bridge's memory and threads to their bars.",
    frame.option("what", nargs="?", choices=["both", "memory", "threads"], default="both", help="(%(default)s)"),
    frame.number("--requests", 100_000, "that may leave memory behind", most=100_000_000),
    frame.number("--duration", 3.0, "of the load on threads, seconds", 0.2, 600),
    packages=("flask", "hypercorn", "uvicorn"),
)
def main(session: Session) -> bool:
    """Measure and print."""
    options, cores = session.options, share_cores()
    session.begin("memory and threads of the event-loop bridge")
    allow_files(2 * max(IN_FLIGHT, LEASES))
    held = True
    for name in SERVERS:
        if options.what != "threads":
            measure = partial(measure_memory, name, options.requests, cores)
            held &= tell_memory(name, session.once(f"memory, {name}", measure))
        if options.what != "memory":
            measure = partial(measure_threads, name, options.duration, cores)
            held &= tell_threads(name, session.once(f"threads, {name}", measure))
    return held


def longest_wait_s(server: RunningServer) -> float:
    """Return the longest wait of another client while requests with large headers arrive, seconds.

    Raises:
        NotMeasuredError: The other client was never answered.
    """
    waits_s: list[float] = []
    is_over = threading.Event()

    def others() -> None:
        with socket.create_connection((HOST, server.port), timeout=60) as client:
            while not is_over.is_set():
                began_s = time.monotonic()
                client.sendall(f"GET /most HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
                if not client.recv(65_536):
                    return
                waits_s.append(time.monotonic() - began_s)

    thread = threading.Thread(target=others)
    thread.start()
    try:
        for _ in range(_LOOKS):
            with socket.create_connection((HOST, server.port), timeout=60) as client, contextlib.suppress(OSError):
                lines = b"a: 1\r\n" * (HEADER_BYTES // 6)
                client.sendall(f"GET /most HTTP/1.1\r\nHost: {HOST}\r\n".encode() + lines + b"\r\n")
                client.recv(65_536)
    finally:
        is_over.set()
        thread.join()
    if not waits_s:
        raise NotMeasuredError("The other client was never answered.")
    return max(waits_s)


async def most_bytes(server: RunningServer, requests: int, path: str, wait_ms: int) -> int:
    """Return the most memory that a server has while requests wait in it, bytes.

    Args:
        server: Warm.
        requests: How many, a connection each.
        path: Of a view that waits.
        wait_ms: How long it waits, milliseconds.
    Raises:
        NotMeasuredError: They were not all in flight at once, or not all answered.
    """
    connections = [await asyncio.open_connection(HOST, server.port) for _ in range(requests)]
    try:
        for _, writer in connections:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        sent_s = time.monotonic()
        answers = [asyncio.create_task(reader.readline()) for reader, _ in connections]
        most_bytes = 0
        while not any(answer.done() for answer in answers):
            most_bytes = max(most_bytes, resident_bytes(server))
            await asyncio.sleep(_SAMPLE_S)
        # The first is answered after its wait; by then the server must have begun the last.
        await asyncio.wait(answers, timeout=10 * wait_ms / 1_000)
        lasted_s = time.monotonic() - sent_s
        statuses = [answer.result() if answer.done() else b"(none)" for answer in answers]
        wrong = {status for status in statuses if b" 200" not in status}
        if wrong:
            raise NotMeasuredError(f"Some of {requests} requests at once were answered {wrong} instead of 200.")
        if lasted_s > 2 * wait_ms / 1_000:
            raise NotMeasuredError(f"The {requests} requests were not all in flight at once: it took {lasted_s:.1f} s.")
        return most_bytes
    finally:
        for _, writer in connections:
            writer.close()


def _ask(server: RunningServer, cores: Cores, least: int) -> int:
    """Load a server with at least this many requests, and return how many it answered."""
    asked = 0
    while asked < max(least, 1):
        asked += ask_health(server, LoadProfile(vus=10, duration_s=_TRIAL_S, warmup_s=0.2), cores.loader).completed
    return asked


def resident_bytes(server: RunningServer) -> int:
    """Return the memory that a server has, bytes."""
    resident_bytes: int = psutil.Process(server.process.pid).memory_info().rss
    return resident_bytes


def allow_files(wanted: int) -> None:
    """Let this process open this many files, if it may: each connection is one, and many systems allow few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY != soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
            )


def _mib(seen: Mapping[str, float], before: str, after: str) -> str:
    return f"{seen[before] / 2**20:5.1f} to {seen[after] / 2**20:5.1f} MiB"


if __name__ == "__main__":
    frame.run(main)
