"""Holds the embedded load engine to account against wrk: same server, same cores, interleaved rounds.

Run as ``python -m benchmarks.calibration.load_engine``. Exit status: 0 when every bar holds, 1 when one does not, 2
when it could not be measured.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import os
import platform
import random
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from benchmarks.calibration.bar import HOLDS, Bar
from benchmarks.calibration.wrk import WrkError, run_wrk
from benchmarks.contenders import catalogue
from benchmarks.judge.statistics import paired_ratio
from benchmarks.measure.environment import Cores, share_cores
from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.measure.schedule import HEALTH
from benchmarks.measure.server import HOST, RunningServer, ServerError, running
from benchmarks.model import LoadProfile

CONNECTIONS = 10
WARMUP_S = 0.5

_PATIENCE_S = 30.0

_EXIT_HOLDS, _EXIT_FAILS, _EXIT_NOT_MEASURED = 0, 1, 2
_EXIT_INTERRUPTED, _EXIT_TERMINATED = 130, 143


@dataclass(frozen=True, slots=True)
class Seen:
    """What one loader saw in one trial."""

    rate_per_s: float
    median_ms: float
    loader_cpu_fraction: float | None = None


RATE_BAR = Bar(0.9)
MEDIAN_BAR = Bar(0.9, 1.1)

BARS: dict[str, tuple[Bar | None, Bar | None]] = {
    "bare-asgi@uvicorn": (RATE_BAR, None),
    "fastapi-async@uvicorn": (None, MEDIAN_BAR),
}
"""By contender: the bar on the rate, and the bar on the median latency."""


def run_ours(port: int, path: str, duration_s: int, body_bytes: int, cpus: tuple[int, ...]) -> Seen:
    """Let the embedded engine load the server.

    Raises:
        LoadEngineError: It failed, or saw errors.
    """
    load = LoadProfile(vus=CONNECTIONS, duration_s=duration_s, warmup_s=WARMUP_S)
    order = LoadOrder(host=HOST, port=port, path=path, load=load, expected_body_bytes=body_bytes, cpus=cpus)
    with closing(BuiltinEngine().start(order)) as session:
        session.wait_until_measuring(WARMUP_S + load.timeout_s + _PATIENCE_S)
        result = session.result(duration_s + _PATIENCE_S)
    if result.errors or result.latency is None:
        raise LoadEngineError(f"the engine saw errors, so there is nothing to compare: {dict(result.errors)}")
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
    path = HEALTH.path_for(server.contender)
    url = f"http://{HOST}:{server.port}{path}"
    body_bytes = len(server.get(path).body)
    wrks: list[Seen] = []
    ours: list[Seen] = []

    def ask_wrk() -> None:
        result = run_wrk(wrk, url, connections=CONNECTIONS, duration_s=duration_s)
        wrks.append(Seen(result.rate_per_s, result.median_ms))

    def ask_ours() -> None:
        ours.append(run_ours(server.port, path, duration_s, body_bytes, cpus))

    # wrk has no warm-up of its own: without this the first round would give it a cold server.
    run_wrk(wrk, url, connections=CONNECTIONS, duration_s=1)
    loaders: list[Callable[[], None]] = [ask_wrk, ask_ours]
    for number in range(1, rounds + 1):
        order.shuffle(loaders)
        for ask in loaders:
            ask()
        if sys.stderr.isatty():
            end = "\n" if number == rounds else ""
            print(f"\r{server.contender.id}: round {number} of {rounds}", end=end, file=sys.stderr, flush=True)
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
        interval = "-" if ratio.low is None or ratio.high is None else f"{ratio.low:.3f} to {ratio.high:.3f}"
        verdict = "" if bar is None else f"{bar}: {bar.verdict(ratio)}"
        all_hold &= bar is None or bar.verdict(ratio) == HOLDS
        mean_wrk, mean_ours = sum(of_wrk) / len(of_wrk), sum(of_ours) / len(of_ours)
        print(f"{contender_id:<22} {name:<11} {_short(mean_wrk):>9} {_short(mean_ours):>9} {ratio.value:>8.3f}", end="")
        print(f"   {interval:<15} {verdict}".rstrip())
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
    wrk = shutil.which("wrk")
    if wrk is None:
        message = "wrk is not here to compare with: `apt-get install wrk` or `brew install wrk`, then try again"
        print(message, file=sys.stderr)
        return _EXIT_NOT_MEASURED
    cores = share_cores()
    print(f"load engine against wrk: {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC, {_environment(cores)}")
    print(f"seed {options.seed}, {options.rounds} rounds of {options.duration} s, {CONNECTIONS} connections")
    if cores.loader:
        # wrk and its threads inherit this; the server and our engine are pinned by who starts them.
        os.sched_setaffinity(0, cores.loader)
    order = random.Random(options.seed)  # noqa: S311  # a repeatable order, no secret
    try:
        measured = {}
        for contender_id in BARS:
            contender = catalogue.find(contender_id)
            with running(contender, HEALTH.path_for(contender), cores.server) as server:
                measured[contender_id] = compare(
                    server,
                    wrk,
                    rounds=options.rounds,
                    duration_s=options.duration,
                    order=order,
                    cpus=cores.loader,
                )
    except (WrkError, LoadEngineError, ServerError) as error:
        print(f"\n{error}", file=sys.stderr)
        return _EXIT_NOT_MEASURED
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    print(f"\n{'server':<22} {'figure':<11} {'wrk':>9} {'ours':>9} {'ours/wrk':>8}   {'95 % interval':<15} bar")
    verdicts = [tell(contender_id, *measured[contender_id], bars) for contender_id, bars in BARS.items()]
    return _EXIT_HOLDS if all(verdicts) else _EXIT_FAILS


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration.load_engine",
        description="Compare the embedded load engine with wrk on real servers, in interleaved rounds.",
        epilog="Exit status: 0 every bar holds, 1 one does not, 2 it could not be measured.",
    )
    parser.add_argument("--rounds", type=_between(2, 1_000), default=10, help="of each server, 2 or more (%(default)s)")
    parser.add_argument("--duration", type=_between(1, 600), default=2, help="of a trial, whole seconds (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the order in a round")  # noqa: S311  # the same
    return parser.parse_args(arguments)


def _between(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text) if text.isdecimal() else least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return value

    return number


def _environment(cores: Cores) -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("uvicorn", "fastapi", "httptools"))
    pinning = f"server on core {cores.server[0]}, loader on core {cores.loader[0]}" if cores.server else "not pinned"
    return f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {versions}; {pinning}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3f}"


if __name__ == "__main__":
    # As an exception it ends the server and the loader under way as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_EXIT_TERMINATED))
    sys.exit(main())
