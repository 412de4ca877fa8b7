"""Compares two sides: pairs their trials, makes the ratios, and decides by one rule what they mean."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from statistics import geometric_mean

from benchmarks.judge import wording
from benchmarks.judge.judgement import CONFIDENCE, Comparison, Estimate, QuantityName, Standing
from benchmarks.judge.spread import Spread
from benchmarks.judge.statistics import bounds, excludes_one, is_coarse, paired_ratio
from benchmarks.judge.trials import QUANTITIES, ValidTrial, resolution_of_ratio
from benchmarks.model import MARGIN

REFUSED = "Not judged."

Pairs = Sequence[tuple[ValidTrial, ValidTrial]]


def conclude(comparison: Comparison) -> Comparison:
    """Return a comparison with what its estimates mean: the standing and the sentence, or why there is none."""
    estimate, quantity = comparison.estimate, QUANTITIES[comparison.decides]
    refusal, outcome, finding, sentence = comparison.refusal, comparison.standing, "", REFUSED
    if estimate is None:
        refusal = refusal or f"No ratio of {quantity.title}: it was not measured on both sides in one round."
    elif refusal is None:
        outcome = standing(estimate, comparison.margin, less_is_faster=quantity.less_is_faster)
        if outcome == "refused":
            refusal = wording.coarse(estimate)
        else:
            finding = wording.found(outcome, estimate, comparison.margin, quantity.more, quantity.less)
            sentence = (
                f"{comparison.above} {quantity.verb} {wording.ratio(estimate)} {quantity.noun} of {comparison.below}: "
                f"{finding}{'; more rounds may tell' if outcome == 'undecided' else ''}."
            )
    return dataclasses.replace(comparison, standing=outcome, refusal=refusal, finding=finding, sentence=sentence)


def paired(numerators: Iterable[ValidTrial], denominators: Iterable[ValidTrial]) -> Pairs:
    """Pair two contenders' trials of the same round, and of the same block where both have some in it.

    Of several each is paired with each. The pairs are in the order of the rounds.
    """
    below: dict[int, list[ValidTrial]] = {}
    for valid in denominators:
        below.setdefault(valid.trial.round, []).append(valid)
    pairs = []
    for above in numerators:
        others = below.get(above.trial.round, [])
        beside = [other for other in others if other.trial.block == above.trial.block]
        pairs += [(above, other) for other in beside or others]
    return tuple(sorted(pairs, key=lambda pair: pair[0].trial.round))


def measured(pairs: Pairs, quantity: QuantityName) -> dict[int, tuple[float, float]]:
    """Return a quantity of both sides, by the rounds in which both have it.

    A side that was measured twice in a round stands there with its geometric mean.
    """
    measure = QUANTITIES[quantity].measure
    rounds: dict[int, list[tuple[float, float]]] = {}
    for above, below in pairs:
        values = measure(above), measure(below)
        if values[0] is not None and values[1] is not None:
            rounds.setdefault(above.trial.round, []).append((values[0], values[1]))
    return {
        number: (
            each[0] if len(each) == 1 else (geometric_mean(a for a, _ in each), geometric_mean(b for _, b in each))
        )
        for number, each in rounds.items()
    }


def ratio(
    pairs: Pairs, quantity: QuantityName, confidence: float = CONFIDENCE, others: Spread | None = None
) -> Estimate | None:
    """Return the paired ratio over the rounds in which both have the quantity, or ``None`` if there is none.

    ``others`` is what is known of its variance from other contenders.
    """
    if not (both := measured(pairs, quantity)):
        return None
    above, below = zip(*both.values(), strict=True)
    estimate = paired_ratio(above, below, confidence, others)
    return dataclasses.replace(estimate, resolution=resolution_of_ratio(pairs, quantity))


def standing(estimate: Estimate, margin: float = MARGIN, *, less_is_faster: bool = False) -> Standing:
    """Decide what a ratio means: the one rule, for every comparison and every place of a map.

    Equal: the whole interval lies inside the margin. Faster and slower: it lies on one side of 1. Undecided: neither.
    Refused: the figures are too coarse to tell. For latencies, where less is faster, a ratio below 1 is better.
    """

    def decide(estimate: Estimate) -> Standing:
        if is_equal(estimate, margin):
            return "equal"
        if not excludes_one(estimate):
            return "undecided"
        return "faster" if (estimate.value > 1) != less_is_faster else "slower"

    return "refused" if is_coarse(estimate, decide) else decide(estimate)


def equal_band(margin: float) -> tuple[float, float]:
    """Return the ratios between which two sides count as equal: ``1 + margin`` and its reciprocal.

    The reciprocal rather than ``1 - margin``: A over B must be equal whenever B over A is.
    """
    return 1 / (1 + margin), 1 + margin


def is_equal(estimate: Estimate, margin: float = MARGIN) -> bool:
    """Say whether the whole interval lies inside the margin; never without an interval.

    Source:
        Schuirmann, "A comparison of the two one-sided tests procedure and the power approach for assessing the
        equivalence of average bioavailability", J. Pharmacokinetics and Biopharmaceutics 15(6), 1987. There a 90 %
        interval decides; the 95 % one here is the stricter.
    """
    (low, high), (least, most) = bounds(estimate), equal_band(margin)
    return least <= low and high <= most
