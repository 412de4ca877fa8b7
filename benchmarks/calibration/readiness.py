"""Holds readiness to its bars: what one connection waits for, and what a hundred get, of a real database and upstreams.

Run as ``python -m benchmarks.calibration.readiness``. It starts what readiness depends on itself: PostgreSQL where that
is installed, SQLite otherwise, and two upstreams. Root on Linux keeps the cores awake meanwhile. Exit status: 0 when
every bar holds, 1 when one does not, 2 when it could not be measured.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.calibration import frame
from benchmarks.calibration.bridges import Question
from benchmarks.calibration.frame import Bar, NotMeasuredError, tell_ratio
from benchmarks.calibration.loading import run_trials, valid_result
from benchmarks.contenders import catalogue
from benchmarks.measure import dependencies, workloads
from benchmarks.measure.dependencies import DATABASE_FACT, Dependencies
from benchmarks.measure.environment import Cores, share_cores
from benchmarks.model import LoadProfile, LoadResult, Workload

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

LATENCY_FILE = Path("/dev/cpu_dma_latency")
"""Linux's promise to be awake again within so many microseconds, kept while the file is open; for root."""

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
        duration_s: Of a trial, seconds.
        cores: Which server and loader may use.
        started: What readiness depends on.
    """

    duration_s: float
    cores: Cores
    started: Dependencies

    def medians_ms(self, order: random.Random) -> dict[str, float]:
        """Measure one round of how long one connection waits for three checks.

        Returns:
            Median latencies by contender's id, milliseconds.
        Raises:
            NotMeasuredError: A trial is void.
        """
        names = [arrangement.replace("@", f"-{variant}@") for arrangement in BRIDGES for variant in ("sync", "async")]
        medians: dict[str, float] = {}
        for name, result in self._results(names, THREE_CHECKS, 1, order):
            if result.latency is None:
                raise NotMeasuredError(f"{name}: nothing was answered; ask for longer trials (--duration)")
            medians[name] = result.latency.median_ms
        return medians

    def rates_per_s(self, workload: Workload, order: random.Random) -> dict[str, float]:
        """Measure one round of what a hundred connections get.

        Returns:
            Requests a second by contender's id.
        Raises:
            NotMeasuredError: A trial is void.
        """
        names = list(dict.fromkeys(name for ask in RATES for name in (ask.numerator, ask.denominator)))
        return {name: result.rate_per_s for name, result in self._results(names, workload, MANY, order)}

    def _results(
        self, names: list[str], workload: Workload, connections: int, order: random.Random
    ) -> Iterator[tuple[str, LoadResult]]:
        load = LoadProfile(vus=connections, duration_s=self.duration_s, warmup_s=WARMUP_S)
        order.shuffle(names)
        for name in names:
            [trial] = run_trials([(catalogue.find(name), workload)], load, self.cores, self.started)
            self.started.check()
            yield name, valid_result(trial)


def tell_medians(rounds: Sequence[Mapping[str, float]]) -> bool:
    """Print how long one connection waits, over what the checks take.

    Returns:
        Whether every bar holds.
    """
    frame.tell_heading(f"one connection, {CHECKS} checks of {CHECK_MS} ms", "ms")
    held = []
    for name in dict.fromkeys(name for seen in rounds for name in sorted(seen)):
        takes_ms = float(CHECK_MS * (CHECKS if "-sync@" in name else 1))
        bar = A_LOOP_EACH if name == "flask-async@hypercorn" else ALIKE
        held.append(tell_ratio(name, [seen[name] for seen in rounds], [takes_ms] * len(rounds), bar))
    return all(held)


def tell_rates(workload: Workload, rounds: Sequence[Mapping[str, float]]) -> bool:
    """Print what a hundred connections get of the async twin on the event loop, over what they get of others.

    Returns:
        Whether every bar holds.
    """
    frame.tell_heading(f"{MANY} connections, {workload.waits} checks of {workload.wait_ms:g} ms", "req/s")
    held = [
        tell_ratio(
            f"async, event loop / {ask.text}",
            [seen[ask.numerator] for seen in rounds],
            [seen[ask.denominator] for seen in rounds],
            ask.bar,
        )
        for ask in RATES
    ]
    return all(held)


@contextlib.contextmanager
def cores_awake(latency_file: Path = LATENCY_FILE) -> Iterator[bool]:
    """Forbid all cores to sleep until this is left: one that slept wakes up late, and finds its caches cold.

    Where one connection waits 20 ms for each answer, every core is asleep most of the time. How long it takes to wake
    up and how slow it is at first are the machine's, and a server with work to do never sleeps.

    Args:
        latency_file: Where that is asked for.
    Returns:
        Whether they may not: elsewhere than on Linux, and for all but root, there is no such way.
    """
    try:
        # Unlike open(), it makes no file where there is none.
        asking = os.open(latency_file, os.O_WRONLY)
    except OSError:
        yield False
        return
    try:
        os.write(asking, struct.pack("=i", 0))
        yield True
    finally:
        os.close(asking)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: Of the command line; those of this process unless told.
    Returns:
        The exit status.
    """
    parser = frame.parser(
        "readiness", "Hold readiness to its bars, on real servers, in rounds, with a real database and upstreams."
    )
    parser.add_argument("what", nargs="?", choices=["all", "one", "many"], default="all", help="how many connections")
    parser.add_argument("--rounds", type=frame.whole_number(2, 1_000), default=6, help="2 or more (%(default)s)")
    parser.add_argument("--duration", type=frame.seconds(0.2, 600), default=2.0, help="of a trial (%(default)g s)")
    parser.add_argument(
        "--let-cores-sleep", action="store_true", help="as they do while one connection waits, also for root on Linux"
    )
    frame.add_seed(parser, "the order in a round")
    options = frame.parse(parser, arguments)
    return frame.status(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> bool:
    packages = ("flask", "fastapi", "hypercorn", "uvicorn", "sqlalchemy", "aiohttp", "urllib3")
    rounds, cores = frame.rounds(options, *packages), share_cores()
    kept_awake = contextlib.nullcontext(False) if options.let_cores_sleep else cores_awake()
    held: list[bool] = []
    with kept_awake as awake, dependencies.running(cores) as started:
        sleep = "are kept awake" if awake else "may sleep"
        print(f"readiness: {frame.here(*packages)}; {frame.pinning(cores)}; cores {sleep}")
        print(f"{started.facts[DATABASE_FACT]}; seed {options.seed}, {options.rounds} rounds of {options.duration:g} s")
        bench = Bench(duration_s=options.duration, cores=cores, started=started)
        if options.what != "many":
            held.append(tell_medians(rounds.of("one", options.rounds, bench.medians_ms, dict[str, float])))
        for workload in (TWO_CHECKS, THREE_CHECKS) if options.what != "one" else ():
            measure = partial(bench.rates_per_s, workload)
            seen = rounds.of(f"many, {workload.name}", options.rounds, measure, dict[str, float])
            held.append(tell_rates(workload, seen))
    return all(held)


if __name__ == "__main__":
    frame.script(main)
