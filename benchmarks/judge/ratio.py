"""Judges a claimed ratio of async over sync: throughput and latency."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.judge import cause, wording
from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.comparison import standing
from benchmarks.judge.evidence import Evidence, Finding
from benchmarks.judge.judgement import Estimate, Figure, Outcome, QuantityName
from benchmarks.judge.measures import QUANTITIES
from benchmarks.judge.statistics import bounds, is_coarse, lies_in

_QUANTITIES: Mapping[str, QuantityName] = {
    "rate_per_s": "rate",
    "latency_average_ms": "latency_average",
    "latency_p95_ms": "latency_p95",
}
"""What a comparison calls the figures of a claim."""

_NAMES: Mapping[QuantityName, str] = {
    "rate": "rate async/sync",
    "latency_average": "average latency async/sync",
    "latency_p95": "p95 latency async/sync",
    "cpu": "CPU time per request async/sync",
}


def unmeasured(claim: Claim, _test: ClaimTest) -> tuple[Figure, ...]:
    """Return the figures that the claim is about, without a measurement."""
    return tuple(_figure(name, None, claimed) for name, claimed in _claimed(claim))


def find(evidence: Evidence, claim: Claim, test: ClaimTest, serving: str) -> Finding:
    """Compare the twins of one arrangement with the ratios that the tutorial's figures make.

    Every ratio of the claim must hold: the claim is contradicted as soon as one of them is.

    Raises:
        RefusedError: See ``Evidence.find`` and ``Evidence.require``.
    """
    asynchronous = evidence.find(test.framework, "async", serving, test.workload)
    sync = evidence.find(test.framework, "sync", serving, test.workload)
    comparison = evidence.require(asynchronous, sync, test.workload)
    judged = [
        _Judged(name, claimed, estimate, evidence.margin)
        for name, claimed in _claimed(claim)
        if (estimate := comparison.of(name)) is not None
    ]
    outcomes = {entry.outcome for entry in judged}
    outcome = next(outcome for outcome in _WORST_FIRST if outcome in outcomes)
    # The figure that decided comes first.
    judged.sort(key=lambda entry: entry.outcome != outcome)
    decisive = judged[0]
    return Finding(
        outcome=outcome,
        figures=(
            *(_figure(entry.name, entry.estimate, entry.claimed, entry.outcome, entry.finding) for entry in judged),
            # Nobody claims it, but it holds still when the machine does not.
            _figure("cpu", comparison.cpu, None),
        ),
        sentence="; ".join(entry.told(alone=len(judged) == 1) for entry in judged)
        + _advice(outcome, decisive.estimate.samples),
        why=wording.coarse(decisive.estimate)
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


@dataclass(frozen=True, slots=True)
class _Judged:
    """One claimed ratio and what was measured of it."""

    name: QuantityName
    claimed: float
    estimate: Estimate
    margin: float

    @property
    def outcome(self) -> Outcome:
        return outcome_of(self.estimate, self.claimed)

    @property
    def finding(self) -> str:
        """What was found, in a few words."""
        quantity = QUANTITIES[self.name]
        if self.outcome == "refused":
            return "counted too coarsely to be judged"
        if self.outcome == "inconclusive":
            return self._doubt
        stands = standing(self.estimate, self.margin, less_is_faster=quantity.less_is_faster)
        found = wording.found(stands, self.estimate, self.margin, quantity.more, quantity.less)
        if stands not in ("faster", "slower"):
            return found
        if (self.estimate.value > 1) != (self.claimed > 1):
            return f"{found}, not {wording.size(self.claimed, quantity.more, quantity.less)}"
        return found + wording.against(self.estimate, self.claimed, self.margin)

    def told(self, *, alone: bool) -> str:
        """Say it in a sentence; with its own outcome where it does not stand alone."""
        quantity = QUANTITIES[self.name]
        return (
            f"{'' if alone else f'{quantity.title} {self.outcome}: '}async def {quantity.verb} "
            f"{wording.ratio(self.estimate)} {quantity.noun} of def (tutorial: {wording.times(self.claimed)} ×): "
            f"{self.finding}"
        )

    @property
    def _doubt(self) -> str:
        if wording.is_vague(self.estimate):
            return wording.TOO_FEW
        midpoint = math.sqrt(self.claimed)
        if lies_in(midpoint, self.estimate):
            return f"the interval reaches to both sides of {wording.times(midpoint)} ×, half-way to the claim"
        return "the interval is wider than the claimed effect itself"


def _advice(outcome: Outcome, rounds: int) -> str:
    if outcome != "inconclusive":
        return "."
    return f". Run more rounds (--rounds {2 * rounds}) or longer trials (--duration)."


def _claimed(claim: Claim) -> list[tuple[QuantityName, float]]:
    return [(_QUANTITIES[figure.name], figure.ratio) for figure in claim.figures if figure.ratio is not None]


def _figure(
    name: QuantityName,
    estimate: Estimate | None,
    claimed: float | None,
    outcome: Outcome | None = None,
    finding: str = "",
) -> Figure:
    return Figure(
        name=_NAMES[name], unit="×", estimate=estimate, tutorial_value=claimed, outcome=outcome, finding=finding
    )
