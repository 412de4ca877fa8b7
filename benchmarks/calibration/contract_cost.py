"""Measure what the contract costs a request, over the same view returning a plain dict, in process.

The plain and the contracted view of one route in one app take turns, request by request, and each round compares their
medians: what else runs on the machine slows both. The rounds give the 95 % intervals, each of which must be wholly
within the bar.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.calibration import frame
from benchmarks.calibration.frame import NotMeasuredError
from benchmarks.foreign_json import read_object
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.statistics import arithmetic_mean, paired_ratio
from benchmarks.measure.environment import share_cores

FACTORY = "flask_app:create_app"
VIEWS: Mapping[str, str] = {"health.health_sync": "/health/sync", "health.health_async": "/health/async"}
BAR_US = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a contract costs one view.

    Attributes:
        plain_us: CPU time of a request to the plain view, microseconds.
        contracted_us: The same under the contract.
        difference_us: What the contract adds, paired inside rounds.
        ratio: Contracted over plain, paired inside rounds.
    """

    plain_us: Estimate
    contracted_us: Estimate
    difference_us: Estimate
    ratio: Estimate


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the cost for each twin and return the exit status."""
    parser = frame.parser(
        "contract_cost", "Measure what the contract costs a request, over the same view returning a plain dict."
    )
    parser.add_argument("--rounds", type=frame.whole_number(2), default=30, help="at least 2 (%(default)s)")
    parser.add_argument(
        "--requests", type=frame.whole_number(1), default=200, help="requests to each view in a round (%(default)s)"
    )
    parser.add_argument("--seed", type=frame.whole_number(0), default=1, help="of the order of turns (%(default)s)")
    parser.add_argument("--bar-us", type=float, default=BAR_US, help="microseconds a request (%(default)s)")
    options = frame.parse(parser, arguments)
    return frame.status(lambda: _tell(options))


def _tell(options: argparse.Namespace) -> bool:
    measuring = partial(measure, FACTORY, VIEWS, rounds=options.rounds, requests=options.requests, seed=options.seed)
    costs = frame.rounds(options, "flask").one("both views", measuring, dict[str, Cost])
    print(f"{options.rounds} rounds of {options.requests} requests to each view, seed {options.seed}; 95 % intervals")
    within = True
    for endpoint, cost in costs.items():
        fits = cost.difference_us.high is not None and cost.difference_us.high <= options.bar_us
        within = within and fits
        print(
            f"{VIEWS[endpoint]:<14} plain {cost.plain_us.value:.1f} µs   contract {cost.contracted_us.value:.1f} µs   "
            f"cost {_told(cost.difference_us, 1)} µs   ratio {_told(cost.ratio, 3)}   "
            f"{'within' if fits else 'NOT within'} {options.bar_us:g} µs"
        )
    return within


def measure(factory: str, views: Mapping[str, str], *, rounds: int, requests: int, seed: int) -> dict[str, Cost]:
    """Measure in a process of its own, in which only the app is loaded.

    Args:
        factory: What makes the app, ``package:function``.
        views: Path by endpoint, of views under a contract.
        rounds: At least 2.
        requests: To each view in a round.
        seed: Of the order of turns.
    Returns:
        The cost by endpoint.
    Raises:
        NotMeasuredError: The process failed.
    """
    command = [sys.executable, "-m", "benchmarks.calibration.view_pairs", factory]
    command += [f"{endpoint}={path}" for endpoint, path in views.items()]
    # On the core that a server under test would have: a view that runs in a thread of its own, as Flask's async def
    # does, would else wander from core to core, and a cold cache costs more than any contract.
    command += ["--cpus", *map(str, share_cores().server)]
    command += ["--rounds", str(rounds), "--requests", str(requests), "--seed", str(seed)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode != 0:
        raise NotMeasuredError(f"`{' '.join(command)}` failed:\n{process.stderr.strip()}")
    lines = [read_object(line) for line in process.stdout.splitlines()]
    return {endpoint: _cost([line for line in lines if line["endpoint"] == endpoint]) for endpoint in views}


def _cost(rounds: Sequence[Mapping[str, float]]) -> Cost:
    plain = [line["plain_us"] for line in rounds]
    contracted = [line["decorated_us"] for line in rounds]
    return Cost(
        plain_us=arithmetic_mean(plain),
        contracted_us=arithmetic_mean(contracted),
        difference_us=arithmetic_mean([after - before for before, after in zip(plain, contracted, strict=True)]),
        ratio=paired_ratio(contracted, plain),
    )


def _told(estimate: Estimate, digits: int) -> str:
    # measure() has at least two rounds, but the type knows nothing of it.
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.{digits}f}"
    return f"{estimate.value:.{digits}f} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"


if __name__ == "__main__":
    frame.script(main)
