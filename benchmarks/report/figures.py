"""Writes every number and sign of a report, and draws ratios in text: one way for a value, unit, interval, outcome."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final, TypeGuard

from benchmarks.judge import wording
from benchmarks.judge.judgement import CONFIDENCE, Estimate

NOT_MEASURED: Final = "not measured"
FIRM_ROUNDS: Final = 3
"""Fewer look faint."""

ABSENT: Final = "–"
"""Stands in a table for what was not measured."""

SYMBOLS: Final[Mapping[str, str]] = {
    "replicated": "✓",
    "contradicted": "✗",
    "inconclusive": "?",
    "refused": "!",
    "faster": "▲",
    "slower": "▼",
    "equal": "=",
    "undecided": "?",
    "good": "✓",
    "warning": "!",
    "bad": "✗",
    "holds": "✓",
    "differs": "≠",
    "fails": "✗",
    "does not apply": "–",
}
"""A sign for each outcome, so that colour is never the only difference."""

_MICROSECONDS: Final = {"s": 1e6, "ms": 1e3, "µs": 1.0}
_SMALLEST_REACH: Final = 2.5
_FARTHEST_BOUND: Final = 8.0


def is_measured(value: float | None) -> TypeGuard[float]:
    """Return whether there is a number to show: missing and non-finite values are not."""
    return value is not None and math.isfinite(value)


def is_faint(estimate: Estimate | None) -> bool:
    """Return whether an estimate rests on too few rounds to be shown as firmly as others: fewer than three."""
    return estimate is not None and estimate.samples < FIRM_ROUNDS


def value_of(estimate: Estimate | None) -> float | None:
    """Return an estimate's value."""
    return None if estimate is None else estimate.value


def amount(value: float | None, unit: str = "") -> str:
    """Write a value with its unit; durations in the unit that reads best. A count has none."""
    if not is_measured(value):
        return NOT_MEASURED
    factor, shown_unit = _scale(value, unit)
    digits = _digits(value * factor, _decimals(value * factor, shown_unit))
    return f"{digits} {shown_unit}" if shown_unit else digits


def interval(estimate: Estimate | None, unit: str = "") -> str:
    """Write the interval in brackets, in the unit of its value, with its level where that is not 95 %.

    Returns:
        ``[1.95, 2.07]``; ``(no interval)`` for a value of fewer than two rounds; ``(too few rounds to tell)`` for a
        ratio whose few rounds differ wildly; empty for a count, which may be exact, without an interval or with one of
        no width, and for what was not measured.
    """
    if estimate is None or not is_measured(estimate.value):
        return ""
    if estimate.low is None or estimate.high is None:
        return "(no interval)" if unit else ""
    if not unit and estimate.low == estimate.high:
        return ""
    if unit == "×" and wording.is_vague(estimate):
        return f"({wording.TOO_FEW})"
    factor, shown_unit = _scale(estimate.value, unit)
    # A ratio's bound has the decimals of its own size, as the judge writes it; others have those of their value.
    decimals = _decimals(estimate.value * factor, shown_unit)
    bounds = (bound * factor for bound in (estimate.low, estimate.high))
    low, high = (_digits(bound, _decimals(bound, unit) if unit in {"×", ""} else decimals) for bound in bounds)
    level = "" if estimate.confidence in {None, CONFIDENCE} else f" ({wording.percent(estimate.confidence)})"
    return f"[{low}, {high}]{level}"


def shown(value: str | float | Estimate | None, unit: str = "") -> str:
    """Write a cell of a table whose heading has the unit; ``%`` is of a fraction, ``MiB`` of bytes."""
    if isinstance(value, str):
        return value
    if isinstance(value, Estimate):
        return estimated(value, unit) if unit == "×" else f"{cell(value.value, unit)} {spread(value)}".rstrip()
    if not is_measured(value):
        return ABSENT
    if unit == "/req":
        return per_request(value)
    if unit == "%":
        return f"{100 * value:.1f} %"
    return f"{value / 2**20:,.0f}" if unit == "MiB" else cell(value, unit)


def estimated(estimate: Estimate | None, unit: str = "") -> str:
    """Write a value and its interval: ``2.02 × [1.95, 2.07]``."""
    if estimate is None:
        return NOT_MEASURED
    return f"{amount(estimate.value, unit)} {interval(estimate, unit)}".rstrip()


def level(estimates: Iterable[Estimate | None]) -> str:
    """Return the level of a run's intervals in words: ``95 %``, or that of one which looked after every round."""
    levels = (each.confidence for each in estimates if each is not None and each.confidence is not None)
    return wording.percent(next(levels, CONFIDENCE))


