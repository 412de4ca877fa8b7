"""Holds ``--precision`` to account: an interval at which a run stopped must hold the true ratio in 95 % of runs.

Run as ``python -m benchmarks.calibration.repeated_looks``. It measures nothing: runs are drawn from a normal
distribution and stopped as the lab stops; every share must be at least 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from benchmarks.calibration import frame
from benchmarks.calibration.frame import Rounds
from benchmarks.judge.budget import FEWEST_ROUNDS, MOST_ROUNDS
from benchmarks.judge.distributions import t_quantile
from benchmarks.judge.judgement import CONFIDENCE
from benchmarks.judge.statistics import REPEATED_LOOKS_CONFIDENCE

_SPREADS = (0.5, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0)
"""Standard deviation of a round's logarithm over the half-width asked for."""


def coverage(spread: float, confidence: float, runs: int, generator: np.random.Generator) -> tuple[float, float]:
    """Stop made-up runs as the lab does, and see how often the interval holds the truth.

    Args:
        spread: Standard deviation of a round's logarithm over the half-width at which a run stops.
        confidence: Of the interval that is looked at after each round.
        runs: How many.
        generator: Of the values.
    Returns:
        Share of runs whose last interval holds the true value, and the rounds that a run took on average.
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, stop, count and print.

    Args:
        arguments: Of the command line; those of this process unless told.
    Returns:
        The exit status.
    """
    parser = frame.parser(
        "repeated_looks",
        "See how often an interval at which a run stopped holds the true ratio.",
        "0 in 95 % or more, 1 in fewer",
    )
    runs = frame.whole_number(1, 10_000_000)
    parser.add_argument("--runs", type=runs, default=40_000, help="made-up runs of each kind (%(default)s)")
    parser.add_argument("--seed", type=frame.whole_number(0), default=20261124, help="of the values (%(default)s)")
    options = frame.parse(parser, arguments)
    return frame.status(lambda: _count(frame.rounds(options, "numpy"), options.runs, options.seed))


def _count(rounds: Rounds, runs: int, seed: int) -> bool:
    naive, level = f"{100 * CONFIDENCE:g} %", f"{100 * REPEATED_LOOKS_CONFIDENCE:g} %"
    print(f"{runs:,} made-up runs each, seed {seed}; looked at from round {FEWEST_ROUNDS} on")
    print(f"{'spread over half-width':>22}  {f'looked at {naive}':>15}  {f'looked at {level}':>15}  rounds")
    tolerance = 3 * math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / runs)
    held = True
    shares = rounds.one("shares", partial(_shares, runs, seed), list[tuple[float, float, float]])
    for spread, (without, share, looked) in zip(_SPREADS, shares, strict=True):
        held = held and share >= CONFIDENCE - tolerance
        print(f"{spread:>22.2f}  {100 * without:>13.1f} %  {100 * share:>13.1f} %  {looked:>6.1f}")
    print(f"at least {naive} of the intervals hold the truth: {'holds' if held else 'DOES NOT HOLD'}")
    return held


def _shares(runs: int, seed: int) -> list[tuple[float, float, float]]:
    generator = np.random.default_rng(seed)
    return [
        (
            coverage(spread, CONFIDENCE, runs, generator)[0],
            *coverage(spread, REPEATED_LOOKS_CONFIDENCE, runs, generator),
        )
        for spread in _SPREADS
    ]


if __name__ == "__main__":
    frame.script(main)
