"""Judges a claimed ratio of async over sync: throughput and latency."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.judge import measures, why, wording
from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.evidence import Evidence, Finding
from benchmarks.judge.judgement import Estimate, Figure, Outcome
from benchmarks.judge.measures import Measure
from benchmarks.judge.statistics import bounds, is_coarse


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quantity:
    """How one claimed quantity is measured and told."""

    name: str
    measure: Measure
    verb: str
    noun: str
    more: str
    less: str


_QUANTITIES: Mapping[str, _Quantity] = {
    "rate_per_s": _Quantity(
        name="rate async/sync",
        measure=measures.rate_per_s,
        verb="served",
        noun="the requests",
        more="more",
        less="fewer",
    ),
    "latency_average_ms": _Quantity(
        name="average latency async/sync",
        measure=measures.latency_average_ms,
        verb="took",
        noun="the average latency",
        more="longer",
        less="shorter",
    ),
    "latency_p95_ms": _Quantity(
        name="p95 latency async/sync",
        measure=measures.latency_p95_ms,
        verb="took",
        noun="the p95 latency",
        more="longer",
        less="shorter",
    ),
}


def unmeasured(claim: Claim, _test: ClaimTest) -> tuple[Figure, ...]:
    """Return the figures that the claim is about, without a measurement."""
    return tuple(_figure(quantity, None, claimed) for quantity, claimed in _claimed(claim))


def find(evidence: Evidence, claim: Claim, test: ClaimTest, serving: str) -> Finding:
    """Compare the twins of one arrangement with the ratios that the tutorial's figures make.

    Every ratio of the claim must hold: the claim is contradicted as soon as one of them is.

    Raises:
        RefusedError: See ``Evidence.find`` and ``Evidence.pairs``.
    """
    asynchronous = evidence.find(test.framework, "async", serving, test.workload)
    sync = evidence.find(test.framework, "sync", serving, test.workload)
    pairs = evidence.pairs(asynchronous, sync, test.workload)
    judged = [
        _Judged(
            quantity=quantity, claimed=claimed, estimate=measures.ratio(pairs, quantity.measure, evidence.confidence)
        )
        for quantity, claimed in _claimed(claim)
    ]
    outcomes = {entry.outcome for entry in judged}
    outcome = next(outcome for outcome in _WORST_FIRST if outcome in outcomes)
    # The figure that decided comes first.
    judged.sort(key=lambda entry: entry.outcome != outcome)
    return Finding(
        outcome=outcome,
        figures=(
            *(_figure(entry.quantity, entry.estimate, entry.claimed) for entry in judged),
            # Nobody claims it, but it holds still when the machine does not.
            Figure(
                name="CPU time a request async/sync",
                unit="×",
                estimate=measures.ratio_where_seen(pairs, measures.cpu_us_per_request, evidence.confidence),
                tutorial_value=None,
            ),
        ),
        sentence="; ".join(entry.told(evidence.margin) for entry in judged) + _advice(outcome, len(pairs)),
        why=wording.coarse(judged[0].estimate)
        if outcome == "refused"
        else why.twins(
            evidence.summary(sync, test.workload),
            evidence.summary(asynchronous, test.workload),
            measures.ratio(pairs, measures.rate_per_s, evidence.confidence),
            wait_ms=evidence.wait_ms(test.workload),
        ),
    )


def outcome_of(estimate: Estimate, claimed: float) -> Outcome:
    """Decide whether a measured ratio bears a claimed one out; ``refused`` where its figures are too coarse to say.

    On the scale of logarithms the midpoint between "no difference" and the claim is the square root of the claim. The
    claim is replicated when the whole interval lies beyond it, contradicted when the whole interval falls short.
    An interval wider than the claimed effect itself can rule the claim out, but is too vague to bear it out.

    Args:
        estimate: Measured, with its interval.
        claimed: The tutorial's ratio, not 1.
    """
    effect = math.log(claimed)

    def decide(estimate: Estimate) -> Outcome:
        # Counted in claimed effects: 0 is no difference, 1 the claim, whichever way it points.
        short, far = sorted(_log(bound) / effect for bound in bounds(estimate))
        if far < _MIDPOINT:
            return "contradicted"
        return "replicated" if short > _MIDPOINT and far - short <= 1 else "inconclusive"

    return "refused" if is_coarse(estimate, decide) else decide(estimate)


def _log(bound: float) -> float:
    # A bound that vanished in floating point is as far from 1 as can be.
    return math.log(bound) if bound > 0 else -math.inf


_MIDPOINT = 0.5
_WORST_FIRST: tuple[Outcome, ...] = ("contradicted", "refused", "inconclusive", "replicated")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """One claimed ratio and what was measured of it."""

    quantity: _Quantity
    claimed: float
    estimate: Estimate

    @property
    def outcome(self) -> Outcome:
        return outcome_of(self.estimate, self.claimed)

    def told(self, margin: float) -> str:
        quantity = self.quantity
        told = (
            f"async def {quantity.verb} {wording.ratio(self.estimate)} {quantity.noun} of def "
            f"(tutorial: {wording.times(self.claimed)} ×)"
        )
        if self.outcome == "refused":
            return f"{told}, which is not judged"
        if self.outcome == "inconclusive":
            return f"{told}: {self.doubt}"
        return f"{told}: {wording.comparison(self.estimate, self.claimed, margin, quantity.more, quantity.less)}"

    @property
    def doubt(self) -> str:
        midpoint = math.sqrt(self.claimed)
        if wording.lies_in(midpoint, self.estimate):
            return f"the interval reaches to both sides of {wording.times(midpoint)} ×, half-way to the claim"
        return "the interval is wider than the claimed effect itself"


def _advice(outcome: Outcome, rounds: int) -> str:
    if outcome != "inconclusive":
        return "."
    return f". Run more rounds (--rounds {2 * rounds}) or longer trials (--duration)."


def _claimed(claim: Claim) -> list[tuple[_Quantity, float]]:
    return [(_QUANTITIES[figure.name], figure.ratio) for figure in claim.figures if figure.ratio is not None]


def _figure(quantity: _Quantity, estimate: Estimate | None, claimed: float) -> Figure:
    return Figure(name=quantity.name, unit="×", estimate=estimate, tutorial_value=claimed)
