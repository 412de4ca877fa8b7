"""Judges a claimed ratio of async over sync: throughput and latency."""

from __future__ import annotations

import math
from collections.abc import Mapping

from benchmarks.judge import cause, wording
from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.comparison import standing
from benchmarks.judge.evidence import Evidence, verdict_on
from benchmarks.judge.judgement import Estimate, Figure, Outcome, QuantityName, Verdict
from benchmarks.judge.measures import QUANTITIES, Quantity
from benchmarks.judge.statistics import bounds, is_coarse, lies_in

_QUANTITIES: Mapping[str, QuantityName] = {
    "rate_per_s": "rate",
    "latency_average_ms": "latency_average",
    "latency_p95_ms": "latency_p95",
}
"""The figures of a claim by their names in a comparison."""

_NAMES: Mapping[QuantityName, str] = {
    "rate": "rate async/sync",
    "latency_average": "average latency async/sync",
    "latency_p95": "p95 latency async/sync",
    "cpu": "CPU time per request async/sync",
}


def find(evidence: Evidence, claim: Claim, test: ClaimTest) -> Verdict:
    """Compare the twins of one arrangement with the ratios of the tutorial's figures.

    Every ratio of the claim must hold: the claim is contradicted as soon as one of them is.

    Raises:
        RefusedError: See ``Evidence.find`` and ``Evidence.require``.
    """
    asynchronous = evidence.find(test.framework, "async", test.serving, test.workload)
    sync = evidence.find(test.framework, "sync", test.serving, test.workload)
    comparison = evidence.require(asynchronous, sync, test.workload)
    measured = [
        (name, claimed.ratio, estimate)
        for claimed in claim.figures
        if claimed.ratio is not None
        for name in [_QUANTITIES[claimed.name]]
        if (estimate := comparison.of(name)) is not None
    ]
    judged = [_judge(*each, evidence.margin, alone=len(measured) == 1) for each in measured]
    outcome = min((outcome for outcome, *_ in judged), key=_WORST_FIRST.index)
    # The figure that decided comes first.
    judged.sort(key=lambda each: each[0] != outcome)
    decisive = next(estimate for name, _, estimate in measured if _NAMES[name] == judged[0][1].name)
    more = f". Run more rounds (--rounds {2 * decisive.samples}) or longer trials (--duration)."
    return verdict_on(
        claim,
        test,
        outcome,
        figures=(
            *(figure for _, figure, _ in judged),
            # Not claimed, but it is stable when the machine is not.
            Figure(name=_NAMES["cpu"], unit="×", estimate=comparison.cpu, tutorial_value=None),
        ),
        sentence="; ".join(sentence for *_, sentence in judged) + (more if outcome == "inconclusive" else "."),
        why=wording.coarse(decisive)
        if outcome == "refused"
        else cause.twins(
            evidence.summary(sync, test.workload),
            evidence.summary(asynchronous, test.workload),
            comparison,
            wait_ms=evidence.wait_ms(test.workload),
        ),
        standing="refused" if outcome == "refused" else comparison.standing,
    )


def outcome_of(estimate: Estimate, claimed: float) -> Outcome:
    """Decide whether a measured ratio confirms a claimed one; ``refused`` if its figures are too coarse to say.

    On the scale of logarithms the midpoint between "no difference" and the claim is the square root of the claim. The
    claim is replicated if the whole interval lies beyond it, contradicted if the whole interval falls short. An
    interval wider than the claimed effect itself can rule the claim out, but is too vague to confirm it.

    Args:
        estimate: Measured, with its interval.
        claimed: The tutorial's ratio, not 1.
    """
    effect = math.log(claimed)

    def decide(estimate: Estimate) -> Outcome:
        # Counted in claimed effects: 0 is no difference, 1 the claim, in its own direction.
        short, far = sorted(_log(bound) / effect for bound in bounds(estimate))
        if far < _MIDPOINT:
            return "contradicted"
        return "replicated" if short > _MIDPOINT and far - short <= 1 else "inconclusive"

    return "refused" if is_coarse(estimate, decide) else decide(estimate)


_MIDPOINT = 0.5
_WORST_FIRST: tuple[Outcome, ...] = ("contradicted", "refused", "inconclusive", "replicated")


def _log(bound: float) -> float:
    # A bound that underflowed to 0 is infinitely far from 1.
    return math.log(bound) if bound > 0 else -math.inf


def _judge(
    name: QuantityName, claimed: float, estimate: Estimate, margin: float, *, alone: bool
) -> tuple[Outcome, Figure, str]:
    """Return the outcome of one claimed ratio, its figure, and a sentence; with the outcome unless it stands alone."""
    outcome, quantity = outcome_of(estimate, claimed), QUANTITIES[name]
    finding = _finding(quantity, claimed, estimate, margin, outcome)
    figure = Figure(
        name=_NAMES[name], unit="×", estimate=estimate, tutorial_value=claimed, outcome=outcome, finding=finding
    )
    sentence = (
        f"{'' if alone else f'{quantity.title} {outcome}: '}async def {quantity.verb} {wording.ratio(estimate)} "
        f"{quantity.noun} of def (tutorial: {wording.times(claimed)} ×): {finding}"
    )
    return outcome, figure, sentence


def _finding(quantity: Quantity, claimed: float, estimate: Estimate, margin: float, outcome: Outcome) -> str:
    if outcome == "refused":
        return "counted too coarsely to be judged"
    if outcome == "inconclusive":
        return _doubt(estimate, math.sqrt(claimed))
    stands = standing(estimate, margin, less_is_faster=quantity.less_is_faster)
    found = wording.found(stands, estimate, margin, quantity.more, quantity.less)
    if stands not in ("faster", "slower"):
        return found
    if (estimate.value > 1) != (claimed > 1):
        return f"{found}, not {wording.size(claimed, quantity.more, quantity.less)}"
    return found + wording.against(estimate, claimed, margin)


def _doubt(estimate: Estimate, midpoint: float) -> str:
    if wording.is_vague(estimate):
        return wording.TOO_FEW
    if lies_in(midpoint, estimate):
        return f"the interval reaches to both sides of {wording.times(midpoint)} ×, half-way to the claim"
    return "the interval is wider than the claimed effect itself"
