"""Says estimates in words: figures with their intervals, sizes, and how a ratio stands to the one claimed."""

from __future__ import annotations

import math

from benchmarks.judge.judgement import DuelOutcome, Estimate
from benchmarks.judge.statistics import bounds, has_no_width, is_coarse


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
    """Write an average and its interval, ``75.2 [73.9, 76.4]``, or only the average when that is all or it is exact."""
    if estimate.low is None or estimate.high is None or estimate.low == estimate.high:
        return count(estimate.value)
    return f"{count(estimate.value)} [{count(estimate.low)}, {count(estimate.high)}]"


def span(estimate: Estimate) -> str:
    """Write the range of a count over the trials: ``6``, ``6 to 9``."""
    if estimate.low is None or estimate.high is None or estimate.low == estimate.high:
        return count(estimate.value)
    return f"{count(estimate.low)} to {count(estimate.high)}"


def things(number: float | Estimate, noun: str) -> str:
    """Write a number of things, or its range over the trials: ``1 thread``, ``6 to 9 threads``."""
    told = span(number) if isinstance(number, Estimate) else count(number)
    return f"{told} {noun}" if told == "1" else f"{told} {noun}s"


def threads(number: float | Estimate) -> str:
    """Write a number of threads, or its range over the trials: ``1 thread``, ``6 to 9 threads``."""
    return things(number, "thread")


def per_request(value: float) -> str:
    """Write a count per request with one decimal; a trace of it is ``under 0.1``, which is not none."""
    return "under 0.1" if 0 < value < 0.05 else f"{value:,.1f}"


def percent(fraction: float) -> str:
    """Write a fraction as a percentage: ``5 %``."""
    return f"{100 * fraction:g} %"


def rounds(number: int) -> str:
    """Write a number of rounds: ``no round``, ``1 round``, ``5 rounds``."""
    return f"{number or 'no'} round{'' if number < 2 else 's'}"


def size(value: float, more: str, less: str) -> str:
    """Say how large a ratio is: ``double``, ``about half``, ``37 % more``, ``4.0 times``.

    Args:
        value: The ratio.
        more: What a ratio above 1 means: ``more``, ``longer``.
        less: What a ratio below 1 means: ``fewer``, ``shorter``.
    """
    for word, exact in (("double", 2.0), ("half", 0.5)):
        away = abs(math.log(value / exact))
        if away <= math.log(1.05):
            return word
        if away <= math.log(1.1):
            return f"about {word}"
    if value > 2:
        return f"{value:,.1f} times"
    return f"{100 * (value - 1):.0f} % {more}" if value >= 1 else f"{100 * (1 - value):.0f} % {less}"


def comparison(estimate: Estimate, claimed: float, margin: float, more: str, less: str) -> str:
    """Say how a measured ratio stands to no difference and to the claimed ratio.

    Args:
        estimate: Measured, with its interval.
        claimed: The tutorial's ratio.
        margin: Half-width of what counts as equal.
        more: See ``size``.
        less: See ``size``.
    """
    if is_equal(estimate, margin):
        return f"equal within ±{percent(margin)}"
    if not excludes_one(estimate):
        return "no difference found, which is not the same as equal"
    found = size(estimate.value, more, less)
    if (estimate.value > 1) != (claimed > 1):
        return f"{found}, not {size(claimed, more, less)}"
    away = abs(math.log(estimate.value / claimed))
    if lies_in(claimed, estimate) or away <= math.log1p(margin):
        return f"{found}, as the tutorial found"
    larger = abs(math.log(estimate.value)) > abs(math.log(claimed))
    return f"{found}, a {'larger' if larger else 'smaller'} effect than the tutorial's"


def standing(ratio: Estimate, margin: float) -> DuelOutcome:
    """Decide what a ratio says of two: the one rule.

    Args:
        ratio: With its interval.
        margin: Half-width of what counts as equal.
    """

    def decide(estimate: Estimate) -> DuelOutcome:
        if is_equal(estimate, margin):
            return "equal"
        if not excludes_one(estimate):
            return "undecided"
        return "faster" if estimate.value > 1 else "slower"

    return "refused" if is_coarse(ratio, decide) else decide(ratio)


def coarse(ratio: Estimate) -> str:
    """Say that figures are too coarse for what was to be decided by them, why, and what to do."""
    if has_no_width(ratio):
        why = f"it came out as {times(ratio.value)} × in each of {rounds(ratio.samples)}, and what is measured varies"
    else:
        why = f"{times(ratio.value)} × may be off by a factor of {times(1 + ratio.resolution)}"
    return (
        f"The figures are counted too coarsely for it: {why}. Measure longer trials (--duration), or ask with the "
        "engine that keeps every latency (--engine builtin)."
    )


def is_equal(estimate: Estimate, margin: float) -> bool:
    """Say whether the whole interval lies inside 1 ± margin; never without an interval.

    Source:
        Schuirmann, "A comparison of the two one-sided tests procedure and the power approach for assessing the
        equivalence of average bioavailability", J. Pharmacokinetics and Biopharmaceutics 15(6), 1987. There a 90 %
        interval decides; the 95 % one here is the stricter.
    """
    low, high = bounds(estimate)
    return 1 - margin <= low and high <= 1 + margin


def excludes_one(estimate: Estimate) -> bool:
    """Say whether the interval leaves "no difference" out; never without an interval."""
    return not lies_in(1.0, estimate)


def lies_in(value: float, estimate: Estimate) -> bool:
    """Say whether the interval does not rule a value out; without an interval it rules nothing out."""
    low, high = bounds(estimate)
    return low <= value <= high
