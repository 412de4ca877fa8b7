"""Holds readiness to its bars: latency of one connection and rate of a hundred, with a real database and upstreams.

Run as ``python -m benchmarks.calibration.readiness``. It starts the dependencies of readiness itself: PostgreSQL where
it is installed, SQLite otherwise, and two upstreams. Root on Linux keeps the cores awake meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import random
import struct
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.calibration import frame
from benchmarks.calibration.frame import Bar, Figures, NotMeasuredError, Session
from benchmarks.calibration.loading import run_trials, valid_result
from benchmarks.contenders import catalogue
from benchmarks.measure import dependencies, workloads
from benchmarks.measure.dependencies import DATABASE_FACT
from benchmarks.measure.environment import share_cores
from benchmarks.model import LoadProfile, Workload

CHECK_MS = workloads.UPSTREAM_WAIT_MS
CHECKS = workloads.UPSTREAMS + 1
"""The two upstreams and a simulated one; the database answers at once."""

THREE_CHECKS = Workload(
    name="three-checks",
    path=f"/health/ready/{{variant}}?wait_ms={CHECK_MS}",
    wait_ms=CHECK_MS,
    waits=CHECKS,
    answer="ready",
)
TWO_CHECKS = workloads.WORKLOADS["ready"].workloads[-1]
"""The workload of ``lab compare``."""

CONNECTIONS = 100
WARMUP_S = 0.5

LATENCY_FILE = Path("/dev/cpu_dma_latency")
"""Linux wakes its cores up within the microseconds written here, while the file is open; for root."""

ONE = tuple(
    Bar(
        name := arrangement.replace("@", f"-{variant}@"),
        name,
        float(CHECK_MS * waits),
        0.85,
        # Flask makes a loop for each request there, which has to connect to every upstream anew.
        1.3 if name == "flask-async@hypercorn" else 1.15,
    )
    for arrangement in (
        "flask@hypercorn",
        "flask@hypercorn+asgiref",
        "flask@hypercorn+eventloop",
        "flask@uvicorn+eventloop",
    )
    for variant, waits in (("sync", CHECKS), ("async", 1))
)
"""Latency of one connection over what the checks take, for every way to serve Flask."""

MANY = (
    Bar(
        "async, event loop / FastAPI's async, Hypercorn",
        "flask-async@hypercorn+eventloop",
        "fastapi-async@hypercorn",
        0.9,
    ),
    Bar("async, event loop / FastAPI's async, uvicorn", "flask-async@uvicorn+eventloop", "fastapi-async@uvicorn", 0.9),
    Bar("async, event loop / def on the WSGI wrapper", "flask-async@hypercorn+eventloop", "flask-sync@hypercorn", 3.0),
)
"""Rate of Flask's async twin on the event loop with many connections, over another's."""


@contextlib.contextmanager
def cores_awake(latency_file: Path = LATENCY_FILE) -> Iterator[bool]:
    """Keep all cores awake: a core that slept wakes up late, with cold caches.

    While one connection waits 20 ms for each answer, every core is asleep most of the time. How late it wakes up, and
    how slow it is at first, depends on the machine; a busy server never sleeps.

    Args:
        latency_file: Where to request it.
    Returns:
        Whether they are kept awake: only Linux can, and only for root.
    """
    try:
        # Unlike open(), this does not create the file.
        asking = os.open(latency_file, os.O_WRONLY)
    except OSError:
        yield False
        return
    try:
        os.write(asking, struct.pack("=i", 0))
        yield True
    finally:
        os.close(asking)


@frame.script(
    "Hold readiness to its bars, on real servers, in rounds, with a real database and upstreams.",
    frame.option("what", nargs="?", choices=["all", "one", "many"], default="all", help="how many connections"),
    frame.number("--rounds", 6, "2 or more", 2),
    frame.number("--duration", 2.0, "of a trial, seconds", 0.2, 600),
    frame.option(
        "--let-cores-sleep", action="store_true", help="as they do while one connection waits, also for root on Linux"
    ),
    frame.SEED,
    packages=("flask", "fastapi", "hypercorn", "uvicorn", "sqlalchemy", "aiohttp", "urllib3"),
)
def main(session: Session) -> bool:
    """Measure and print."""
    options, cores = session.options, share_cores()
    kept_awake = contextlib.nullcontext(False) if options.let_cores_sleep else cores_awake()
    held = True
    with kept_awake as awake, dependencies.running(cores) as started:
        session.begin("readiness", cores)
        print(f"{started.facts[DATABASE_FACT]}; cores {'are kept awake' if awake else 'may sleep'}")
        print(f"seed {options.seed}, {options.rounds} rounds of {options.duration:g} s")

        def measure(bars: Sequence[Bar], workload: Workload, connections: int, order: random.Random) -> Figures:
            load = LoadProfile(vus=connections, duration_s=options.duration, warmup_s=WARMUP_S)
            names = frame.figures_of(bars)
            figures: Figures = {}
            for name in order.sample(names, len(names)):
                [trial] = run_trials([(catalogue.find(name), workload)], load, cores, started)
                started.check()
                result = valid_result(trial)
                if result.latency is None:
                    raise NotMeasuredError(f"{name}: nothing was answered; ask for longer trials (--duration)")
                figures[name] = result.latency.median_ms if connections == 1 else result.rate_per_s
            return figures

        if options.what != "many":
            rounds = session.rounds("one", options.rounds, partial(measure, ONE, THREE_CHECKS, 1))
            held &= frame.table(f"one connection, {CHECKS} checks of {CHECK_MS} ms", "ms", "over", ONE, rounds)
        for workload in (TWO_CHECKS, THREE_CHECKS) if options.what != "one" else ():
            measure_many = partial(measure, MANY, workload, CONNECTIONS)
            rounds = session.rounds(f"many, {workload.name}", options.rounds, measure_many)
            title = f"{CONNECTIONS} connections, {workload.waits} checks of {workload.wait_ms:g} ms"
            held &= frame.table(title, "req/s", "over", MANY, rounds)
    return held


if __name__ == "__main__":
    frame.run(main)
