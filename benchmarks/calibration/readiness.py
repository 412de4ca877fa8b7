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

from benchmarks.calibration.frame import SEED, Bar, NotMeasuredError, Session, figures_of, number, option, parts, script
from benchmarks.calibration.loading import load_of, run_trials
from benchmarks.measure import dependencies, workloads
from benchmarks.measure.dependencies import DATABASE_FACT, Dependencies
from benchmarks.model import Workload

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

LATENCY_FILE = Path("/dev/cpu_dma_latency")
"""Linux wakes its cores up within the microseconds written here, while the file is open; for root."""

ONE = tuple(
    Bar(
        name := f"flask-{variant}@{serving}",
        name,
        float(CHECK_MS * waits),
        0.85,
        # Flask makes a loop for each request there, which has to connect to every upstream anew.
        1.3 if name == "flask-async@hypercorn" else 1.15,
    )
    for serving in ("hypercorn", "hypercorn+asgiref", "hypercorn+eventloop", "uvicorn+eventloop")
    for variant, waits in (("sync", CHECKS), ("async", 1))
)
"""Latency of one connection over what the checks take, for every way to serve Flask."""

LOOP = "flask-async@hypercorn+eventloop"
MANY = (
    Bar("async, event loop / FastAPI's async, Hypercorn", LOOP, "fastapi-async@hypercorn", 0.9),
    Bar("async, event loop / FastAPI's async, uvicorn", "flask-async@uvicorn+eventloop", "fastapi-async@uvicorn", 0.9),
    Bar("async, event loop / def on the WSGI wrapper", LOOP, "flask-sync@hypercorn", 3.0),
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


def measure(
    session: Session,
    started: Dependencies,
    bars: Sequence[Bar],
    workload: Workload,
    order: random.Random,
    *,
    connections: int,
) -> dict[str, float]:
    """Measure one round of the contenders that bars compare.

    Returns:
        By contender's id: the median latency in milliseconds of one connection, or requests per second of several.
    """
    load = load_of(session, connections)
    names = figures_of(bars)
    figures: dict[str, float] = {}
    for name in order.sample(names, len(names)):
        [(result, _)] = run_trials(session, [(name, workload)], load, started)
        started.check()
        if result.latency is None:
            raise NotMeasuredError(f"{name}: nothing was answered; ask for longer trials (--duration)")
        figures[name] = result.latency.median_ms if connections == 1 else result.rate_per_s
    return figures


@script(
    "Hold readiness to its bars, on real servers, in rounds, with a real database and upstreams.",
    parts("all", "one", "many"),
    number("--rounds", 6, "2 or more", 2),
    number("--duration", 2.0, "of a trial, seconds", 0.2, 600),
    option(
        "--let-cores-sleep", action="store_true", help="as they do while one connection waits, also for root on Linux"
    ),
    SEED,
    packages=("flask", "fastapi", "hypercorn", "uvicorn", "sqlalchemy", "aiohttp", "urllib3"),
)
def main(session: Session) -> None:
    """Measure and print."""
    kept_awake = contextlib.nullcontext(False) if session.options.let_cores_sleep else cores_awake()
    with kept_awake as awake, dependencies.running(session.cores) as started:
        print(f"{started.facts[DATABASE_FACT]}; cores {'are kept awake' if awake else 'may sleep'}")
        if session.asks_for("one"):
            rounds = session.rounds("one", partial(measure, session, started, ONE, THREE_CHECKS, connections=1))
            session.ratios(f"one connection, {CHECKS} checks of {CHECK_MS} ms", "ms", ONE, rounds)
        for workload in (TWO_CHECKS, THREE_CHECKS) if session.asks_for("many") else ():
            many = partial(measure, session, started, MANY, workload, connections=CONNECTIONS)
            title = f"{CONNECTIONS} connections, {workload.waits} checks of {workload.wait_ms:g} ms"
            session.ratios(title, "req/s", MANY, session.rounds(f"many, {workload.name}", many))
