"""Holds the open model to its bars: the rate that it keeps, and a stall that it must show.

Run as ``python -m benchmarks.calibration.open_model``.

The rate: at half of what a server can do, answers must come at the requested rate within 1 %. The stall: the server is
stopped once for a while, like by a long garbage collection or a frozen virtual machine. In the open model the 99th
percentile must show that; in the closed model it hides it.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import time
from collections.abc import Sequence

from benchmarks.calibration.frame import SEED, Bar, Figures, Session, number, script
from benchmarks.calibration.loading import ask, load_of, serving
from benchmarks.measure.environment import kept_off
from benchmarks.measure.server import RunningServer
from benchmarks.model import LatencySummary, LoadResult

SERVERS = ("fastapi-async@uvicorn", "flask-sync@hypercorn")
CONNECTIONS = 10
CAPACITY_FRACTION = 0.5
STALL_S = 0.2

BARS = (
    Bar("rate, req/s", "rate", "asked", 0.99, 1.01),
    # A request that arrives in the first half of the stall waits longer than half of it.
    Bar("p99 with a stall, open, ms", "open p99", 1_000 * STALL_S, 0.5),
    Bar("p99 with a stall, closed, ms", "closed p99", 1_000 * STALL_S, 0.0, 0.25),
    Bar("slowest with a stall, closed, ms", "closed slowest", 1_000 * STALL_S),
    Bar("p99 without a stall, open, ms", "p99", 1_000 * STALL_S),
    Bar("capacity, closed, req/s", "capacity", "asked"),
)

_STALL_AT = 0.4


def load(
    session: Session, server: RunningServer, rate_per_s: float | None, *, stall: bool = False
) -> tuple[LoadResult, LatencySummary]:
    """Load a running server, and stop all of its processes once for ``STALL_S`` if requested.

    Args:
        session: Has cores and duration.
        server: The server.
        rate_per_s: In the open model; ``None`` for the closed model.
        stall: Whether to stop it.
    """

    def stop_once(began_s: float) -> None:
        if not stall:
            return
        time.sleep(max(0.0, began_s + _STALL_AT * session.options.duration - time.monotonic()))
        os.killpg(server.process.pid, signal.SIGSTOP)
        try:
            time.sleep(STALL_S)
        finally:
            os.killpg(server.process.pid, signal.SIGCONT)

    return ask(session, server, load_of(session, CONNECTIONS, rate_per_s=rate_per_s), meanwhile=stop_once)


def measure(session: Session, server: RunningServer) -> Figures:
    """Measure what a server can do, and then half of it in the open model, both with and without the stall.

    Returns:
        Rates per second, ``capacity`` in the closed model, ``asked`` and ``rate`` in the open one; latencies in
        milliseconds; and requests ``dropped``.
    """
    capacity_per_s = load(session, server, None)[0].rate_per_s
    asked_per_s = float(round(CAPACITY_FRACTION * capacity_per_s))
    steady, latency = load(session, server, asked_per_s)
    _, opened = load(session, server, asked_per_s, stall=True)
    _, closed = load(session, server, None, stall=True)
    assert steady.lateness is not None  # noqa: S101 (the open model has one)
    return {
        "capacity": capacity_per_s,
        "asked": asked_per_s,
        "rate": steady.rate_per_s,
        "p99": latency.p99_ms,
        "dropped": steady.dropped or 0,
        "late median": steady.lateness.median_ms,
        "late p99": steady.lateness.p99_ms,
        "open p99": opened.p99_ms,
        "closed p99": closed.p99_ms,
        "closed slowest": closed.maximum_ms,
    }


def tell(session: Session, contender_id: str, rounds: Sequence[Figures]) -> None:
    """Print the figures of one server, with their bars."""
    session.ratios(contender_id, "seen", BARS, rounds)
    late_us = [1_000 * statistics.fmean(seen[name] for seen in rounds) for name in ("late median", "late p99")]
    print(f"our loader was late by {late_us[0]:,.0f} µs at the median, {late_us[1]:,.0f} µs at p99")
    session.bar("requests dropped", sum(seen["dropped"] for seen in rounds), most=0)


@script(
    "Verify that the open model keeps its rate, and shows a stall that the closed model hides.",
    number("--rounds", 10, "2 or more", 2),
    number("--duration", 4, "of a trial, whole seconds: a stall is 1 %% of 20", 1, 15),
    SEED,
    packages=("fastapi", "flask", "uvicorn", "hypercorn"),
)
def main(session: Session) -> None:
    """Measure and print."""

    def one_round(order: random.Random) -> dict[str, Figures]:
        seen = {}
        for contender_id in order.sample(SERVERS, len(SERVERS)):
            with serving(session, contender_id) as server:
                seen[contender_id] = measure(session, server)
        return seen

    print(f"{CONNECTIONS} connections; a stall of {1_000 * STALL_S:.0f} ms")
    # This process stops the server, and must not take its core.
    with kept_off(session.cores.server):
        measured = session.rounds("stall", one_round)
    for contender_id in SERVERS:
        tell(session, contender_id, [seen[contender_id] for seen in measured])
