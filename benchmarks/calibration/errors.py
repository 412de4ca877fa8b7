"""Counts errors of verdicts: how often equal things come out different, and how often a known cost is found.

Run as ``python -m benchmarks.calibration.errors``. ``equal`` compares a contender with itself, in runs as long as
``quick``: the 95 % interval may leave 1 out in at most 8 % of them. ``injected`` adds a tenth of the CPU time of a
request to one side: at least 90 % of the runs must find it. Both sides of that pair are wrapped alike.
"""

from __future__ import annotations

import os
import random
import statistics
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.calibration import frame
from benchmarks.calibration.costly_app import COST_VARIABLE
from benchmarks.calibration.frame import NotMeasuredError, Session
from benchmarks.calibration.loading import run_trials, valid_result, with_app
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
"""Number of runs that share their blocks, as the contenders of one server do in ``quick``."""

_PROBES = 3
_Runs = list[list[list[float]]]


def rates_per_s(count: int, between: tuple[Contender, Contender], cores: Cores, order: random.Random) -> _Runs:
    """Compare two contenders in runs that share their blocks.

    Args:
        count: Number of rounds.
        between: The numerator and the denominator.
        cores: Cores of the server and of the load generator.
        order: Generator of the order in a block.
    Returns:
        For each run the rates of the two, one per round.
    Raises:
        NotMeasuredError: A trial is void.
    """
    rates: _Runs = [[[], []] for _ in range(PAIRS_AT_ONCE)]
    for _ in range(count):
        places = [(pair, side) for pair in range(PAIRS_AT_ONCE) for side in (0, 1)]
        order.shuffle(places)
        block = _block([between[side] for _, side in places], cores)
        for (pair, side), trial in zip(places, block, strict=True):
            rates[pair][side].append(valid_result(trial).rate_per_s)
    return rates


def injected_cost_us(cores: Cores) -> float:
    """Return a tenth of the CPU time of a request to the subject, microseconds: the median of some trials.

    Raises:
        NotMeasuredError: A trial is void, or the platform does not report CPU time.
    """
    seen = []
    for _ in range(_PROBES):
        [trial] = _block([catalogue.find(SUBJECT)], cores)
        valid_result(trial)
        cpu_us = None if trial.observation is None else trial.observation.cpu_us_per_request
        if cpu_us is None:
            raise NotMeasuredError("This platform does not report the CPU time of a process.")
        seen.append(cpu_us)
    return INJECTED_FRACTION * statistics.median(seen)


def costly(app: str = "app") -> Contender:
    """Return the subject wrapped in ``costly_app``.

    Args:
        app: ``app`` spends the cost that the environment names, ``app_at_no_cost`` nothing.
    """
    return with_app(SUBJECT, f"costly_app:{app}", description="costly" if app == "app" else "wrapped alike")


def tell_equal(estimates: Sequence[Estimate]) -> bool:
    """Print how often equal things came out different.

    Returns:
        Whether the bar holds.
    """
    share = sum(excludes_one(estimate) for estimate in estimates) / len(estimates)
    counted = f"equal: {share * len(estimates):.0f} of {len(estimates)} intervals leave 1 out, {100 * share:.1f} %"
    held = frame.tell(f"{counted}; at most {100 * MOST_FALSE_ALARMS:.0f} %", holds=share <= MOST_FALSE_ALARMS)
    _tell_values(estimates)
    return held


def tell_injected(estimates: Sequence[Estimate], cost_us: float) -> bool:
    """Print how often the injected cost was found: the whole interval is below 1.

    Returns:
        Whether the bar holds.
    """
    found = sum(estimate.high is not None and estimate.high < 1 for estimate in estimates)
    share = found / len(estimates)
    counted = f"{cost_us:.1f} µs more CPU per request found in {found} of {len(estimates)} runs, {100 * share:.1f} %"
    held = frame.tell(f"injected: {counted}; at least {100 * FEWEST_FOUND:.0f} %", holds=share >= FEWEST_FOUND)
    _tell_values(estimates)
    return held


@frame.script(
    "Count false alarms and missed costs, on real servers, in runs of the length of quick.",
    frame.option("what", nargs="?", choices=["both", "equal", "injected"], default="both", help="what to count"),
    frame.number("--equal-runs", 60, "runs of equal things"),
    frame.number("--injected-runs", 30, "runs with the cost"),
    frame.number("--rounds", PRESETS["quick"].health_rounds, "of each run, as quick", 2),
    frame.SEED,
    packages=("fastapi", "uvicorn"),
)
def main(session: Session) -> bool:
    """Measure and print."""
    options, cores = session.options, share_cores()
    session.begin("errors of verdicts", cores)
    print(f"{SUBJECT}, seed {options.seed}, {options.rounds} rounds a run")
    subject = catalogue.find(SUBJECT)
    held = []
    if options.what != "injected":
        measure = partial(rates_per_s, options.rounds, (subject, subject), cores)
        held.append(tell_equal(_estimates(session, "equal", options.equal_runs, measure)))
    if options.what != "equal":
        cost_us = session.once("cost", partial(injected_cost_us, cores))
        os.environ[COST_VARIABLE] = f"{cost_us:.3f}"
        measure = partial(rates_per_s, options.rounds, (costly(), costly("app_at_no_cost")), cores)
        held.append(tell_injected(_estimates(session, "injected", options.injected_runs, measure), cost_us))
    return all(held)


def _estimates(session: Session, part: str, runs: int, measure: Callable[[random.Random], _Runs]) -> list[Estimate]:
    blocks = session.rounds(part, -(-runs // PAIRS_AT_ONCE), measure)
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
    frame.run(main)
