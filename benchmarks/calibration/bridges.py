"""Holds the event-loop bridge to its bars: against FastAPI, Quart and Flask's own way, and when its views wait.

Run as ``python -m benchmarks.calibration.bridges``. ``bridge_resources.py`` measures its memory and threads.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from itertools import chain

from benchmarks.calibration.frame import SEED, Bar, Figures, Session, figures_of, number, option, parts, script
from benchmarks.calibration.loading import load_of, run_trials, with_app
from benchmarks.contenders import catalogue
from benchmarks.measure.schedule import SLICE_S
from benchmarks.measure.workloads import HEALTH, WAIT
from benchmarks.model import Workload

CONNECTIONS = 10
WAITING_CONNECTIONS = 500
THREADS = 40
"""The bridge's default number of worker threads, as many as FastAPI has."""

WAIT_S = WAIT.wait_ms / 1_000
NO_WAIT = Workload(name="no-wait", path="/wait/{variant}?ms=0")
LITTLE_PER_S = WAITING_CONNECTIONS / WAIT_S
POOL_PER_S = THREADS / WAIT_S
SERVERS = ("hypercorn", "uvicorn")
QUART = with_app(
    "bare-asgi@hypercorn",
    "quart_app:app",
    framework="quart",
    variant="async",
    description="async def, Quart on Hypercorn, without a contract",
)

RATES = (
    Bar("async, bridge / FastAPI, Hypercorn", "flask-async@hypercorn+eventloop", "fastapi-async@hypercorn", 1.0),
    Bar("async, bridge / FastAPI, uvicorn", "flask-async@uvicorn+eventloop", "fastapi-async@uvicorn", 1.0),
    Bar("async, bridge / Flask's own way", "flask-async@hypercorn+eventloop", "flask-async@hypercorn", 2.5),
    Bar("async, bridge / Quart, Hypercorn", "flask-async@hypercorn+eventloop", QUART.id, 1.2),
)

WAITS = (
    Bar("async, wait / the smaller bound", f"async {WAIT.name}", "bound", 0.9),
    Bar("def, wait / the pool's bound", f"sync {WAIT.name}", POOL_PER_S, 0.9, 1.1),
    # No bar: /health has no query to validate.
    Bar("async, wait / its /health", f"async {WAIT.name}", f"async {HEALTH.name}"),
)


def rates_per_s(session: Session, bars: Sequence[Bar], order: random.Random) -> Figures:
    """Measure one round of contenders, all contenders of a server in slices that take turns.

    Returns:
        Requests per second by contender's id.
    """
    load = load_of(session, CONNECTIONS, slices=max(2, round(session.options.duration / SLICE_S)))
    everyone = [QUART if id_ == QUART.id else catalogue.find(id_) for id_ in figures_of(bars)]
    rates: Figures = {}
    for server in sorted({contender.server for contender in everyone}):
        block = [contender for contender in everyone if contender.server == server]
        order.shuffle(block)
        seen = run_trials(session, [(contender, HEALTH) for contender in block], load)
        rates |= {contender.id: result.rate_per_s for contender, (result, _) in zip(block, seen, strict=True)}
    return rates


def waits_per_s(session: Session, server: str, order: random.Random) -> Figures:
    """Measure one round of the bridge on a server when views wait, and when they do not.

    Returns:
        Requests per second by variant and workload, and the smaller of two bounds: Little's law, and what the server
        can do.
    """
    load = load_of(session, WAITING_CONNECTIONS)
    # The two sides of a bar follow each other directly: the machine has less time to change its speed in between.
    asked = [[("async", WAIT), ("async", NO_WAIT)], [("async", HEALTH)], [("sync", WAIT)]]
    order.shuffle(asked)
    for together in asked:
        order.shuffle(together)
    rates: Figures = {}
    for variant, workload in chain.from_iterable(asked):
        [(result, _)] = run_trials(session, [(f"flask-{variant}@{server}+eventloop", workload)], load)
        rates[f"{variant} {workload.name}"] = result.rate_per_s
    return rates | {"bound": min(LITTLE_PER_S, rates[f"async {NO_WAIT.name}"])}


@script(
    "Hold the event-loop bridge to its bars, on real servers, in interleaved rounds.",
    parts("both", "rates", "waits"),
    option("--server", choices=SERVERS, help="the only one to measure on (both)"),
    number("--rounds", 10, "2 or more", 2),
    number("--duration", 2.0, "of a trial, seconds", 0.2, 600),
    SEED,
    packages=("flask", "fastapi", "quart", "hypercorn", "uvicorn"),
)
def main(session: Session) -> None:
    """Measure and print."""
    servers = SERVERS if session.options.server is None else (session.options.server,)
    if session.asks_for("rates"):
        bars = [bar for bar in RATES if catalogue.find(bar.above).server in servers]
        session.ratios("ratio of rates", "req/s", bars, session.rounds("rates", partial(rates_per_s, session, bars)))
    for server in servers if session.asks_for("waits") else ():
        rounds = session.rounds(f"waits on {server}", partial(waits_per_s, session, server))
        session.ratios(f"ratio of rates, {server}", "req/s", WAITS, rounds)
