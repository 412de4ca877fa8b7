"""Holds the event-loop bridge to its bars: against FastAPI, Quart and Flask's own way, and when its views wait.

Run as ``python -m benchmarks.calibration.bridges``. ``bridge_resources.py`` measures its memory and threads.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from itertools import chain

from benchmarks.calibration import frame
from benchmarks.calibration.frame import Bar, Figures, Session
from benchmarks.calibration.loading import run_trials, valid_result, with_app
from benchmarks.contenders import catalogue
from benchmarks.measure.environment import Cores, share_cores
from benchmarks.measure.schedule import SLICE_S
from benchmarks.measure.workloads import HEALTH, WAIT
from benchmarks.model import LoadProfile, Workload

CONNECTIONS = 10
WAITING_CONNECTIONS = 500
THREADS = 40
"""The bridge's default number of worker threads, as many as FastAPI has."""

WAIT_S = WAIT.wait_ms / 1_000
NO_WAIT = Workload(name="no-wait", path="/wait/{variant}?ms=0")
LITTLE_PER_S = WAITING_CONNECTIONS / WAIT_S
POOL_PER_S = THREADS / WAIT_S
WARMUP_S = 0.5
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


def waits(server: str) -> list[Bar]:
    """Return the bars of a server whose views wait."""
    waiting = f"{server} async {WAIT.name}"
    return [
        Bar(f"async, wait / the smaller bound, {server}", waiting, f"{server} bound", 0.9),
        Bar(f"def, wait / the pool's bound, {server}", f"{server} sync {WAIT.name}", POOL_PER_S, 0.9, 1.1),
        # No bar: /health has no query to validate.
        Bar(f"async, wait / its /health, {server}", waiting, f"{server} async {HEALTH.name}"),
    ]


def rates_per_s(bars: Sequence[Bar], duration_s: float, cores: Cores, order: random.Random) -> Figures:
    """Measure one round of contenders, all contenders of a server in slices that take turns.

    Returns:
        Requests per second by contender's id.
    Raises:
        NotMeasuredError: A trial is void.
    """
    slices = max(2, round(duration_s / SLICE_S))
    load = LoadProfile(vus=CONNECTIONS, duration_s=duration_s, warmup_s=WARMUP_S, slices=slices)
    everyone = [QUART if id_ == QUART.id else catalogue.find(id_) for id_ in frame.figures_of(bars)]
    rates: Figures = {}
    for server in sorted({contender.server for contender in everyone}):
        block = [contender for contender in everyone if contender.server == server]
        order.shuffle(block)
        trials = run_trials([(contender, HEALTH) for contender in block], load, cores)
        rates |= {trial.contender: valid_result(trial).rate_per_s for trial in trials}
    return rates


def waits_per_s(server: str, duration_s: float, cores: Cores, order: random.Random) -> Figures:
    """Measure one round of the bridge on a server when views wait, and when they do not.

    Returns:
        Requests per second by server, variant and workload, and the smaller of two bounds: Little's law, and what
        the server can do.
    Raises:
        NotMeasuredError: A trial is void.
    """
    load = LoadProfile(vus=WAITING_CONNECTIONS, duration_s=duration_s, warmup_s=WARMUP_S)
    # The two sides of a bar follow each other directly: the machine has less time to change its speed in between.
    asked = [[("async", WAIT), ("async", NO_WAIT)], [("async", HEALTH)], [("sync", WAIT)]]
    order.shuffle(asked)
    for together in asked:
        order.shuffle(together)
    rates: Figures = {}
    for variant, workload in chain.from_iterable(asked):
        contender = catalogue.find(f"flask-{variant}@{server}+eventloop")
        [trial] = run_trials([(contender, workload)], load, cores)
        rates[f"{server} {variant} {workload.name}"] = valid_result(trial).rate_per_s
    return rates | {f"{server} bound": min(LITTLE_PER_S, rates[f"{server} async {NO_WAIT.name}"])}


@frame.script(
    "Hold the event-loop bridge to its bars, on real servers, in interleaved rounds.",
    frame.option("what", nargs="?", choices=["both", "rates", "waits"], default="both", help="what to measure"),
    frame.option("--server", choices=SERVERS, help="the only one to measure on (both)"),
    frame.number("--rounds", 10, "2 or more", 2),
    frame.number("--duration", 2.0, "of a trial, seconds", 0.2, 600),
    frame.SEED,
    packages=("flask", "fastapi", "quart", "hypercorn", "uvicorn"),
)
def main(session: Session) -> bool:
    """Measure and print."""
    options, cores = session.options, share_cores()
    session.begin("event-loop bridge", cores)
    print(f"seed {options.seed}, {options.rounds} rounds of {options.duration:g} s each")
    servers = SERVERS if options.server is None else (options.server,)
    bars: list[Bar] = []
    rounds: list[Figures] = [{} for _ in range(options.rounds)]
    if options.what != "waits":
        bars += [bar for bar in RATES if catalogue.find(bar.above).server in servers]
        measured = session.rounds("rates", options.rounds, partial(rates_per_s, bars, options.duration, cores))
        rounds = [seen | new for seen, new in zip(rounds, measured, strict=True)]
    for server in servers if options.what != "rates" else ():
        measure = partial(waits_per_s, server, options.duration, cores)
        measured = session.rounds(f"waits on {server}", options.rounds, measure)
        rounds = [seen | new for seen, new in zip(rounds, measured, strict=True)]
        bars += waits(server)
    return frame.table("ratio of rates", "req/s", "over", bars, rounds)


if __name__ == "__main__":
    frame.run(main)
