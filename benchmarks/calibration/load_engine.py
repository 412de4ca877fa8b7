"""Holds the embedded load engine to account against wrk: same server, same cores, interleaved rounds.

Run as ``python -m benchmarks.calibration.load_engine``.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.calibration import frame
from benchmarks.calibration.bar import HOLDS, Bar, interval
from benchmarks.calibration.frame import NotMeasuredError
from benchmarks.calibration.loading import ask_health
from benchmarks.calibration.wrk import WrkError, run_wrk
from benchmarks.contenders import catalogue
from benchmarks.judge.statistics import paired_ratio
from benchmarks.measure.environment import share_cores
from benchmarks.measure.load.engine import LoadEngineError
from benchmarks.measure.server import HOST, RunningServer, ServerError, running
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import LoadProfile

CONNECTIONS = 10
WARMUP_S = 0.5


@dataclass(frozen=True, slots=True)
class Seen:
    """What one loader saw in one trial."""

    rate_per_s: float
    median_ms: float
    loader_cpu_fraction: float | None = None


CEILING_BAR = Bar(0.95)
RATE_BAR = Bar(0.95, 1.05)
MEDIAN_BAR = Bar(0.9, 1.1)

BARS: dict[str, tuple[Bar | None, Bar | None]] = {
    "bare-asgi@uvicorn": (CEILING_BAR, None),
    "fastapi-async@uvicorn": (RATE_BAR, MEDIAN_BAR),
}
"""By contender: the bar on the rate, and the bar on the median latency."""


def run_ours(server: RunningServer, duration_s: int, cpus: tuple[int, ...]) -> Seen:
    """Let the embedded engine load the server.

    Raises:
        LoadEngineError: It failed, or saw errors.
        ServerError: The server does not answer.
    """
    result = ask_health(server, LoadProfile(vus=CONNECTIONS, duration_s=duration_s, warmup_s=WARMUP_S), cpus)
    assert result.latency is not None  # noqa: S101  # ask_health has seen to it
    cpu_fraction = None if result.loader_cpu_s is None else result.loader_cpu_s / result.duration_s
    return Seen(result.rate_per_s, result.latency.median_ms, cpu_fraction)


def compare(
    server: RunningServer, wrk: str, *, rounds: int, duration_s: int, order: random.Random, cpus: tuple[int, ...]
) -> tuple[list[Seen], list[Seen]]:
    """Load one running server with both, once a round, in a random order.

    Args:
        server: What is loaded.
        wrk: Path of wrk.
        rounds: How often.
        duration_s: Of one trial, whole seconds.
        order: Decides who goes first in a round.
        cpus: Cores that our engine is pinned to; wrk inherits this process's.
    Returns:
        What wrk and what the embedded engine saw, a round each.
    Raises:
        WrkError: wrk failed or saw errors.
        LoadEngineError: The engine did.
        ServerError: The server does not answer.
    """
    url = f"http://{HOST}:{server.port}{HEALTH.path_for(server.contender)}"
    wrks: list[Seen] = []
    ours: list[Seen] = []

    def ask_wrk() -> None:
        result = run_wrk(wrk, url, connections=CONNECTIONS, duration_s=duration_s)
        wrks.append(Seen(result.rate_per_s, result.median_ms))

    def ask_ours() -> None:
        ours.append(run_ours(server, duration_s, cpus))

    # wrk has no warm-up of its own: without this the first round would give it a cold server.
    run_wrk(wrk, url, connections=CONNECTIONS, duration_s=1)
    loaders: list[Callable[[], None]] = [ask_wrk, ask_ours]
    for number in range(1, rounds + 1):
        order.shuffle(loaders)
        for ask in loaders:
            ask()
        frame.progress(f"{server.contender.id}: round", number, rounds)
    return wrks, ours


def tell(contender_id: str, wrks: Sequence[Seen], ours: Sequence[Seen], bars: tuple[Bar | None, Bar | None]) -> bool:
    """Print the ratios of one server.

    Returns:
        Whether every bar holds.
    """
    all_hold = True
    figures: tuple[tuple[str, Callable[[Seen], float], Bar | None], ...] = (
        ("rate, req/s", lambda seen: seen.rate_per_s, bars[0]),
        ("median, ms", lambda seen: seen.median_ms, bars[1]),
    )
    for name, figure, bar in figures:
        of_wrk, of_ours = [figure(seen) for seen in wrks], [figure(seen) for seen in ours]
        ratio = paired_ratio(of_ours, of_wrk)
        verdict = "" if bar is None else f"{bar}: {bar.verdict(ratio)}"
        all_hold &= bar is None or bar.verdict(ratio) == HOLDS
        mean_wrk, mean_ours = sum(of_wrk) / len(of_wrk), sum(of_ours) / len(of_ours)
        print(f"{contender_id:<22} {name:<11} {_short(mean_wrk):>9} {_short(mean_ours):>9} {ratio.value:>8.3f}", end="")
        print(f"   {interval(ratio):<15} {verdict}".rstrip())
    busy = [seen.loader_cpu_fraction for seen in ours if seen.loader_cpu_fraction is not None]
    if busy:
        print(f"{contender_id:<22} our loader used {100 * sum(busy) / len(busy):.0f} % of its core")
    return all_hold


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and print.

    Args:
        arguments: Of the command line; those of this process unless told.
    Returns:
        The exit status.
    """
    options = _parse(arguments)
    return frame.status(lambda: _measure(options), WrkError, LoadEngineError, ServerError)


def _measure(options: argparse.Namespace) -> bool:
    wrk = shutil.which("wrk")
    if wrk is None:
        message = "wrk is not here to compare with: `apt-get install wrk` or `brew install wrk`, then try again"
        raise NotMeasuredError(message)
    cores = share_cores()
    print(f"load engine against wrk: {frame.here('uvicorn', 'fastapi', 'httptools')}; {frame.pinning(cores)}")
    print(f"seed {options.seed}, {options.rounds} rounds of {options.duration} s, {CONNECTIONS} connections")
    if cores.loader:
        # wrk and its threads inherit this; the server and our engine are pinned by who starts them.
        os.sched_setaffinity(0, cores.loader)
    order = random.Random(options.seed)  # noqa: S311  # a repeatable order, no secret
    measured = {}
    for contender_id in BARS:
        contender = catalogue.find(contender_id)
        with running(contender, HEALTH.path_for(contender), cores.server) as server:
            measured[contender_id] = compare(
                server, wrk, rounds=options.rounds, duration_s=options.duration, order=order, cpus=cores.loader
            )
    print(f"\n{'server':<22} {'figure':<11} {'wrk':>9} {'ours':>9} {'ours/wrk':>8}   {'95 % interval':<15} bar")
    verdicts = [tell(contender_id, *measured[contender_id], bars) for contender_id, bars in BARS.items()]
    return all(verdicts)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = frame.parser(
        "load_engine", "Compare the embedded load engine with wrk on real servers, in interleaved rounds."
    )
    rounds, seconds = frame.whole_number(2, 1_000), frame.whole_number(1, 600)
    parser.add_argument("--rounds", type=rounds, default=10, help="of each server, 2 or more (%(default)s)")
    parser.add_argument("--duration", type=seconds, default=2, help="of a trial, whole seconds (%(default)s)")
    frame.add_seed(parser, "the order in a round")
    return parser.parse_args(arguments)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3f}"


if __name__ == "__main__":
    frame.script(main)
