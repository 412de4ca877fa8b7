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

from benchmarks.calibration import frame
from benchmarks.calibration.frame import Bar, Figures, Session
from benchmarks.calibration.loading import ask_health
from benchmarks.contenders import catalogue
from benchmarks.measure.environment import kept_off, share_cores
from benchmarks.measure.server import RunningServer, running
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import LoadProfile, LoadResult

SERVERS = ("fastapi-async@uvicorn", "flask-sync@hypercorn")
CONNECTIONS = 10
WARMUP_S = 0.5
CAPACITY_FRACTION = 0.5
STALL_S = 0.2

BARS = (
    Bar("rate, req/s", "rate", "asked", 0.99, 1.01),
    # A request that arrives in the first half of the stall waits longer than half of it.
    Bar("p99 with a stall, open, ms", "open p99", 1_000 * STALL_S, 0.5),
    Bar("p99 with a stall, closed, ms", "closed p99", 1_000 * STALL_S, 0.0, 0.25),
)

_STALL_AT = 0.4


def load(
    server: RunningServer, duration_s: float, cpus: tuple[int, ...], rate_per_s: float | None, *, stall: bool = False
) -> LoadResult:
    """Load a running server, and stop it once if requested.

    Args:
        server: The server.
        duration_s: Of the trial.
        cpus: Cores that the engine is pinned to.
        rate_per_s: In the open model; ``None`` for the closed model.
        stall: Whether to stop all of the server's processes for ``STALL_S``.
    Raises:
        LoadEngineError: The engine failed, or saw errors.
        ServerError: The server does not answer.
    """

    def stop_once(began_s: float) -> None:
        time.sleep(max(0.0, began_s + _STALL_AT * duration_s - time.monotonic()))
        os.killpg(server.process.pid, signal.SIGSTOP)
        try:
            time.sleep(STALL_S)
        finally:
            os.killpg(server.process.pid, signal.SIGCONT)

    profile = LoadProfile(vus=CONNECTIONS, duration_s=duration_s, warmup_s=WARMUP_S, rate_per_s=rate_per_s)
    return ask_health(server, profile, cpus, stop_once if stall else None)


def measure(server: RunningServer, duration_s: float, cpus: tuple[int, ...]) -> Figures:
    """Measure what a server can do, and then half of it in the open model, both with and without the stall.

    Returns:
        Rates per second, ``capacity`` in the closed model, ``asked`` and ``rate`` in the open one; latencies in
        milliseconds; and requests ``dropped``.
    Raises:
        LoadEngineError: The engine failed, or saw errors.
        ServerError: The server does not answer.
    """
    capacity_per_s = load(server, duration_s, cpus, None).rate_per_s
    asked_per_s = float(round(CAPACITY_FRACTION * capacity_per_s))
    steady = load(server, duration_s, cpus, asked_per_s)
    opened = load(server, duration_s, cpus, asked_per_s, stall=True)
    closed = load(server, duration_s, cpus, None, stall=True)
    # ask_health has checked the latencies, and the open model has a lateness.
    assert steady.latency and steady.lateness and opened.latency and closed.latency  # noqa: S101, PT018
    return {
        "capacity": capacity_per_s,
        "asked": asked_per_s,
        "rate": steady.rate_per_s,
        "p99": steady.latency.p99_ms,
        "dropped": steady.dropped or 0,
        "late median": steady.lateness.median_ms,
        "late p99": steady.lateness.p99_ms,
        "open p99": opened.latency.p99_ms,
        "closed p99": closed.latency.p99_ms,
        "closed slowest": closed.latency.maximum_ms,
    }


def tell(contender_id: str, rounds: Sequence[Figures]) -> bool:
    """Print the figures of one server.

    Returns:
        Whether every bar holds.
    """
    mean = {name: statistics.fmean(seen[name] for seen in rounds) for name in rounds[0]}
    held = frame.table(f"{contender_id}: {mean['capacity']:,.0f} req/s, closed", "seen", "asked", BARS, rounds)
    print(f"{'p99 without one, open, ms':<46} {mean['p99']:>8,.1f}")
    print(f"{'slowest with a stall, closed, ms':<46} {mean['closed slowest']:>8,.1f}")
    late_us = [1_000 * mean[name] for name in ("late median", "late p99")]
    print(f"our loader was late by {late_us[0]:,.0f} µs at the median, {late_us[1]:,.0f} µs at p99")
    dropped = sum(seen["dropped"] for seen in rounds)
    if dropped:
        print(f"{dropped:.0f} requests were dropped")
    return held and not dropped


@frame.script(
    "Verify that the open model keeps its rate, and shows a stall that the closed model hides.",
    frame.number("--rounds", 10, "2 or more", 2),
    frame.number("--duration", 4, "of a trial, whole seconds: a stall is 1 %% of 20", 1, 15),
    frame.SEED,
    packages=("fastapi", "flask", "uvicorn", "hypercorn"),
)
def main(session: Session) -> bool:
    """Measure and print."""
    options, cores = session.options, share_cores()
    session.begin("open model", cores)
    print(
        f"seed {options.seed}, {options.rounds} rounds, {options.duration} s a trial, {CONNECTIONS} connections; "
        f"a stall of {1_000 * STALL_S:.0f} ms"
    )

    def one_round(order: random.Random) -> dict[str, Figures]:
        seen = {}
        for contender_id in order.sample(SERVERS, len(SERVERS)):
            contender = catalogue.find(contender_id)
            with running(contender, HEALTH.path_for(contender), cores.server) as server:
                seen[contender_id] = measure(server, options.duration, cores.loader)
        return seen

    # This process stops the server, and must not take its core.
    with kept_off(cores.server):
        measured = session.rounds("stall", options.rounds, one_round)
    held = [tell(contender_id, [seen[contender_id] for seen in measured]) for contender_id in SERVERS]
    return all(held)


if __name__ == "__main__":
    frame.run(main)
