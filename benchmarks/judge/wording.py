"""Words for estimates: figures with their intervals, sizes, and how a ratio compares with a claimed one."""

from __future__ import annotations

import math

from benchmarks.judge.judgement import Estimate, Standing
from benchmarks.judge.statistics import has_no_width, lies_in

TOO_FEW = "too few rounds to tell"


def times(value: float) -> str:
    """Write a ratio without its sign: ``2.02``, ``0.044``."""
    if math.isinf(value):
        return "∞"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def ratio(estimate: Estimate) -> str:
    """Write a ratio and its interval: ``1.98 × [1.94, 2.03]``."""
    if estimate.low is None or estimate.high is None:
        return f"{times(estimate.value)} ×"
    return f"{times(estimate.value)} × [{times(estimate.low)}, {times(estimate.high)}]"


def count(value: float) -> str:
    """Write a count or an average of counts: ``6``, ``5.6``, ``8,303``."""
    if math.isinf(value):
        return "∞"
    return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:.1f}"


def counted(estimate: Estimate) -> str:
    """Write an average and its interval, ``75.2 [73.9, 76.4]``, or the range of a count over trials, ``6 to 9``.

    Only the value if it has neither, or was the same in every trial.
    """
    if estimate.low is None or estimate.high is None or estimate.low == estimate.high:
        return count(estimate.value)
    if estimate.confidence is None:
        return f"{count(estimate.low)} to {count(estimate.high)}"
    return f"{count(estimate.value)} [{count(estimate.low)}, {count(estimate.high)}]"


def things(number: float | Estimate, noun: str) -> str:
    """Write a number of things, or its range over the trials: ``1 thread``, ``6 to 9 threads``."""
    told = counted(number) if isinstance(number, Estimate) else count(number)
    return f"{told} {noun}" if told == "1" else f"{told} {noun}s"


def per_request(value: float) -> str:
    """Write a count per request with one decimal; very little is ``under 0.1``, which is not none."""
    return "under 0.1" if 0 < value < 0.05 else f"{value:,.1f}"


def percent(fraction: float) -> str:
    """Write a fraction as a percentage: ``5 %``."""
    return f"{100 * fraction:g} %"


def rounds(number: int) -> str:
    """Write a number of rounds: ``no round``, ``1 round``, ``5 rounds``."""
    return f"{number or 'no'} round{'' if number < 2 else 's'}"


def size(value: float, more: str, less: str) -> str:
    """Say how large a ratio is: ``double``, ``about half``, ``37 % more``, ``4.0 times``; see ``Quantity``."""
    for word, exact in (("double", 2.0), ("half", 0.5)):
        away = abs(math.log(value / exact))
        if away <= math.log(1.05):
            return word
        if away <= math.log(1.1):
            return f"about {word}"
    if value > 2:
        return f"{value:,.1f} times"
    return f"{100 * (value - 1):.0f} % {more}" if value >= 1 else f"{100 * (1 - value):.0f} % {less}"


def found(standing: Standing, ratio: Estimate, margin: float, more: str, less: str) -> str:
    """Say in words what the standing of a ratio means; for the words see ``Quantity``."""
    if standing == "equal":
        return f"equal within ±{percent(margin)}"
    if standing == "undecided":
        return TOO_FEW if is_vague(ratio) else "no difference found, which is not the same as equal"
    return "counted too coarsely to tell" if standing == "refused" else size(ratio.value, more, less)


def against(ratio: Estimate, claimed: float, margin: float) -> str:
    """Say how a difference compares with the tutorial's in the same direction, to be added to what was found."""
    if lies_in(claimed, ratio) or abs(math.log(ratio.value / claimed)) <= math.log1p(margin):
        return ", as the tutorial found"
    larger = abs(math.log(ratio.value)) > abs(math.log(claimed))
    return f" (same direction, {'larger' if larger else 'smaller'})"


def is_vague(ratio: Estimate) -> bool:
    """Say whether an interval allows both a doubling and a halving, so that it is of little use."""
    return lies_in(0.5, ratio) and lies_in(2.0, ratio)


def coarse(ratio: Estimate) -> str:
    """Say that figures are too coarse for the decision, why, and what to do."""
    if has_no_width(ratio):
        why = f"it came out as {times(ratio.value)} × in each of {rounds(ratio.samples)}, and what is measured varies"
    else:
        why = f"{times(ratio.value)} × may be off by a factor of {times(1 + ratio.resolution)}"
    return (
        f"The figures are counted too coarsely for it: {why}. Measure longer trials (--duration), or choose a "
        "load engine that keeps every latency (--engine)."
    )
