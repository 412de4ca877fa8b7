"""Holds the open model to account: the rate that it keeps, and a stall that it must show.

Run as ``python -m benchmarks.calibration.open_model``.

The rate: at half of what a server can do, the answers must come at the rate that was asked for, within 1 %. The stall:
the same server is stopped once for a while, as a long garbage collection or a frozen virtual machine would stop it. In
the open model that must show at the 99th percentile, in the closed model it hides.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.calibration import frame
from benchmarks.calibration.frame import Bar, NotMeasuredError, tell_ratio
from benchmarks.calibration.loading import ask_health
from benchmarks.contenders import catalogue
from benchmarks.measure.environment import share_cores
from benchmarks.measure.server import RunningServer, running
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import LoadProfile, LoadResult

SERVERS = ("fastapi-async@uvicorn", "flask-sync@hypercorn")
CONNECTIONS = 10
WARMUP_S = 0.5
CAPACITY_FRACTION = 0.5
STALL_S = 0.2

RATE_BAR = Bar(0.99, 1.01)
OPEN_BAR = Bar(0.5)
"""Of the stall, that p99 must show: whoever comes in its first half waits longer than that."""
CLOSED_BAR = Bar(0.0, 0.25)
"""Of the stall, that p99 shows at most where it hides."""

_STALL_AT = 0.4


@dataclass(frozen=True, slots=True)
class Round:
    """What one round saw of one server.

    Attributes:
        capacity_per_s: Rate in the closed model.
        rate_per_s: That was asked for in the open model.
        steady: In the open model, undisturbed.
        open_stalled: In the open model, with the stall.
        closed_stalled: In the closed model, with the stall.
    """

    capacity_per_s: float
    rate_per_s: float
    steady: LoadResult
    open_stalled: LoadResult
    closed_stalled: LoadResult


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads one running server.

    Attributes:
        server: What is loaded.
        duration_s: Of one trial.
        cpus: Cores that the engine is pinned to.
    """

    server: RunningServer
    duration_s: float
    cpus: tuple[int, ...]

    def load(self, rate_per_s: float | None, *, stall: bool = False) -> LoadResult:
        """Let the engine load the server, and stop the server once if asked to.

        Raises:
            LoadEngineError: It failed, or saw errors.
            ServerError: The server does not answer.
        """
        load = LoadProfile(vus=CONNECTIONS, duration_s=self.duration_s, warmup_s=WARMUP_S, rate_per_s=rate_per_s)

        def stop_once(began_s: float) -> None:
            _stop_once(self.server, began_s + _STALL_AT * self.duration_s)

        return ask_health(self.server, load, self.cpus, stop_once if stall else None)

    def round(self) -> Round:
        """Measure what the server can do, and then what becomes of half of it, with and without the stall."""
        capacity_per_s = self.load(None).rate_per_s
        rate_per_s = float(round(CAPACITY_FRACTION * capacity_per_s))
        return Round(
            capacity_per_s=capacity_per_s,
            rate_per_s=rate_per_s,
            steady=self.load(rate_per_s),
            open_stalled=self.load(rate_per_s, stall=True),
            closed_stalled=self.load(None, stall=True),
        )


def _stop_once(server: RunningServer, at_s: float) -> None:
    """Stop all of a server's processes for the length of a stall."""
    time.sleep(max(0.0, at_s - time.monotonic()))
    os.killpg(server.process.pid, signal.SIGSTOP)
    try:
        time.sleep(STALL_S)
    finally:
        os.killpg(server.process.pid, signal.SIGCONT)


def tell(contender_id: str, rounds: Sequence[Round]) -> bool:
    """Print what was seen of one server.

    Returns:
        Whether every bar holds.
    """
    asked = [seen.rate_per_s for seen in rounds]
    frame.tell_heading(
        f"{contender_id}: {_mean([seen.capacity_per_s for seen in rounds]):,.0f} req/s, closed", "seen", "asked"
    )
    stalls_ms = [1_000 * STALL_S] * len(rounds)
    held = [
        tell_ratio("rate, req/s", [seen.steady.rate_per_s for seen in rounds], asked, RATE_BAR),
        tell_ratio("p99 with a stall, open, ms", [_p99_ms(seen.open_stalled) for seen in rounds], stalls_ms, OPEN_BAR),
        tell_ratio(
            "p99 with a stall, closed, ms", [_p99_ms(seen.closed_stalled) for seen in rounds], stalls_ms, CLOSED_BAR
        ),
    ]
    print(f"{'p99 without one, open, ms':<46} {_mean([_p99_ms(seen.steady) for seen in rounds]):>8,.1f}")
    worst = [seen.closed_stalled.latency.maximum_ms for seen in rounds if seen.closed_stalled.latency is not None]
    print(f"{'slowest with a stall, closed, ms':<46} {_mean(worst):>8,.1f}")
    late = [seen.steady.lateness for seen in rounds if seen.steady.lateness is not None]
    median_us = 1_000 * _mean([each.median_ms for each in late])
    p99_us = 1_000 * _mean([each.p99_ms for each in late])
    print(f"our loader was late by {median_us:,.0f} µs at the median, {p99_us:,.0f} µs at p99")
    dropped = sum(seen.steady.dropped or 0 for seen in rounds)
    if dropped:
        print(f"{dropped} requests were dropped")
    return all(held) and not dropped


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: Of the command line; those of this process unless told.
    Returns:
        The exit status.
    """
    parser = frame.parser(
        "open_model", "See that the open model keeps its rate, and shows a stall that the closed model hides."
    )
    parser.add_argument("--rounds", type=frame.whole_number(2, 1_000), default=10, help="2 or more (%(default)s)")
    parser.add_argument(
        "--duration",
        type=frame.whole_number(1, 15),
        default=4,
        help="of a trial, whole seconds: a stall is 1 %% of 20 (%(default)s)",
    )
    frame.add_seed(parser, "the order in a round")
    options = frame.parse(parser, arguments)
    return frame.status(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> bool:
    if not hasattr(os, "killpg"):
        raise NotMeasuredError("This system cannot stop a process for a while, so there is no stall to show.")
    rounds, cores = frame.rounds(options, "fastapi", "flask", "uvicorn", "hypercorn"), share_cores()
    print(f"open model: {frame.here()}; {frame.pinning(cores)}")
    print(
        f"seed {options.seed}, {options.rounds} rounds, {options.duration} s a trial, {CONNECTIONS} connections; "
        f"a stall of {1_000 * STALL_S:.0f} ms"
    )
    if cores.loader and threading.current_thread() is threading.main_thread():
        # What wakes up to stop the server must not take the server's core.
        os.sched_setaffinity(0, cores.loader)

    def one_round(order: random.Random) -> dict[str, Round]:
        seen = {}
        for contender_id in order.sample(SERVERS, len(SERVERS)):
            contender = catalogue.find(contender_id)
            with running(contender, HEALTH.path_for(contender), cores.server) as server:
                seen[contender_id] = Loader(server, options.duration, cores.loader).round()
        return seen

    measured = rounds.of("stall", options.rounds, one_round, dict[str, Round])
    verdicts = [tell(contender_id, [seen[contender_id] for seen in measured]) for contender_id in SERVERS]
    return all(verdicts)


def _p99_ms(result: LoadResult) -> float:
    assert result.latency is not None  # noqa: S101  # ask_health has seen to it
    return result.latency.p99_ms


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    frame.script(main)