def spread(estimate: Estimate) -> str:
    """Write half of the interval as a percentage of the value: ``±1.2 %``; empty when there is no interval."""
    if estimate.low is None or estimate.high is None or not is_measured(estimate.value) or estimate.value == 0:
        return ""
    half_percent = 50 * (estimate.high - estimate.low) / abs(estimate.value)
    if not half_percent < 100:
        return "±>100 %"
    return f"±{half_percent:.1f} %" if half_percent < 9.95 else f"±{half_percent:.0f} %"


def cell(value: float | None, unit: str = "") -> str:
    """Write a value for a column whose heading gives the unit, so that the column can be read down."""
    return _digits(value, _decimals(value, unit)) if is_measured(value) else NOT_MEASURED


def rounded(value: float, unit: str) -> str:
    """Write a round value, such as a tick of an axis, without idle zeros: ``5 ms``."""
    factor, shown_unit = _scale(value, unit)
    return f"{value * factor:g} {shown_unit}"


def per_request(value: float | None) -> str:
    """Write a count per request with one decimal: ``4.7``; a trace of it is ``<0.1``, which is not none."""
    return wording.per_request(value).replace("under ", "<") if is_measured(value) else NOT_MEASURED


def _scale(value: float, unit: str) -> tuple[float, str]:
    """Return the factor and unit that keep a duration between 1 and 1000; other units stay as they are."""
    if unit not in _MICROSECONDS or value == 0:
        return 1.0, unit
    microseconds = abs(value) * _MICROSECONDS[unit]
    shown_unit = next((name for name, factor in _MICROSECONDS.items() if microseconds >= factor), "µs")
    return _MICROSECONDS[unit] / _MICROSECONDS[shown_unit], shown_unit


def _decimals(value: float, unit: str) -> int:
    """Return how many decimals to write: for three significant digits; a ratio has two, a count at most one."""
    magnitude = abs(value)
    if not math.isfinite(value) or magnitude == 0:
        return 0
    if unit == "×":
        return 0 if magnitude >= 100 else 2 if magnitude >= 0.1 else 3
    if unit == "":
        return 0 if magnitude == round(magnitude) or magnitude >= 100 else 1
    return min(4, max(0, 2 - math.floor(math.log10(magnitude))))


def _digits(value: float, decimals: int) -> str:
    # Two rounds that differ wildly have an interval without end.
    if not math.isfinite(value):
        return "∞"
    digits = f"{value:,.{decimals}f}"
    # A trace is not nothing.
    return f"<{10.0**-decimals:.{decimals}f}" if value > 0 and not float(digits.replace(",", "")) else digits


def sign(outcome: str) -> str:
    """Return the sign of an outcome, or of how grave a note is."""
    return SYMBOLS.get(outcome, "·")


def ratio_reach(estimates: Iterable[Estimate | None], tutorial_value: float | None = None) -> float:
    """Return how far the axis of ratios goes, from ``1 / reach`` to ``reach``, so that all of these are on it.

    The axis is logarithmic with 1 in the middle, and as long on both sides, so that a doubling looks as large as a
    halving.
    """
    present = [estimate for estimate in estimates if estimate is not None]
    values = _distances([tutorial_value, *(estimate.value for estimate in present)])
    bounds = _distances([bound for estimate in present for bound in (estimate.low, estimate.high)])
    # A hopelessly wide interval may leave the axis: it must not squeeze the others to points.
    farthest = max([1.0, *values, *(min(bound, _FARTHEST_BOUND) for bound in bounds)])
    return max(_SMALLEST_REACH, 1.2 * farthest)


def ratio_share(reach: float, ratio: float) -> float:
    """Return where a ratio is on the axis, 0 at the left end and 1 at the right; what is beyond an end is at it."""
    if ratio <= 0:
        return 0.0
    clipped = min(max(ratio, 1 / reach), reach)
    return (math.log(clipped) / math.log(reach) + 1) / 2


def ratio_strip(reach: float, estimate: Estimate | None, width: int) -> str:
    """Draw a ratio in text, in at least 3 characters: a line for its interval, a point for its value, a bar at 1.

    The bar is always there: an interval that contains 1 crosses it, and a value that is at 1 stands on it. Of too few
    rounds, line and point are faint. Strips that stand below one another share the reach of their axis.
    """

    def at(ratio: float) -> int:
        return round(ratio_share(reach, ratio) * (width - 1))

    cells, one = [" "] * width, at(1.0)
    cells[one] = "│"
    if estimate is not None and is_measured(estimate.value):
        line, crossing, point, standing = "┄┊○◊" if is_faint(estimate) else "─┼●◆"
        if estimate.low is not None and estimate.high is not None:
            low, high = at(estimate.low), at(estimate.high)
            cells[low : high + 1] = line * (high - low + 1)
            cells[one] = crossing if low <= one <= high else "│"
        place = at(estimate.value)
        cells[place] = standing if place == one else point
    return "".join(cells)


def _distances(ratios: Iterable[float | None]) -> list[float]:
    return [max(ratio, 1 / ratio) for ratio in ratios if is_measured(ratio) and ratio > 0]
