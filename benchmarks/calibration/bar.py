"""Holds a measured ratio to a bar, by its whole interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.judge.judgement import Estimate

HOLDS = "holds"


@dataclass(frozen=True, slots=True)
class Bar:
    """What a ratio is held to: its whole 95 % interval lies within this."""

    low: float
    high: float | None = None

    def verdict(self, ratio: Estimate) -> str:
        """Say whether the interval lies within the bar, outside it, or on it."""
        low = -math.inf if ratio.low is None else ratio.low
        high = math.inf if ratio.high is None else ratio.high
        most = math.inf if self.high is None else self.high
        if self.low <= low and high <= most:
            return HOLDS
        if high < self.low or most < low:
            return "DOES NOT HOLD"
        return "UNDECIDED, more rounds on a quieter machine would tell"

    def __str__(self) -> str:
        return f">= {self.low:g}" if self.high is None else f"{self.low:g} to {self.high:g}"


def interval(ratio: Estimate) -> str:
    """Return the interval of a ratio as the scripts print it, ``-`` where there is none."""
    return "-" if ratio.low is None or ratio.high is None else f"{ratio.low:.3f} to {ratio.high:.3f}"
