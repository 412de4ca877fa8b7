"""Verifies ``--precision``: the interval at which a run stops must hold the true ratio in 95 % of runs.

Run as ``python -m benchmarks.calibration.repeated_looks``. It measures no server: runs are drawn from a normal
distribution and stopped like the lab's; every share must be at least 95 %.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.calibration.frame import Session, number, script
from benchmarks.judge.distributions import t_quantile
from benchmarks.judge.judgement import CONFIDENCE
from benchmarks.judge.planning import FEWEST_ROUNDS, MOST_ROUNDS
from benchmarks.judge.statistics import REPEATED_LOOKS_CONFIDENCE

_SPREADS = (0.5, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0)
"""Standard deviation of a round's logarithm over the requested half-width."""


def coverage(spread: float, confidence: float, runs: int, generator: np.random.Generator) -> tuple[float, float]:
    """Stop simulated runs as the lab does, and count how often the interval holds the true value.

    Args:
        spread: Standard deviation of a round's logarithm over the half-width at which a run stops.
        confidence: Of the interval that is checked after each round.
        runs: Number of runs.
        generator: Draws the values.
    Returns:
        Share of runs whose last interval holds the true value, and the average number of rounds of a run.
    """
    values = generator.normal(0.0, spread, size=(runs, MOST_ROUNDS))
    count = np.arange(1, MOST_ROUNDS + 1)
    mean = np.cumsum(values, axis=1) / count
    squares = np.cumsum(values**2, axis=1) - count * mean**2
    quantile = np.array([t_quantile(max(looked - 1, 1), (1 + confidence) / 2) for looked in range(1, MOST_ROUNDS + 1)])
    reach = quantile * np.sqrt(np.maximum(squares, 0.0) / np.maximum(count - 1, 1) / count)
    stops = (reach <= 1.0) & (count >= FEWEST_ROUNDS)
    # Without a stop the last round ends the run.
    stops[:, -1] = True
    last = stops.argmax(axis=1)
    row = np.arange(runs)
    return float((np.abs(mean[row, last]) <= reach[row, last]).mean()), float(count[last].mean())


@script(
    "See how often an interval at which a run stopped holds the true ratio.",
    number("--runs", 40_000, "simulated runs of each kind", most=10_000_000),
    number("--seed", 20261124, "of the values", 0, 10**9),
    packages=("numpy",),
    statuses="0 in 95 % or more, 1 in fewer",
)
def main(session: Session) -> None:
    """Draw, stop, count and print."""
    runs, levels = session.options.runs, (CONFIDENCE, REPEATED_LOOKS_CONFIDENCE)
    naive, level = (f"{100 * confidence:g} %" for confidence in levels)
    print(f"{'spread over half-width':>22}  {f'looked at {naive}':>15}  {f'looked at {level}':>15}  rounds")

    def measure() -> list[list[float]]:
        generator = np.random.default_rng(session.options.seed)
        both = [[coverage(spread, each, runs, generator) for each in levels] for spread in _SPREADS]
        return [[without, *used] for (without, _), used in both]

    shares = session.once("shares", measure)
    for spread, (without, share, looked) in zip(_SPREADS, shares, strict=True):
        print(f"{spread:>22.2f}  {100 * without:>13.1f} %  {100 * share:>13.1f} %  {looked:>6.1f}")
    least = CONFIDENCE - 3 * math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / runs)
    fewest = min(share for _, share, _ in shares)
    session.bar(f"fewest intervals that hold the truth ({naive} less three errors), %", 100 * fewest, least=100 * least)
