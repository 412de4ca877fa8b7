"""Holds the event-loop bridge to its bars: against FastAPI, Quart and Flask's own way, and when its views wait.

Run as ``python -m benchmarks.calibration.bridges``. ``bridge_memory.py`` holds the bridge's memory to account.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from benchmarks.calibration import frame
from benchmarks.calibration.bar import HOLDS, Bar, interval
from benchmarks.calibration.blocks import rate_per_s, run_trials
from benchmarks.contenders import catalogue
from benchmarks.judge.statistics import paired_ratio
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


@dataclass(frozen=True, slots=True)
class Question:
    """One ratio, with what it is held to."""

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


def rates_per_s(rounds: int, duration_s: float, order: random.Random, cores: Cores) -> dict[str, list[float]]:
    """Measure what ``RATES`` asks for, all contenders of a server in slices that take turns.

    Returns:
        Requests a second by contender's id, one for each round.
    Raises:
        NotMeasuredError: A trial is void.
    """
    load = LoadProfile(
        vus=CONNECTIONS, duration_s=duration_s, warmup_s=WARMUP_S, slices=max(2, round(duration_s / SLICE_S))
    )
    ids = dict.fromkeys(id_ for question in RATES for id_ in (question.numerator, question.denominator))
    everyone = [quart() if id_.startswith("quart") else catalogue.find(id_) for id_ in ids]
    servers = sorted({contender.server for contender in everyone})
    rates: dict[str, list[float]] = {id_: [] for id_ in ids}
    for round_number in range(1, rounds + 1):
        frame.progress("rates: round", round_number, rounds)
        for server in servers:
            block = [contender for contender in everyone if contender.server == server]
            order.shuffle(block)
            for trial in run_trials([(contender, HEALTH) for contender in block], load, round_number, cores):
                rates[trial.contender].append(rate_per_s(trial))
    return rates


def waits_per_s(
    server: str, rounds: int, duration_s: float, order: random.Random, cores: Cores
) -> dict[tuple[str, str], list[float]]:
    """Measure the bridge on a server when views wait, and when they do not.

    Returns:
        Requests a second by variant and workload, one for each round.
    Raises:
        NotMeasuredError: A trial is void.
    """
    load = LoadProfile(vus=WAITING_CONNECTIONS, duration_s=duration_s, warmup_s=WARMUP_S)
    # What a bar compares comes one right after the other: the machine has less time to change its speed between.
    asked = [[("async", WAIT), ("async", NO_WAIT)], [("async", HEALTH)], [("sync", WAIT)]]
    rates: dict[tuple[str, str], list[float]] = {
        (variant, workload.name): [] for together in asked for variant, workload in together
    }
    for round_number in range(1, rounds + 1):
        frame.progress(f"waits on {server}: round", round_number, rounds)
        order.shuffle(asked)
        for together in asked:
            order.shuffle(together)
        for variant, workload in chain.from_iterable(asked):
            contender = catalogue.find(f"flask-{variant}@{server}+eventloop")
            [trial] = run_trials([(contender, workload)], load, round_number, cores)
            rates[variant, workload.name].append(rate_per_s(trial))
    return rates


def tell_rates(rates: Mapping[str, Sequence[float]]) -> bool:
    """Print what ``RATES`` asks for.

    Returns:
        Whether every bar holds.
    """
    held = [_tell(ask.text, rates[ask.numerator], rates[ask.denominator], ask.bar) for ask in RATES]
    return all(held)


def tell_waits(server: str, rates: Mapping[tuple[str, str], Sequence[float]]) -> bool:
    """Print how the bridge does when its views wait.

    Returns:
        Whether every bar holds.
    """
    waiting = rates["async", WAIT.name]
    no_wait, health = rates["async", NO_WAIT.name], rates["async", HEALTH.name]
    bound = [min(LITTLE_PER_S, rate) for rate in no_wait]
    pool = [POOL_PER_S] * len(waiting)
    held = [
        _tell(f"async, wait / the smaller bound, {server}", waiting, bound, Bar(0.9)),
        _tell(f"def, wait / the pool's bound, {server}", rates["sync", WAIT.name], pool, Bar(0.9, 1.1)),
    ]
    # No bar: /health has no query to validate.
    _tell(f"async, wait / its /health, {server}", waiting, health, None)
    return all(held)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: Of the command line; those of this process unless told.
    Returns:
        The exit status.
    """
    options = _parse(arguments)
    releases = frame.here("flask", "fastapi", "quart", "hypercorn", "uvicorn")
    cores = share_cores()
    print(f"event-loop bridge: {releases}; {frame.pinning(cores)}")
    print(f"seed {options.seed}, {options.rounds} rounds of {options.duration:g} s each")
    return frame.status(lambda: _measure(options, cores))


def _measure(options: argparse.Namespace, cores: Cores) -> bool:
    order = random.Random(options.seed)  # noqa: S311  # a repeatable order, no secret
    measured: list[Callable[[], bool]] = []
    if options.what in ("both", "rates"):
        rates = rates_per_s(options.rounds, options.duration, order, cores)
        measured.append(lambda: tell_rates(rates))
    if options.what in ("both", "waits"):
        for server in ("hypercorn", "uvicorn"):
            waits = waits_per_s(server, options.rounds, options.duration, order, cores)
            measured.append(lambda server=server, waits=waits: tell_waits(server, waits))  # type: ignore[misc]
    print(f"\n{'ratio of rates':<42} {'req/s':>8} {'over':>8} {'ratio':>7}   {'95 % interval':<15} bar")
    held = [tell() for tell in measured]
    return all(held)


def _tell(text: str, numerator: Sequence[float], denominator: Sequence[float], bar: Bar | None) -> bool:
    ratio = paired_ratio(numerator, denominator)
    verdict = "" if bar is None else f"{bar}: {bar.verdict(ratio)}"
    above, below = statistics.fmean(numerator), statistics.fmean(denominator)
    print(f"{text:<42} {above:>8,.0f} {below:>8,.0f} {ratio.value:>7.3f}   {interval(ratio):<15} {verdict}".rstrip())
    return bar is None or bar.verdict(ratio) == HOLDS


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = frame.parser("bridges", "Hold the event-loop bridge to its bars, on real servers, in interleaved rounds.")
    parser.add_argument("what", nargs="?", choices=["both", "rates", "waits"], default="both", help="what to measure")
    parser.add_argument("--rounds", type=frame.whole_number(2, 1_000), default=10, help="2 or more (%(default)s)")
    parser.add_argument("--duration", type=_seconds, default=2.0, help="of a trial, seconds (%(default)g)")
    frame.add_seed(parser, "the order in a round")
    return parser.parse_args(arguments)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.2 <= value <= 600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.2 to 600")
    return value


if __name__ == "__main__":
    frame.script(main)
