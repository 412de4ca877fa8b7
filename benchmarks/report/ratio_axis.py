"""Scales the axis of ratios: logarithmic, 1 in the middle, as far on both sides, so that signs compare."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from benchmarks.judge.judgement import Estimate
from benchmarks.report.figures import is_measured

_SMALLEST_REACH: Final = 2.5
_FARTHEST_BOUND: Final = 8.0


@dataclass(frozen=True, slots=True)
class RatioAxis:
    """An axis from ``1 / reach`` to ``reach``."""

    reach: float

    @classmethod
    def around(cls, estimates: Iterable[Estimate | None], tutorial_value: float | None = None) -> RatioAxis:
        """Make the axis that shows all of these, with some room."""
        present = [estimate for estimate in estimates if estimate is not None]
        values = _distances([tutorial_value, *(estimate.value for estimate in present)])
        bounds = _distances([bound for estimate in present for bound in (estimate.low, estimate.high)])
        # An interval that is hopelessly wide may leave the axis: it must not squeeze the others to points.
        farthest = max([1.0, *values, *(min(bound, _FARTHEST_BOUND) for bound in bounds)])
        return cls(max(_SMALLEST_REACH, 1.2 * farthest))

    def share(self, ratio: float) -> float:
        """Return where a ratio is, 0 at the left end and 1 at the right; what is beyond an end is at it."""
        if ratio <= 0:
            return 0.0
        clipped = min(max(ratio, 1 / self.reach), self.reach)
        return (math.log(clipped) / math.log(self.reach) + 1) / 2


def _distances(ratios: Iterable[float | None]) -> list[float]:
    return [max(ratio, 1 / ratio) for ratio in ratios if is_measured(ratio) and ratio > 0]


def strip(axis: RatioAxis, estimate: Estimate | None, width: int) -> str:
    """Draw a ratio in text: a line for its interval, a point for its value, a bar at 1.

    Args:
        axis: Shared by the strips that stand below one another.
        estimate: ``None`` draws the bar alone.
        width: In characters, at least 3.
    """

    def at(ratio: float) -> int:
        return round(axis.share(ratio) * (width - 1))

    cells = [" "] * width
    cells[at(1.0)] = "│"
    if estimate is not None and is_measured(estimate.value):
        if estimate.low is not None and estimate.high is not None:
            low, high = at(estimate.low), at(estimate.high)
            cells[low : high + 1] = "─" * (high - low + 1)
        cells[at(estimate.value)] = "●"
    return "".join(cells)
