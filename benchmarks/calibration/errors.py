"""Holds verdicts to account: how often equal things come out different, and how often a known cost is found.

Run as ``python -m benchmarks.calibration.errors``. ``equal`` compares a contender with itself, run after run of the
length of ``quick``: its 95 % interval must leave 1 out in at most 8 % of them. ``injected`` compares it with itself
plus a tenth of its CPU time for each request: that must be found in at least 90 %. Both of that pair are wrapped alike.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import random
import statistics
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.calibration import frame
from benchmarks.calibration.costly_app import COST_VARIABLE
from benchmarks.calibration.frame import NotMeasuredError, Rounds
from benchmarks.calibration.loading import run_trials, valid_result
from benchmarks.contenders import catalogue
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.statistics import excludes_one, paired_ratio
from benchmarks.measure.environment import Cores, share_cores
from benchmarks.measure.schedule import PRESETS
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import Contender, Trial

SUBJECT = "fastapi-async@uvicorn"
INJECTED_FRACTION = 0.1
MOST_FALSE_ALARMS = 0.08
FEWEST_FOUND = 0.9
PAIRS_AT_ONCE = 2
"""Runs that share their blocks, as the contenders of one server do in ``quick``."""

_PROBES = 3
_Runs = list[tuple[list[float], list[float]]]


def rates_per_s(count: int, between: tuple[Contender, Contender], cores: Cores, order: random.Random) -> _Runs:
    """Compare two contenders in runs that share their blocks.

    Args:
        count: Of the rounds.
        between: The numerator and the denominator.
        cores: Which server and loader may use.
        order: Of the places in a block.
    Returns:
        Rates of the two, one for each round, for each run.
    Raises:
        NotMeasuredError: A trial is void.
    """
    rates: _Runs = [([], []) for _ in range(PAIRS_AT_ONCE)]
    for _ in range(count):
        places = [(pair, side) for pair in range(PAIRS_AT_ONCE) for side in (0, 1)]
        order.shuffle(places)
        block = _block([between[side] for _, side in places], cores)
        for (pair, side), trial in zip(places, block, strict=True):
            rates[pair][side].append(valid_result(trial).rate_per_s)
    return rates


def injected_cost_us(cores: Cores) -> float:
    """Return a tenth of the CPU time that a request of the subject takes, microseconds: the median of some trials.

    Raises:
        NotMeasuredError: A trial is void, or the platform does not tell CPU time.
    """
    seen = []
    for _ in range(_PROBES):
        [trial] = _block([catalogue.find(SUBJECT)], cores)
        valid_result(trial)
        cpu_us = None if trial.observation is None else trial.observation.cpu_us_per_request
        if cpu_us is None:
            raise NotMeasuredError("This platform does not tell what a request costs.")
        seen.append(cpu_us)
    return INJECTED_FRACTION * statistics.median(seen)


def costly(app: str = "app") -> Contender:
    """Return the subject wrapped in ``costly_app``.

    Args:
        app: Which of its two: ``app`` spends what the environment names, ``app_at_no_cost`` nothing.
    """
    subject = catalogue.find(SUBJECT)
    description = "costly" if app == "app" else "wrapped alike"
    served = f"benchmarks.calibration.costly_app:{app}"
    return dataclasses.replace(subject, arguments=(*subject.arguments[:-1], served), description=description)


def tell_equal(estimates: Sequence[Estimate]) -> bool:
    """Print how often equal things came out different.

    Returns:
        Whether the bar holds.
    """
    missed = [estimate for estimate in estimates if excludes_one(estimate)]
    share = len(missed) / len(estimates)
    held = share <= MOST_FALSE_ALARMS
    print(
        f"equal: {len(missed)} of {len(estimates)} intervals leave 1 out, {100 * share:.1f} %; "
        f"at most {100 * MOST_FALSE_ALARMS:.0f} %: {'holds' if held else 'DOES NOT HOLD'}"
    )
    _tell_values(estimates)
    return held


def tell_injected(estimates: Sequence[Estimate], cost_us: float) -> bool:
    """Print how often the injected cost was found.

    Returns:
        Whether the bar holds.
    """
    found = [estimate for estimate in estimates if estimate.high is not None and estimate.high < 1]
    share = len(found) / len(estimates)
    held = share >= FEWEST_FOUND
    print(
        f"injected: {cost_us:.1f} µs more CPU a request found in {len(found)} of {len(estimates)} runs, "
        f"{100 * share:.1f} %; at least {100 * FEWEST_FOUND:.0f} %: {'holds' if held else 'DOES NOT HOLD'}"
    )
    _tell_values(estimates)
    return held


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: Of the command line; those of this process unless told.
    Returns:
        The exit status.
    """
    parser = frame.parser(
        "errors", "Count false alarms and missed costs, on real servers, in runs of the length of quick."
    )
    parser.add_argument("what", nargs="?", choices=["both", "equal", "injected"], default="both", help="what to count")
    at_least_one = frame.whole_number(1)
    parser.add_argument("--equal-runs", type=at_least_one, default=60, help="runs of equal things (%(default)s)")
    parser.add_argument("--injected-runs", type=at_least_one, default=30, help="runs with the cost (%(default)s)")
    rounds = PRESETS["quick"].health_rounds
    parser.add_argument("--rounds", type=frame.whole_number(2), default=rounds, help="of each (%(default)s, as quick)")
    frame.add_seed(parser, "the order in a block")
    options = frame.parse(parser, arguments)
    print(f"errors of verdicts: {frame.here()}; {SUBJECT}, seed {options.seed}, {options.rounds} rounds a run")
    return frame.status(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> bool:
    rounds, cores = frame.rounds(options, "fastapi", "uvicorn"), share_cores()
    subject = catalogue.find(SUBJECT)
    held = []
    if options.what != "injected":
        measure = partial(rates_per_s, options.rounds, (subject, subject), cores)
        held.append(tell_equal(_estimates(rounds, "equal", options.equal_runs, measure)))
    if options.what != "equal":
        cost_us = rounds.one("cost", partial(injected_cost_us, cores), float)
        os.environ[COST_VARIABLE] = f"{cost_us:.3f}"
        measure = partial(rates_per_s, options.rounds, (costly(), costly("app_at_no_cost")), cores)
        held.append(tell_injected(_estimates(rounds, "injected", options.injected_runs, measure), cost_us))
    return all(held)


def _estimates(rounds: Rounds, part: str, runs: int, measure: Callable[[random.Random], _Runs]) -> list[Estimate]:
    blocks = rounds.of(part, -(-runs // PAIRS_AT_ONCE), measure, _Runs)
    return [paired_ratio(above, below) for block in blocks for above, below in block][:runs]


def _tell_values(estimates: Sequence[Estimate]) -> None:
    values = sorted(estimate.value for estimate in estimates)
    reaches = sorted(estimate.high / estimate.value - 1 for estimate in estimates if estimate.high is not None)
    print(
        f"  ratios {values[0]:.3f} to {values[-1]:.3f}, median {statistics.median(values):.3f}; "
        f"intervals reach ±{100 * statistics.median(reaches):.1f} % at the median"
    )


def _block(contenders: Sequence[Contender], cores: Cores) -> list[Trial]:
    return run_trials([(contender, HEALTH) for contender in contenders], PRESETS["quick"].health, cores)


if __name__ == "__main__":
    frame.script(main)
