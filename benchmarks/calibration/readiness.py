"""Holds readiness to its bars: what one connection waits for, and what a hundred get, of a real database and upstreams.

Run as ``python -m benchmarks.calibration.readiness``. It starts what readiness depends on itself: PostgreSQL where that
is installed, SQLite otherwise, and two upstreams. Root on Linux keeps the cores awake meanwhile. Exit status: 0 when
every bar holds, 1 when one does not, 2 when it could not be measured.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import importlib.metadata
import platform
import random
import signal
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.calibration.awake import cores_awake
from benchmarks.calibration.bar import HOLDS, Bar
from benchmarks.contenders import catalogue
from benchmarks.errors import LabError
from benchmarks.judge.statistics import paired_ratio
from benchmarks.measure import dependencies, workloads
from benchmarks.measure.block import run_block
from benchmarks.measure.dependencies import DATABASE_FACT, Dependencies
from benchmarks.measure.environment import Cores, share_cores
from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.model import LoadProfile, Trial, Workload

CHECK_MS = workloads.UPSTREAM_WAIT_MS
CHECKS = workloads.UPSTREAMS + 1
"""The two upstreams, and one more, simulated; the database answers at once."""

THREE_CHECKS = Workload(
    name="three-checks",
    path=f"/health/ready/{{variant}}?wait_ms={CHECK_MS}",
    wait_ms=CHECK_MS,
    waits=CHECKS,
    answer="ready",
)
TWO_CHECKS = workloads.WORKLOADS["ready"].workloads[-1]
"""As ``lab compare`` asks."""

MANY = 100
WARMUP_S = 0.5
ALIKE = Bar(0.85, 1.15)
A_LOOP_EACH = Bar(0.85, 1.3)
"""Where Flask makes a loop for each request, which has to connect to every upstream anew."""

BRIDGES = ("flask@hypercorn", "flask@hypercorn+asgiref", "flask@hypercorn+eventloop", "flask@uvicorn+eventloop")
"""Every way to serve Flask, by arrangement."""

_EXIT_HOLDS, _EXIT_FAILS, _EXIT_NOT_MEASURED = 0, 1, 2
_EXIT_INTERRUPTED, _EXIT_TERMINATED = 130, 143


class NotMeasuredError(Exception):
    """A trial is void; the message says of what, and why."""


@dataclass(frozen=True, slots=True)
class Question:
    """One ratio of rates, with what it is held to."""

    text: str
    numerator: str
    denominator: str
    bar: Bar


RATES = (
    Question("FastAPI's async, Hypercorn", "flask-async@hypercorn+eventloop", "fastapi-async@hypercorn", Bar(0.9)),
    Question("FastAPI's async, uvicorn", "flask-async@uvicorn+eventloop", "fastapi-async@uvicorn", Bar(0.9)),
    Question("def on the WSGI wrapper", "flask-async@hypercorn+eventloop", "flask-sync@hypercorn", Bar(5.0)),
)
"""What Flask's async twin on the event loop is held to, as a share of another's rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What trials are run with.

    Attributes:
        rounds: How many.
        duration_s: Of a trial, seconds.
        order: Shuffles the contenders of a round.
        cores: Which server and loader may use.
        started: What readiness depends on.
    """

    rounds: int
    duration_s: float
    order: random.Random
    cores: Cores
    started: Dependencies

    def trials(self, contenders: Sequence[str], workload: Workload, connections: int) -> Iterator[Trial]:
        """Run every contender once a round, one after another, in a new order each time.

        Raises:
            NotMeasuredError: A trial is void.
        """
        load = LoadProfile(vus=connections, duration_s=self.duration_s, warmup_s=WARMUP_S)
        names = list(contenders)
        for number in range(1, self.rounds + 1):
            self.order.shuffle(names)
            for position, name in enumerate(names, start=1):
                _progress(f"{workload.name} of {connections}, round {number} of {self.rounds}, {name}")
                scheduled = ScheduledTrial(number, position, catalogue.find(name), workload, load)
                [trial] = run_block(
                    [scheduled], BuiltinEngine(), self.cores, lambda: dt.datetime.now(dt.UTC), self.started
                )
                self.started.check()
                yield _valid(trial)
        _progress("")


def medians_ms(bench: Bench) -> dict[str, list[float]]:
    """Measure how long one connection waits for three checks.

    Returns:
        Median latencies by contender's id, milliseconds, one for each round.
    Raises:
        NotMeasuredError: A trial is void.
    """
    names = [arrangement.replace("@", f"-{variant}@") for arrangement in BRIDGES for variant in ("sync", "async")]
    medians: dict[str, list[float]] = {name: [] for name in names}
    for trial in bench.trials(names, THREE_CHECKS, 1):
        if trial.result is not None and trial.result.latency is not None:
            medians[trial.contender].append(trial.result.latency.median_ms)
    return medians


def rates_per_s(bench: Bench, workload: Workload) -> dict[str, list[float]]:
    """Measure what a hundred connections get.

    Returns:
        Requests a second by contender's id, one for each round.
    Raises:
        NotMeasuredError: A trial is void.
    """
    names = list(dict.fromkeys(name for question in RATES for name in (question.numerator, question.denominator)))
    rates: dict[str, list[float]] = {name: [] for name in names}
    for trial in bench.trials(names, workload, MANY):
        if trial.result is not None:
            rates[trial.contender].append(trial.result.rate_per_s)
    return rates


def tell_medians(medians: Mapping[str, Sequence[float]]) -> bool:
    """Print how long one connection waits, over what the checks take.

    Returns:
        Whether every bar holds.
    """
    print(f"\n{f'one connection, {CHECKS} checks of {CHECK_MS} ms':<44} {'median':>8} {'over':>8}{_HEAD}")
    held = []
    for name, seen in medians.items():
        takes_ms = float(CHECK_MS * (CHECKS if "-sync@" in name else 1))
        bar = A_LOOP_EACH if name == "flask-async@hypercorn" else ALIKE
        held.append(_tell(name, seen, [takes_ms] * len(seen), bar, "ms"))
    return all(held)


def tell_rates(workload: Workload, rates: Mapping[str, Sequence[float]]) -> bool:
    """Print what a hundred connections get of the async twin on the event loop, over what they get of others.

    Returns:
        Whether every bar holds.
    """
    title = f"{MANY} connections, {workload.waits} checks of {workload.wait_ms:g} ms"
    print(f"\n{title:<44} {'req/s':>8} {'over':>8}{_HEAD}")
    held = [
        _tell(f"async, event loop / {ask.text}", rates[ask.numerator], rates[ask.denominator], ask.bar, "")
        for ask in RATES
    ]
    return all(held)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: Of the command line; those of this process unless told.
    Returns:
        The exit status.
    """
    options = _parse(arguments)
    cores = share_cores()
    order = random.Random(options.seed)  # noqa: S311  # a repeatable order, no secret
    held: list[bool] = []
    try:
        with _cores_awake(wanted=not options.let_cores_sleep) as awake, dependencies.running(cores) as started:
            print(f"readiness: {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC, {_environment(cores, awake=awake)}")
            print(
                f"{started.facts[DATABASE_FACT]}; seed {options.seed}, {options.rounds} rounds of "
                f"{options.duration:g} s"
            )
            bench = Bench(rounds=options.rounds, duration_s=options.duration, order=order, cores=cores, started=started)
            if options.what in ("all", "one"):
                held.append(tell_medians(medians_ms(bench)))
            if options.what in ("all", "many"):
                held.extend(tell_rates(each, rates_per_s(bench, each)) for each in (TWO_CHECKS, THREE_CHECKS))
    except (NotMeasuredError, LabError) as error:
        print(f"\n{error}", file=sys.stderr)
        return _EXIT_NOT_MEASURED
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    return _EXIT_HOLDS if all(held) else _EXIT_FAILS


