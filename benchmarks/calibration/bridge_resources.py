"""Holds the event-loop bridge's memory and threads to account: of requests in flight, of 100,000, of waits at once.

Run as ``python -m benchmarks.calibration.bridge_resources``: what requests in flight take and what many leave behind,
how many may wait at once beside ``def`` hooks, and who waits for whom.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import psutil

from benchmarks.calibration import frame
from benchmarks.calibration.frame import NotMeasuredError
from benchmarks.calibration.loading import ask_health
from benchmarks.contenders import catalogue
from benchmarks.measure.environment import Cores, share_cores
from benchmarks.measure.server import HOST, RunningServer, running
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import Contender, LoadProfile

IN_FLIGHT = 1_000
REQUESTS = 100_000
MOST_KIB_IN_FLIGHT = 64
MOST_KIB_LEFT = 1024
"""In all. One small object kept of each request would be five times as much; less is how an allocator breathes."""

_WAIT_MS = 1_000
_TRIAL_S = 2.0
_SAMPLE_S = 0.01
_SERVERS = ("hypercorn", "uvicorn")
CONNECTIONS = 500
LEAST_WAITS = 400
LEASES = 1_000
HEADER_BYTES = 1024 * 1024
MOST_WAIT_S = 0.2

_HELD_MS = 3_000
_LOOKS = 20


@dataclass(frozen=True, slots=True)
class Growth:
    """Resident memory of the server, bytes, before and after.

    Attributes:
        before_bytes: At rest, warm.
        after_bytes: At the most, or at the end.
        requests: Between the two.
    """

    before_bytes: int
    after_bytes: int
    requests: int

    @property
    def kib(self) -> float:
        """What was added, KiB."""
        return (self.after_bytes - self.before_bytes) / 1024

    def __str__(self) -> str:
        before, after = self.before_bytes / 2**20, self.after_bytes / 2**20
        return f"{self.requests:>7,} requests, {before:5.1f} to {after:5.1f} MiB"


def in_flight(server: RunningServer, requests: int) -> Growth:
    """Measure what requests take that all wait at once, their connections included.

    Args:
        server: Warm.
        requests: How many, a connection each.
    Raises:
        NotMeasuredError: They were not all in flight at once, or not all answered.
    """
    before_bytes = resident_bytes(server)
    path = f"/wait/async?ms={_WAIT_MS}"
    return Growth(before_bytes, asyncio.run(most_bytes(server, requests, path, _WAIT_MS)), requests)


def left_behind(server: RunningServer, requests: int, cpus: tuple[int, ...]) -> Growth:
    """Measure what remains of requests that are over.

    Args:
        server: Fresh; a fifth as many requests beforehand make it warm.
        requests: At least so many.
        cpus: Cores that the loader may use.
    Raises:
        LoadEngineError: The load engine failed, or some were not answered.
        ServerError: The server does not answer.
    """
    _ask_often(server, requests // 5, cpus)
    before_bytes = resident_bytes(server)
    asked = _ask_often(server, requests, cpus)
    return Growth(before_bytes, resident_bytes(server), asked)


def threads_app(server: str) -> Contender:
    """Return the app with hooks as a contender on a server."""
    bare = catalogue.find(f"bare-asgi@{server}")
    arguments = (*bare.arguments[:-1], "benchmarks.calibration.threads_app:app")
    return dataclasses.replace(bare, framework="flask", variant="async", arguments=arguments, description="def hooks")


def longest_wait_s(server: RunningServer, header_bytes: int) -> float:
    """Return how long another client waits at the most while requests with so many bytes of headers come in, seconds.

    Raises:
        NotMeasuredError: Nobody was answered.
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
                lines = b"a: 1\r\n" * (header_bytes // 6)
                client.sendall(f"GET /most HTTP/1.1\r\nHost: {HOST}\r\n".encode() + lines + b"\r\n")
                client.recv(65_536)
    finally:
        is_over.set()
        thread.join()
    if not waits_s:
        raise NotMeasuredError("The other client was never answered.")
    return max(waits_s)


@dataclass(frozen=True, slots=True)
class Threads:
    """What an app with ``def`` hooks showed.

    Attributes:
        rate_per_s: Of its view that waits.
        waits: The most at once.
        longest_wait_s: Of another client, beside much of headers.
        lease_kib: Memory of a request with a leased thread.
    """

    rate_per_s: float
    waits: int
    longest_wait_s: float
    lease_kib: float


def measure_threads(server_name: str, duration_s: float, cores: Cores) -> Threads:
    """Measure an app with hooks on a server.

    Args:
        server_name: Of the kind of server.
        duration_s: Of the load, seconds.
        cores: Which server and loader may use.
    """
    contender = threads_app(server_name)
    with running(contender, "/most", cores.server) as server:
        load = LoadProfile(vus=CONNECTIONS, duration_s=duration_s, warmup_s=0.5)
        rate_per_s = ask_health(server, load, cores.loader).rate_per_s
        waits = int(server.get("/most").body)
        longest_s = longest_wait_s(server, HEADER_BYTES)
    with running(contender, "/most", cores.server) as server:
        before = resident_bytes(server)
        after = asyncio.run(most_bytes(server, LEASES, f"/held/{_HELD_MS}", _HELD_MS))
    return Threads(rate_per_s, waits, longest_s, (after - before) / 1024 / LEASES)


def measure_memory(server_name: str, requests: int, cores: Cores) -> tuple[Growth, Growth]:
    """Measure what requests in flight take on a server, and what is left behind.

    Args:
        server_name: Of the kind of server.
        requests: To leave something behind.
        cores: Which server and loader may use.
    """
    contender = catalogue.find(f"flask-async@{server_name}+eventloop")
    with running(contender, HEALTH.path_for(contender), cores.server) as server:
        _ask(server, cores.loader)
        flying = in_flight(server, IN_FLIGHT)
    with running(contender, HEALTH.path_for(contender), cores.server) as server:
        return flying, left_behind(server, requests, cores.loader)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: Of the command line; those of this process unless told.
    Returns:
        The exit status.
    """
    parser = frame.parser("bridge_resources", "Hold the event-loop bridge's memory and threads to account.")
    parser.add_argument("what", nargs="?", choices=["both", "memory", "threads"], default="both", help="(%(default)s)")
    parser.add_argument(
        "--requests", type=frame.whole_number(1), default=REQUESTS, help="to leave something behind (%(default)s)"
    )
    parser.add_argument(
        "--duration", type=frame.seconds(0.2, 600), default=3.0, help="of the load on threads (%(default)g s)"
    )
    options = frame.parse(parser, arguments)
    return frame.status(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> bool:
    packages = ("flask", "hypercorn", "uvicorn")
    rounds, cores = frame.rounds(options, *packages), share_cores()
    print(f"memory and threads of the event-loop bridge: {frame.here(*packages)}")
    allow_files(2 * max(IN_FLIGHT, LEASES))
    held = True
    for name in _SERVERS:
        if options.what != "threads":
            measure = partial(measure_memory, name, options.requests, cores)
            flying, left = rounds.one(f"memory, {name}", measure, tuple[Growth, Growth])
            each_kib = flying.kib / flying.requests
            print(f"{name:<10} {flying} in flight at once ", end="")
            held &= _tell(
                f"{each_kib:7.1f} KiB each   ", f"<= {MOST_KIB_IN_FLIGHT}", holds=each_kib <= MOST_KIB_IN_FLIGHT
            )
            print(f"{name:<10} {left} one after another ", end="")
            held &= _tell(f"{left.kib:7.1f} KiB in all ", f"<= {MOST_KIB_LEFT}", holds=left.kib <= MOST_KIB_LEFT)
        if options.what != "memory":
            seen = rounds.one(f"threads, {name}", partial(measure_threads, name, options.duration, cores), Threads)
            print(f"{name:<10} {seen.rate_per_s:>7,.0f} req/s of {CONNECTIONS} connections, ", end="")
            held &= _tell(
                f"{seen.waits} waits of 50 ms at once  ", f">= {LEAST_WAITS}", holds=seen.waits >= LEAST_WAITS
            )
            print(f"{name:<10} beside 1 MiB of headers, the longest wait ", end="")
            longest_s = seen.longest_wait_s
            held &= _tell(f"{longest_s:.3f} s  ", f"<= {MOST_WAIT_S:g} s", holds=longest_s <= MOST_WAIT_S)
            print(f"{name:<10} {LEASES:,} threads leased, {seen.lease_kib:.1f} KiB a request and its thread")
    return held


async def most_bytes(server: RunningServer, requests: int, path: str, wait_ms: int) -> int:
    """Return the most memory that a server has while requests wait in it, bytes.

    Args:
        server: Warm.
        requests: How many, a connection each.
        path: Of what waits.
        wait_ms: How long it does, milliseconds.
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
        # The first was answered when it had waited; by then the server must have begun the last.
        await asyncio.wait(answers, timeout=10 * wait_ms / 1_000)
        lasted_s = time.monotonic() - sent_s
        statuses = [answer.result() if answer.done() else b"(none)" for answer in answers]
        wrong = {status for status in statuses if b" 200" not in status}
        if wrong:
            raise NotMeasuredError(f"Some of {requests} requests at once were answered {wrong} instead of 200.")
        if lasted_s > 2 * wait_ms / 1_000:
            raise NotMeasuredError(
                f"The {requests} requests were not all in flight at once: they took {lasted_s:.1f} s."
            )
        return most_bytes
    finally:
        for _, writer in connections:
            writer.close()


def _ask_often(server: RunningServer, requests: int, cpus: tuple[int, ...]) -> int:
    asked = _ask(server, cpus)
    while asked < requests:
        asked += _ask(server, cpus)
    return asked


def _ask(server: RunningServer, cpus: tuple[int, ...]) -> int:
    return ask_health(server, LoadProfile(vus=10, duration_s=_TRIAL_S, warmup_s=0.2), cpus).completed


def resident_bytes(server: RunningServer) -> int:
    """Return the memory that a server has, bytes."""
    resident_bytes: int = psutil.Process(server.process.pid).memory_info().rss
    return resident_bytes


def allow_files(wanted: int) -> None:
    """Have this process open so many files, if it may: a connection is one, and many systems give a process few."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - not on every platform

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
            )


def _tell(what: str, bar: str, *, holds: bool) -> bool:
    print(f"{what}{bar}: {'holds' if holds else 'DOES NOT HOLD'}")
    return holds


if __name__ == "__main__":
    frame.script(main)
