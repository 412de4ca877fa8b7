"""Holds the event-loop bridge to its bars: against FastAPI, Quart and Flask's own way, and when its views wait.

Run as ``python -m benchmarks.calibration.bridges``. ``bridge_resources.py`` holds its memory and threads to account.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from benchmarks.calibration import frame
from benchmarks.calibration.frame import Bar, tell_ratio
from benchmarks.calibration.loading import run_trials, valid_result
from benchmarks.contenders import catalogue
from benchmarks.measure.environment import Cores, share_cores
from benchmarks.measure.schedule import SLICE_S
from benchmarks.measure.workloads import HEALTH, WAIT
from benchmarks.model import Contender, LoadProfile, Workload

CONNECTIONS = 10
WAITING_CONNECTIONS = 500
THREADS = 40
"""Worker threads of the bridge, unless told otherwise: as many as FastAPI has."""

WAIT_S = WAIT.wait_ms / 1_000
NO_WAIT = Workload(name="no-wait", path="/wait/{variant}?ms=0")
LITTLE_PER_S = WAITING_CONNECTIONS / WAIT_S
POOL_PER_S = THREADS / WAIT_S
WARMUP_S = 0.5
SERVERS = ("hypercorn", "uvicorn")


@dataclass(frozen=True, slots=True)
class Question:
    """One ratio of rates, with what it is held to."""

    text: str
    numerator: str
    denominator: str
    bar: Bar


RATES = (
    Question(
        "async, bridge / FastAPI, Hypercorn", "flask-async@hypercorn+eventloop", "fastapi-async@hypercorn", Bar(1.0)
    ),
    Question("async, bridge / FastAPI, uvicorn", "flask-async@uvicorn+eventloop", "fastapi-async@uvicorn", Bar(1.0)),
    Question("async, bridge / Flask's own way", "flask-async@hypercorn+eventloop", "flask-async@hypercorn", Bar(2.5)),
    Question("async, bridge / Quart, Hypercorn", "flask-async@hypercorn+eventloop", "quart-async@hypercorn", Bar(1.2)),
)


def quart() -> Contender:
    """Return Quart as a contender, on Hypercorn as all others are."""
    bare = catalogue.find("bare-asgi@hypercorn")
    return dataclasses.replace(
        bare,
        framework="quart",
        variant="async",
        arguments=(*bare.arguments[:-1], "benchmarks.calibration.quart_app:app"),
        description="async def, Quart on Hypercorn, without a contract",
    )


def rates_per_s(servers: Sequence[str], duration_s: float, cores: Cores, order: random.Random) -> dict[str, float]:
    """Measure one round of what ``RATES`` asks for, all contenders of a server in slices that take turns.

    Returns:
        Requests a second by contender's id.
    Raises:
        NotMeasuredError: A trial is void.
    """
    slices = max(2, round(duration_s / SLICE_S))
    load = LoadProfile(vus=CONNECTIONS, duration_s=duration_s, warmup_s=WARMUP_S, slices=slices)
    ids = dict.fromkeys(id_ for ask in _asked(servers) for id_ in (ask.numerator, ask.denominator))
    everyone = [quart() if id_.startswith("quart") else catalogue.find(id_) for id_ in ids]
    rates: dict[str, float] = {}
    for server in sorted({contender.server for contender in everyone}):
        block = [contender for contender in everyone if contender.server == server]
        order.shuffle(block)
        trials = run_trials([(contender, HEALTH) for contender in block], load, cores)
        rates |= {trial.contender: valid_result(trial).rate_per_s for trial in trials}
    return rates


def waits_per_s(server: str, duration_s: float, cores: Cores, order: random.Random) -> dict[str, float]:
    """Measure one round of the bridge on a server when views wait, and when they do not.

    Returns:
        Requests a second by variant and workload, ``async wait`` for one.
    Raises:
        NotMeasuredError: A trial is void.
    """
    load = LoadProfile(vus=WAITING_CONNECTIONS, duration_s=duration_s, warmup_s=WARMUP_S)
    # What a bar compares comes one right after the other: the machine has less time to change its speed between.
    asked = [[("async", WAIT), ("async", NO_WAIT)], [("async", HEALTH)], [("sync", WAIT)]]
    order.shuffle(asked)
    for together in asked:
        order.shuffle(together)
    rates: dict[str, float] = {}
    for variant, workload in chain.from_iterable(asked):
        contender = catalogue.find(f"flask-{variant}@{server}+eventloop")
        [trial] = run_trials([(contender, workload)], load, cores)
        rates[f"{variant} {workload.name}"] = valid_result(trial).rate_per_s
    return rates


def tell_rates(rounds: Sequence[Mapping[str, float]], servers: Sequence[str] = SERVERS) -> bool:
    """Print what ``RATES`` asks for of some servers.

    Returns:
        Whether every bar holds.
    """
    held = [
        tell_ratio(
            ask.text, [seen[ask.numerator] for seen in rounds], [seen[ask.denominator] for seen in rounds], ask.bar
        )
        for ask in _asked(servers)
    ]
    return all(held)


def tell_waits(server: str, rounds: Sequence[Mapping[str, float]]) -> bool:
    """Print how the bridge does when its views wait.

    Returns:
        Whether every bar holds.
    """
    waiting, threads = ([seen[f"{variant} {WAIT.name}"] for seen in rounds] for variant in ("async", "sync"))
    bound = [min(LITTLE_PER_S, seen[f"async {NO_WAIT.name}"]) for seen in rounds]
    held = [
        tell_ratio(f"async, wait / the smaller bound, {server}", waiting, bound, Bar(0.9)),
        tell_ratio(f"def, wait / the pool's bound, {server}", threads, [POOL_PER_S] * len(rounds), Bar(0.9, 1.1)),
        # No bar: /health has no query to validate.
        tell_ratio(
            f"async, wait / its /health, {server}", waiting, [seen[f"async {HEALTH.name}"] for seen in rounds], None
        ),
    ]
    return all(held)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: Of the command line; those of this process unless told.
    Returns:
        The exit status.
    """
    parser = frame.parser("bridges", "Hold the event-loop bridge to its bars, on real servers, in interleaved rounds.")
    parser.add_argument("what", nargs="?", choices=["both", "rates", "waits"], default="both", help="what to measure")
    parser.add_argument("--server", choices=SERVERS, help="the only one to measure on (both)")
    parser.add_argument("--rounds", type=frame.whole_number(2, 1_000), default=10, help="2 or more (%(default)s)")
    parser.add_argument("--duration", type=frame.seconds(0.2, 600), default=2.0, help="of a trial (%(default)g s)")
    frame.add_seed(parser, "the order in a round")
    options = frame.parse(parser, arguments)
    return frame.status(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> bool:
    packages = ("flask", "fastapi", "quart", "hypercorn", "uvicorn")
    rounds, cores = frame.rounds(options, *packages), share_cores()
    print(f"event-loop bridge: {frame.here(*packages)}; {frame.pinning(cores)}")
    print(f"seed {options.seed}, {options.rounds} rounds of {options.duration:g} s each")
    servers = SERVERS if options.server is None else (options.server,)
    tells: list[Callable[[], bool]] = []
    if options.what != "waits":
        measure = partial(rates_per_s, servers, options.duration, cores)
        tells.append(partial(tell_rates, rounds.of("rates", options.rounds, measure, dict[str, float]), servers))
    if options.what != "rates":
        for server in servers:
            measure = partial(waits_per_s, server, options.duration, cores)
            seen = rounds.of(f"waits on {server}", options.rounds, measure, dict[str, float])
            tells.append(partial(tell_waits, server, seen))
    frame.tell_heading("ratio of rates", "req/s")
    held = [tell() for tell in tells]
    return all(held)


def _asked(servers: Sequence[str]) -> list[Question]:
    return [ask for ask in RATES if ask.numerator.partition("@")[2].partition("+")[0] in servers]


if __name__ == "__main__":
    frame.script(main)
