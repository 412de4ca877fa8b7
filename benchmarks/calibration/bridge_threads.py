"""Holds the event-loop bridge to what it says of threads and headers: waits at once, memory, and who waits for whom.

Run as ``python -m benchmarks.calibration.bridge_threads``.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
import threading
import time
from collections.abc import Sequence

from benchmarks.calibration import frame
from benchmarks.calibration.bridge_memory import allow_files, most_bytes, resident_bytes
from benchmarks.calibration.frame import NotMeasuredError
from benchmarks.calibration.loading import ask_health
from benchmarks.contenders import catalogue
from benchmarks.measure.environment import share_cores
from benchmarks.measure.load.engine import LoadEngineError
from benchmarks.measure.server import HOST, RunningServer, ServerError, running
from benchmarks.model import Contender, LoadProfile

CONNECTIONS = 500
LEAST_WAITS = 400
LEASES = 1_000
HEADER_BYTES = 1024 * 1024
MOST_WAIT_S = 0.2

_SERVERS = ("hypercorn", "uvicorn")
_HELD_MS = 3_000
_LOOKS = 20


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: Of the command line; those of this process unless told.
    Returns:
        The exit status.
    """
    parser = frame.parser("bridge_threads", "Hold the event-loop bridge to what it says of threads, on real servers.")
    parser.add_argument("--duration", type=float, default=3.0, help="of the load, seconds (%(default)g)")
    options = parser.parse_args(arguments)
    print(f"threads of the event-loop bridge: {frame.here('flask', 'hypercorn', 'uvicorn')}")
    return frame.status(lambda: _measure(options.duration), LoadEngineError, ServerError)


def _measure(duration_s: float) -> bool:
    cores = share_cores()
    allow_files(2 * LEASES)
    held = True
    for name in _SERVERS:
        contender = threads_app(name)
        with running(contender, "/most", cores.server) as server:
            load = LoadProfile(vus=CONNECTIONS, duration_s=duration_s, warmup_s=0.5)
            result = ask_health(server, load, cores.loader)
            waits = int(server.get("/most").body)
            print(f"{name:<10} {result.rate_per_s:>7,.0f} req/s of {CONNECTIONS} connections, ", end="")
            held &= _tell(f"{waits} waits of 50 ms at once", f">= {LEAST_WAITS}", holds=waits >= LEAST_WAITS)
            wait_s = longest_wait_s(server, HEADER_BYTES)
            print(f"{name:<10} beside 1 MiB of headers, ", end="")
            held &= _tell(f"the longest wait {wait_s:.3f} s", f"<= {MOST_WAIT_S:g} s", holds=wait_s <= MOST_WAIT_S)
        with running(contender, "/most", cores.server) as server:
            before = resident_bytes(server)
            path = f"/held/{_HELD_MS}"
            after = asyncio.run(most_bytes(server, LEASES, path, _HELD_MS))
        print(
            f"{name:<10} {LEASES:,} threads leased, {(after - before) / 1024 / LEASES:.1f} KiB a request and its thread"
        )
    return held


def _tell(what: str, bar: str, *, holds: bool) -> bool:
    print(f"{what}   {bar}: {'holds' if holds else 'DOES NOT HOLD'}")
    return holds


if __name__ == "__main__":
    frame.script(main)
