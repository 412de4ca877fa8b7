"""Holds the event-loop bridge's memory to account: what a request in flight takes, and what 100,000 leave behind.

Run as ``python -m benchmarks.calibration.bridge_memory``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from benchmarks.calibration import frame
from benchmarks.calibration.frame import NotMeasuredError
from benchmarks.calibration.loading import ask_health
from benchmarks.contenders import catalogue
from benchmarks.measure.environment import share_cores
from benchmarks.measure.load.engine import LoadEngineError
from benchmarks.measure.server import HOST, RunningServer, ServerError, running
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import LoadProfile

IN_FLIGHT = 1_000
REQUESTS = 100_000
MOST_KIB_IN_FLIGHT = 64
MOST_KIB_LEFT = 1024
"""In all. One small object kept of each request would be five times as much; less is how an allocator breathes."""

_WAIT_MS = 1_000
_TRIAL_S = 2.0
_SAMPLE_S = 0.01
_SERVERS = ("hypercorn", "uvicorn")


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: Of the command line; those of this process unless told.
    Returns:
        The exit status.
    """
    parser = frame.parser("bridge_memory", "Hold the event-loop bridge's memory to account, on real servers.")
    parser.add_argument(
        "--requests", type=frame.whole_number(1), default=REQUESTS, help="to leave something behind (%(default)s)"
    )
    options = parser.parse_args(arguments)
    print(f"memory of the event-loop bridge: {frame.here()}")
    return frame.status(lambda: _measure(options), LoadEngineError, ServerError)


def _measure(options: argparse.Namespace) -> bool:
    cores = share_cores()
    allow_files(2 * IN_FLIGHT)
    all_hold = True
    for name in _SERVERS:
        contender = catalogue.find(f"flask-async@{name}+eventloop")
        with running(contender, HEALTH.path_for(contender), cores.server) as server:
            _ask(server, cores.loader)
            growth = in_flight(server, IN_FLIGHT)
        print(f"{name:<10} {growth} in flight at once ", end="")
        all_hold &= _holds(growth.kib / growth.requests, "each", MOST_KIB_IN_FLIGHT)
        with running(contender, HEALTH.path_for(contender), cores.server) as server:
            growth = left_behind(server, options.requests, cores.loader)
        print(f"{name:<10} {growth} one after another ", end="")
        all_hold &= _holds(growth.kib, "in all", MOST_KIB_LEFT)
    return all_hold


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


def _holds(kib: float, of: str, most_kib: float) -> bool:
    holds = kib <= most_kib
    print(f"{kib:7.1f} KiB {of:<7} <= {most_kib:g}: {'holds' if holds else 'DOES NOT HOLD'}")
    return holds


def allow_files(wanted: int) -> None:
    """Have this process open so many files, if it may: a connection is one, and many systems give a process few."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - not on every platform

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
            )


if __name__ == "__main__":
    frame.script(main)
