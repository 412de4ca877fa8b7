"""Holds the open model to account: the rate that it keeps, and a stall that it must show.

Run as ``python -m benchmarks.calibration.open_model``. Exit status: 0 when every bar holds, 1 when one does not, 2 when
it could not be measured.

The rate: at half of what a server can do, the answers must come at the rate that was asked for, within 1 %. The stall:
the same server is stopped once for a while, as a long garbage collection or a frozen virtual machine would stop it. In
the open model that must show at the 99th percentile, in the closed model it hides.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from benchmarks.calibration.bar import HOLDS, Bar
from benchmarks.contenders import catalogue
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.statistics import paired_ratio
from benchmarks.measure.environment import Cores, share_cores
from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.measure.schedule import HEALTH
from benchmarks.measure.server import HOST, RunningServer, ServerError, running
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
_PATIENCE_S = 30.0

_EXIT_HOLDS, _EXIT_FAILS, _EXIT_NOT_MEASURED = 0, 1, 2
_EXIT_INTERRUPTED, _EXIT_TERMINATED = 130, 143


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
        path = HEALTH.path_for(self.server.contender)
        load = LoadProfile(vus=CONNECTIONS, duration_s=self.duration_s, warmup_s=WARMUP_S, rate_per_s=rate_per_s)
        order = LoadOrder(
            host=HOST,
            port=self.server.port,
            path=path,
            load=load,
            expected_body_bytes=len(self.server.get(path).body),
            cpus=self.cpus,
        )
        with closing(BuiltinEngine().start(order)) as session:
            began_s = session.wait_until_measuring(WARMUP_S + load.timeout_s + _PATIENCE_S)
            if stall:
                _stop_once(self.server, began_s + _STALL_AT * self.duration_s)
            result = session.result(self.duration_s + 2 * load.timeout_s + _PATIENCE_S)
        if result.errors or result.latency is None:
            raise LoadEngineError(f"the engine saw errors, so there is nothing to tell: {dict(result.errors)}")
        return result

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
    print(f"\n{contender_id}: {_mean([seen.capacity_per_s for seen in rounds]):,.0f} req/s in the closed model")
    print(f"  {'figure':<33} {'asked':>8} {'seen':>8} {'ratio':>7}   {'95 % interval':<16} bar")
    achieved = [seen.steady.rate_per_s for seen in rounds]
    stalls_ms = [1_000 * STALL_S] * len(rounds)
    lines: tuple[tuple[str, list[float], list[float], Bar], ...] = (
        ("rate, req/s", asked, achieved, RATE_BAR),
        ("p99 with a stall, open, ms", stalls_ms, [_p99_ms(seen.open_stalled) for seen in rounds], OPEN_BAR),
        ("p99 with a stall, closed, ms", stalls_ms, [_p99_ms(seen.closed_stalled) for seen in rounds], CLOSED_BAR),
    )
    all_hold = True
    for name, expected, seen_values, bar in lines:
        ratio = paired_ratio(seen_values, expected)
        all_hold &= bar.verdict(ratio) == HOLDS
        print(f"  {name:<33} {_short(_mean(expected)):>8} {_short(_mean(seen_values)):>8} {ratio.value:>7.3f}", end="")
        print(f"   {_interval(ratio):<16} {bar}: {bar.verdict(ratio)}")
    print(f"  {'p99 without one, open, ms':<33} {'':>8} {_short(_mean([_p99_ms(seen.steady) for seen in rounds])):>8}")
    worst = [seen.closed_stalled.latency.maximum_ms for seen in rounds if seen.closed_stalled.latency is not None]
    print(f"  {'slowest with a stall, closed, ms':<33} {'':>8} {_short(_mean(worst)):>8}")
    late = [seen.steady.lateness for seen in rounds if seen.steady.lateness is not None]
    median_us = 1_000 * _mean([each.median_ms for each in late])
    p99_us = 1_000 * _mean([each.p99_ms for each in late])
    print(f"  our loader was late by {median_us:,.0f} µs at the median, {p99_us:,.0f} µs at p99")
    dropped = sum(seen.steady.dropped or 0 for seen in rounds)
    if dropped:
        print(f"  {dropped} requests were dropped")
    return all_hold and not dropped


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: Of the command line; those of this process unless told.
    Returns:
        The exit status.
    """
    options = _parse(arguments)
    if not hasattr(os, "killpg"):
        print("this system cannot stop a process for a while, so there is no stall to show", file=sys.stderr)
        return _EXIT_NOT_MEASURED
    cores = share_cores()
    print(f"open model: {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC, {_environment(cores)}")
    print(
        f"seed {options.seed}, {options.rounds} rounds, {options.duration} s a trial, {CONNECTIONS} connections; "
        f"a stall of {1_000 * STALL_S:.0f} ms"
    )
    if cores.loader and threading.current_thread() is threading.main_thread():
        # What wakes up to stop the server must not take the server's core.
        os.sched_setaffinity(0, cores.loader)
    order = random.Random(options.seed)  # noqa: S311  # a repeatable order, no secret
    seen: dict[str, list[Round]] = {contender_id: [] for contender_id in SERVERS}
    try:
        for number in range(1, options.rounds + 1):
            for contender_id in order.sample(SERVERS, len(SERVERS)):
                contender = catalogue.find(contender_id)
                with running(contender, HEALTH.path_for(contender), cores.server) as server:
                    seen[contender_id].append(Loader(server, options.duration, cores.loader).round())
            if sys.stderr.isatty():
                print(f"\rround {number} of {options.rounds}", end="", file=sys.stderr, flush=True)
    except (LoadEngineError, ServerError) as error:
        print(f"\n{error}", file=sys.stderr)
        return _EXIT_NOT_MEASURED
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    verdicts = [tell(contender_id, rounds) for contender_id, rounds in seen.items()]
    return _EXIT_HOLDS if all(verdicts) else _EXIT_FAILS


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration.open_model",
        description="See that the open model keeps its rate, and shows a stall that the closed model hides.",
        epilog="Exit status: 0 every bar holds, 1 one does not, 2 it could not be measured.",
    )
    parser.add_argument("--rounds", type=_between(2, 1_000), default=10, help="2 or more (%(default)s)")
    parser.add_argument(
        "--duration",
        type=_between(1, 15),
        default=4,
        help="of a trial, whole seconds: a stall is 1 %% of 20 (%(default)s)",
    )
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
    pinning = f"server on core {cores.server[0]}, loader on core {cores.loader[0]}" if cores.server else "not pinned"
    return f"{platform.system()} {platform.release()}, Python {platform.python_version()}; {pinning}"


def _p99_ms(result: LoadResult) -> float:
    assert result.latency is not None  # noqa: S101  # Loader.load has seen to it
    return result.latency.p99_ms


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _interval(ratio: Estimate) -> str:
    return "-" if ratio.low is None or ratio.high is None else f"{ratio.low:.3f} to {ratio.high:.3f}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    # As an exception it ends the server and the loader under way as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_EXIT_TERMINATED))
    sys.exit(main())
