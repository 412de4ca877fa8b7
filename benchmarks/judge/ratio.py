"""Judges claimed ratios: of async over sync, and of one framework's best contender over another's."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping

from benchmarks.judge import cause, wording
from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.comparison import standing
from benchmarks.judge.evidence import MINIMUM_ROUNDS, AbsentError, Evidence, RefusedError, verdict_on
from benchmarks.judge.judgement import Comparison, Estimate, Figure, Outcome, QuantityName, Verdict
from benchmarks.judge.statistics import bounds, geometric_mean, is_coarse, lies_in
from benchmarks.judge.trials import QUANTITIES, Quantity, participants
from benchmarks.model import Contender

_NO_BRIDGE = "none"
_MIDPOINT = 0.5
_WORST_FIRST: tuple[Outcome, ...] = ("contradicted", "refused", "inconclusive", "replicated")

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
        RefusedError: See ``Evidence.find`` and ``Evidence.refusal``.
    """
    asynchronous, sync = evidence.find(test, "async"), evidence.find(test, "sync")
    comparison = evidence.require(asynchronous, sync, test.workload)
    measured = [
        (name, claimed.ratio, estimate)
        for claimed in claim.figures
        if claimed.ratio is not None
        for name in [_QUANTITIES[claimed.name]]
        if (estimate := comparison.of(name)) is not None
    ]
    judged = [(*_judge(*each, comparison.margin, alone=len(measured) == 1), each[-1]) for each in measured]
    # The figure that decided comes first: the claim holds only where all of them do.
    judged.sort(key=lambda each: _WORST_FIRST.index(each[0]))
    outcome, _, _, decisive = judged[0]
    more = f". Run more rounds (--rounds {2 * decisive.samples}) or longer trials (--duration)."
    return verdict_on(
        claim,
        test,
        outcome,
        figures=(
            *(figure for _, figure, *_ in judged),
            # Not claimed, but it is stable when the machine is not.
            Figure(name=_NAMES["cpu"], unit="×", estimate=comparison.cpu),
        ),
        sentence="; ".join(sentence for *_, sentence, _ in judged) + (more if outcome == "inconclusive" else "."),
        why=wording.coarse(decisive)
        if outcome == "refused"
        else cause.twins(
            evidence.summary(sync, test.workload),
            evidence.summary(asynchronous, test.workload),
            comparison,
            wait_ms=evidence.workloads[test.workload].wait_ms,
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

    def decide(estimate: Estimate) -> Outcome:
        # Counted in claimed effects: 0 is no difference, 1 the claim, in its own direction. A bound that underflowed to
        # 0 is infinitely far from 1.
        logarithms = (math.log(bound) if bound > 0 else -math.inf for bound in bounds(estimate))
        short, far = sorted(logarithm / math.log(claimed) for logarithm in logarithms)
        if far < _MIDPOINT:
            return "contradicted"
        return "replicated" if short > _MIDPOINT and far - short <= 1 else "inconclusive"

    return "refused" if is_coarse(estimate, decide) else decide(estimate)


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
        midpoint = math.sqrt(claimed)
        if lies_in(midpoint, estimate) and not wording.is_vague(estimate):
            return f"the interval reaches to both sides of {wording.times(midpoint)} ×, half-way to the claim"
        return wording.TOO_FEW if wording.is_vague(estimate) else "the interval is wider than the claimed effect itself"
    stands = standing(estimate, margin, less_is_faster=quantity.less_is_faster)
    found = wording.found(stands, estimate, margin, quantity.more, quantity.less)
    if stands not in ("faster", "slower"):
        return found
    if (estimate.value > 1) != (claimed > 1):
        return f"{found}, not {wording.size(claimed, quantity.more, quantity.less)}"
    return found + wording.against(estimate, claimed, margin)


def find_best(evidence: Evidence, claim: Claim, test: ClaimTest) -> Verdict:
    """Compare the fastest contender of one framework with the fastest of another, and both on one server.

    The best of each may differ in server and bridge as well as in framework. So the comparison on the second's server
    is reported too: it changes one factor at a time. A bridge is something that a user must know and choose, so if one
    of the best has one, the comparison without bridges is reported as well.

    Raises:
        RefusedError: The best of a framework took no part, or none of it has a valid trial; or see
            ``Evidence.refusal``.
    """
    there = {contender.id for contender in participants(evidence.run, test.workload)}
    if absent := [contender for contender in test.among.split() if contender not in there]:
        options = " ".join(f"--contender {contender}" for contender in absent)
        raise AbsentError(
            f"The best of each framework are compared when both are measured, and {' and '.join(absent)} was not: add "
            f"{options}, or choose no contenders."
        )
    first, second, comparison, rate = _fastest(evidence, test)

    def decide(estimate: Estimate) -> Outcome:
        low, high = bounds(estimate)
        return "replicated" if high < test.much else "contradicted" if low > test.much else "inconclusive"

    if is_coarse(rate, decide):
        raise RefusedError(wording.coarse(rate))
    outcome = decide(rate)
    figures = [_figure(test, "", rate)]
    sentence = (
        f"{first.id}, the fastest here of its framework, served {wording.ratio(rate)} the requests of {second.id}, the "
        f"fastest of its own: {_better(outcome, comparison, rate, test.much)}."
    )
    if first.server != second.server:
        same: Estimate | None = None
        told = f"{test.framework} was not measured on {second.server}, so the server's share is unknown"
        with contextlib.suppress(RefusedError):
            one, _, _, same = _fastest(evidence, test, server=second.server)
            told = f"on {second.server} alone, one factor at a time, {one.id} served {wording.ratio(same)}"
        figures.append(_figure(test, f", both on {second.server}", same))
        sentence += f" The two differ in server as well; {told}."
    if (first.bridge, second.bridge) != (_NO_BRIDGE, _NO_BRIDGE):
        without: Estimate | None = None
        told = "How they compare without a bridge is unknown"
        with contextlib.suppress(RefusedError):
            one, other, _, without = _fastest(evidence, test, bridge=_NO_BRIDGE)
            told = f"Without a bridge, {one.id} served {wording.ratio(without)} the requests of {other.id}"
        figures.append(_figure(test, ", neither behind a bridge", without))
        sentence += f" {told}."
    why = cause.best(evidence.summary(first, test.workload), evidence.summary(second, test.workload), comparison)
    return verdict_on(
        claim,
        test,
        outcome,
        figures=tuple(figures),
        sentence=sentence,
        why=f"{why} {cause.unequal(evidence.run, first.id, second.id)}".strip(),
        standing=comparison.standing,
    )


def _fastest(evidence: Evidence, test: ClaimTest, **shared: str) -> tuple[Contender, Contender, Comparison, Estimate]:
    """Compare the fastest of both frameworks, of those that have the server or the bridge that they must share.

    Raises:
        RefusedError: See ``find_best``.
    """
    fastest = []
    for framework in (test.framework, test.against):
        rates: dict[Contender, float] = {}
        for contender in participants(evidence.run, test.workload):
            valid = evidence.valid(contender, test.workload)
            alike = all(getattr(contender, name) == value for name, value in shared.items())
            # One lucky round must not make a winner.
            if contender.framework == framework and alike and len(valid) >= MINIMUM_ROUNDS:
                rates[contender] = geometric_mean([trial.result.rate_per_s for trial in valid]).value
        if not rates:
            raise RefusedError(
                f"No contender of {framework} has {MINIMUM_ROUNDS} valid rounds under the workload {test.workload}: "
                f"add one with --contender '{framework}-*', or run more with --rounds."
            )
        fastest.append(max(rates, key=lambda contender: rates[contender]))
    comparison = evidence.require(fastest[0], fastest[1], test.workload)
    # Every valid trial has a rate, and there are pairs of them.
    assert comparison.rate is not None  # noqa: S101
    return fastest[0], fastest[1], comparison, comparison.rate


def _better(outcome: Outcome, comparison: Comparison, rate: Estimate, much: float) -> str:
    if outcome == "contradicted":
        return f"much better, which begins at {wording.times(much)} ×"
    if outcome == "inconclusive":
        return (
            f"the interval reaches to both sides of {wording.times(much)} ×, where much better begins; run more rounds "
            f"(--rounds {2 * rate.samples}) or longer trials (--duration)"
        )
    if comparison.standing in ("faster", "slower"):
        return f"better, but not {wording.times(much)} ×" if rate.value > 1 else "not better at all"
    return wording.found(comparison.standing, rate, comparison.margin, "more", "fewer")


def _figure(test: ClaimTest, where: str, estimate: Estimate | None) -> Figure:
    return Figure(name=f"rate {test.framework}/{test.against}{where}", unit="×", estimate=estimate)
