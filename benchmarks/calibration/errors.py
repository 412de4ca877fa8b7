"""Counts errors of verdicts: how often equal things come out different, and how often a known cost is found.

Run as ``python -m benchmarks.calibration.errors``. ``equal`` compares a contender with itself, in runs as long as
``quick``: the 95 % interval may leave 1 out in at most 8 % of them. ``injected`` adds a tenth of the CPU time of a
request to one side: at least 90 % of the runs must find it. Both sides of that pair are wrapped alike.
"""

from __future__ import annotations

import os
import random
import statistics
from collections.abc import Sequence
from functools import partial

from benchmarks.calibration.costly_app import COST_VARIABLE
from benchmarks.calibration.frame import SEED, NotMeasuredError, Session, number, parts, script
from benchmarks.calibration.loading import run_trials, with_app
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.statistics import excludes_one, paired_ratio
from benchmarks.measure.presets import PRESETS
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import Contender, LoadResult, Observation

SUBJECT = "fastapi-async@uvicorn"
INJECTED_FRACTION = 0.1
MOST_FALSE_ALARMS = 0.08
FEWEST_FOUND = 0.9
PAIRS_AT_ONCE = 2
"""Number of runs that share their blocks, as the contenders of one server do in ``quick``."""

_PROBES = 3
_Runs = list[list[list[float]]]


def rates_per_s(session: Session, between: tuple[str | Contender, str | Contender], order: random.Random) -> _Runs:
    """Compare two contenders, the numerator and the denominator, in runs that share their blocks.

    Returns:
        For each run the rates of the two, one per round.
    """
    rates: _Runs = [[[], []] for _ in range(PAIRS_AT_ONCE)]
    for _ in range(session.options.rounds):
        places = [(pair, side) for pair in range(PAIRS_AT_ONCE) for side in (0, 1)]
        order.shuffle(places)
        seen = _block(session, [between[side] for _, side in places])
        for (pair, side), (result, _) in zip(places, seen, strict=True):
            rates[pair][side].append(result.rate_per_s)
    return rates


def injected_cost_us(session: Session) -> float:
    """Return a tenth of the CPU time of a request to the subject, microseconds: the median of some trials.

    Raises:
        NotMeasuredError: The platform does not report CPU time.
    """
    seen = []
    for _ in range(_PROBES):
        [(_, observation)] = _block(session, [SUBJECT])
        if observation is None or observation.cpu_us_per_request is None:
            raise NotMeasuredError("This platform does not report the CPU time of a process.")
        seen.append(observation.cpu_us_per_request)
    return INJECTED_FRACTION * statistics.median(seen)


def costly(app: str = "app") -> Contender:
    """Return the subject wrapped in ``costly_app``.

    Args:
        app: ``app`` spends the cost that the environment names, ``app_at_no_cost`` nothing.
    """
    return with_app(SUBJECT, f"costly_app:{app}", description="costly" if app == "app" else "wrapped alike")


def tell_equal(session: Session, estimates: Sequence[Estimate]) -> None:
    """Print how often equal things came out different, with its bar."""
    wrong = sum(map(excludes_one, estimates))
    text = f"equal: {wrong} of {len(estimates)} intervals leave 1 out, %"
    session.bar(text, 100 * wrong / len(estimates), most=100 * MOST_FALSE_ALARMS)
    _tell_values(estimates)


def tell_injected(session: Session, estimates: Sequence[Estimate], cost_us: float) -> None:
    """Print how often the injected cost was found, with its bar: the whole interval is below 1."""
    found = sum(estimate.high is not None and estimate.high < 1 for estimate in estimates)
    text = f"injected: {cost_us:.1f} µs more CPU per request found in {found} of {len(estimates)} runs, %"
    session.bar(text, 100 * found / len(estimates), least=100 * FEWEST_FOUND)
    _tell_values(estimates)


def _estimates(
    session: Session, part: str, runs: int, between: tuple[str | Contender, str | Contender]
) -> list[Estimate]:
    blocks = session.rounds(part, partial(rates_per_s, session, between), -(-runs // PAIRS_AT_ONCE))
    return [paired_ratio(above, below) for block in blocks for above, below in block][:runs]


def _tell_values(estimates: Sequence[Estimate]) -> None:
    values = sorted(estimate.value for estimate in estimates)
    reaches = sorted(estimate.high / estimate.value - 1 for estimate in estimates if estimate.high is not None)
    print(
        f"  ratios {values[0]:.3f} to {values[-1]:.3f}, median {statistics.median(values):.3f}; "
        f"intervals reach ±{100 * statistics.median(reaches):.1f} % at the median"
    )


def _block(session: Session, contenders: Sequence[str | Contender]) -> list[tuple[LoadResult, Observation | None]]:
    return run_trials(session, [(contender, HEALTH) for contender in contenders], PRESETS["quick"].health)


@script(
    "Count false alarms and missed costs, on real servers, in runs of the length of quick.",
    parts("both", "equal", "injected"),
    number("--equal-runs", 60, "runs of equal things"),
    number("--injected-runs", 30, "runs with the cost"),
    number("--rounds", PRESETS["quick"].health_rounds, "of each run, as quick", 2),
    SEED,
    packages=("fastapi", "uvicorn"),
)
def main(session: Session) -> None:
    """Measure and print."""
    if session.asks_for("equal"):
        tell_equal(session, _estimates(session, "equal", session.options.equal_runs, (SUBJECT, SUBJECT)))
    if session.asks_for("injected"):
        cost_us = session.once("cost", partial(injected_cost_us, session))
        os.environ[COST_VARIABLE] = f"{cost_us:.3f}"
        pair = (costly(), costly("app_at_no_cost"))
        tell_injected(session, _estimates(session, "injected", session.options.injected_runs, pair), cost_us)
