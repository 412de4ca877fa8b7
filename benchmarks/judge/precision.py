"""Says after each round whether a run may stop: every headline interval is as narrow as was asked."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.judge.budget import FEWEST_ROUNDS
from benchmarks.judge.claims import Claim
from benchmarks.judge.judge import headlines
from benchmarks.judge.judgement import Estimate, TwinRatio
from benchmarks.judge.summaries import twin_ratios
from benchmarks.model import Run


def reached(run: Run, claims: Sequence[Claim], precision: float) -> str | None:
    """Say that the precision is reached, or return ``None`` when the run must go on.

    Only rates are looked at: of the headline twins under every workload in which they take part.

    Args:
        run: So far.
        claims: The ledger, which says what is a headline.
        precision: Half-width of an interval, as a fraction: 0.03 for ±3 %.
    """
    ratios = [ratio for ratio in twin_ratios(run, headlines(claims)) if ratio.headline]
    widths = [_half_width(ratio) for ratio in ratios]
    if not widths or max(widths) > precision:
        return None
    rounds = min(ratio.rate.samples for ratio in ratios if ratio.rate is not None)
    return f"Every headline interval was within ±{100 * precision:g} % after {rounds} rounds."


def _half_width(ratio: TwinRatio) -> float:
    if ratio.rate is None or ratio.rate.samples < FEWEST_ROUNDS:
        return math.inf
    return relative_half_width(ratio.rate)


def relative_half_width(estimate: Estimate) -> float:
    """Return how far an interval reaches upwards, as a fraction of the estimate; infinite where there is none."""
    return math.inf if estimate.high is None else estimate.high / estimate.value - 1