_HEAD = f" {'ratio':>7}   {'95 % interval':<15} bar"


def _tell(text: str, numerator: Sequence[float], denominator: Sequence[float], bar: Bar, unit: str) -> bool:
    ratio = paired_ratio(numerator, denominator)
    interval = "-" if ratio.low is None or ratio.high is None else f"{ratio.low:.3f} to {ratio.high:.3f}"
    above, below = statistics.fmean(numerator), statistics.fmean(denominator)
    form = ",.1f" if unit else ",.0f"
    print(
        f"{text:<44} {above:>8{form}} {below:>8{form}} {ratio.value:>7.3f}   {interval:<15} {bar}: {bar.verdict(ratio)}"
    )
    return bar.verdict(ratio) == HOLDS


def _valid(trial: Trial) -> Trial:
    where = f"{trial.contender}, {trial.workload}"
    if trial.failure is not None or trial.result is None:
        raise NotMeasuredError(f"{where}: {trial.failure}")
    if trial.result.errors:
        raise NotMeasuredError(f"{where}: errors, {dict(trial.result.errors)}")
    if trial.result.latency is None:
        raise NotMeasuredError(f"{where}: nothing was answered; ask for longer trials (--duration)")
    return trial


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration.readiness",
        description="Hold readiness to its bars, on real servers, in rounds, with a real database and upstreams.",
        epilog="Exit status: 0 every bar holds, 1 one does not, 2 it could not be measured.",
    )
    parser.add_argument("what", nargs="?", choices=["all", "one", "many"], default="all", help="how many connections")
    parser.add_argument("--rounds", type=_rounds, default=6, help="2 or more (%(default)s)")
    parser.add_argument("--duration", type=_seconds, default=2.0, help="of a trial, seconds (%(default)g)")
    parser.add_argument(
        "--let-cores-sleep", action="store_true", help="as they do while one connection waits, also for root on Linux"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the order in a round")  # noqa: S311  # the same
    return parser.parse_args(arguments)


def _bounded(number_of: Callable[[str], float], text: str, least: float, most: float, what: str) -> float:
    try:
        value = number_of(text)
    except ValueError:
        value = -1.0
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what} from {least:g} to {most:g}")
    return value


def _rounds(text: str) -> int:
    return int(_bounded(int, text, 2, 1_000, "a whole number"))


def _seconds(text: str) -> float:
    return _bounded(float, text, 0.2, 600, "a number of seconds")


def _cores_awake(*, wanted: bool) -> contextlib.AbstractContextManager[bool]:
    return cores_awake() if wanted else contextlib.nullcontext(False)


def _environment(cores: Cores, *, awake: bool) -> str:
    names = ("flask", "fastapi", "hypercorn", "uvicorn", "sqlalchemy", "aiohttp", "urllib3")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    pinning = f"server on core {cores.server[0]}, all else on others" if cores.server else "not pinned"
    sleep = "are kept awake" if awake else "may sleep"
    return (
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {versions}; "
        f"{pinning}; cores {sleep}"
    )


if __name__ == "__main__":
    # As an exception it ends the servers and the loader under way as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_EXIT_TERMINATED))
    sys.exit(main())
