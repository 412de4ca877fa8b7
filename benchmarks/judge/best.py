"""Judges whether one framework's best contender is much better than another's."""

from __future__ import annotations

from benchmarks.judge import cause, measures, wording
from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.evidence import MINIMUM_ROUNDS, Evidence, RefusedError, verdict_on
from benchmarks.judge.judgement import Comparison, Estimate, Figure, Outcome, Verdict
from benchmarks.judge.statistics import bounds, geometric_mean, is_coarse
from benchmarks.judge.trials import participants
from benchmarks.model import Contender

_NO_BRIDGE = "none"


def find(evidence: Evidence, claim: Claim, test: ClaimTest) -> Verdict:
    """Compare the fastest contender of one framework with the fastest of another, and both on one server.

    The best of each may differ in server and bridge as well as in framework. So the comparison on the second's server
    is reported too: it changes one factor at a time. A bridge is something that a user must know and choose, so if one
    of the best has one, the comparison without bridges is reported as well.

    Raises:
        RefusedError: The best of a framework was not measured, or none of it has a valid trial; or see
            ``Evidence.require``.
    """
    first = _fastest(evidence, test.framework, test.workload)
    second = _fastest(evidence, test.against, test.workload)
    comparison = evidence.require(first, second, test.workload)
    _refuse_without(evidence, test)
    rate = _rate(comparison)

    def decide(estimate: Estimate) -> Outcome:
        low, high = bounds(estimate)
        return "replicated" if high < test.much else "contradicted" if low > test.much else "inconclusive"

    if is_coarse(rate, decide):
        raise RefusedError(wording.coarse(rate))
    outcome = decide(rate)
    figures = [_figure(test, "", rate)]
    sentence = (
        f"{first.id}, the fastest here of its framework, served {wording.ratio(rate)} the requests of {second.id}, the "
        f"fastest of its own: {_verdict(outcome, comparison, rate, test.much, evidence.margin)}."
    )
    if first.server != second.server:
        same, told = _on_one_server(evidence, test, second)
        figures.append(_figure(test, f", both on {second.server}", same))
        sentence += f" The two differ in server as well; {told}."
    if (first.bridge, second.bridge) != (_NO_BRIDGE, _NO_BRIDGE):
        without, told = _without_bridges(evidence, test)
        figures.append(_figure(test, ", neither behind a bridge", without))
        sentence += f" {told}."
    return verdict_on(
        claim,
        test,
        outcome,
        figures=tuple(figures),
        sentence=sentence,
        why=cause.best(evidence.summary(first, test.workload), evidence.summary(second, test.workload), comparison),
        standing=comparison.standing,
    )


def _refuse_without(evidence: Evidence, test: ClaimTest) -> None:
    there = {contender.id for contender in participants(evidence.run, test.workload)}
    absent = [contender for contender in test.among.split() if contender not in there]
    if absent:
        options = " ".join(f"--contender {contender}" for contender in absent)
        raise RefusedError(
            f"The best of each framework are compared when both are measured, and {' and '.join(absent)} was not: add "
            f"{options}, or choose no contenders."
        )


def _fastest(
    evidence: Evidence, framework: str, workload: str, *, server: str | None = None, bridge: str | None = None
) -> Contender:
    rates: dict[Contender, float] = {}
    for contender in participants(evidence.run, workload):
        if contender.framework != framework:
            continue
        if server not in (None, contender.server) or bridge not in (None, contender.bridge):
            continue
        valid = evidence.valid(contender, workload)
        # One lucky round must not make a winner.
        if len(valid) >= MINIMUM_ROUNDS:
            rates[contender] = geometric_mean([measures.rate_per_s(trial) for trial in valid]).value
    if not rates:
        raise RefusedError(
            f"No contender of {framework} has {MINIMUM_ROUNDS} valid rounds under the workload {workload}{_on(server)}:"
            f" add one with --contender '{framework}-*', or run more with --rounds."
        )
    return max(rates, key=lambda contender: rates[contender])


def _on(server: str | None) -> str:
    return "" if server is None else f" on {server}"


def _on_one_server(evidence: Evidence, test: ClaimTest, second: Contender) -> tuple[Estimate | None, str]:
    """Return the ratio on the second's server, and what it means."""
    try:
        first = _fastest(evidence, test.framework, test.workload, server=second.server)
        rate = _rate(evidence.require(first, second, test.workload))
    except RefusedError:
        return (
            None,
            f"{test.framework} was not measured on {second.server}, so the server's share is unknown",
        )
    return rate, f"on {second.server} alone, one factor at a time, {first.id} served {wording.ratio(rate)}"


def _without_bridges(evidence: Evidence, test: ClaimTest) -> tuple[Estimate | None, str]:
    """Return the ratio of the fastest without a bridge, and what it means."""
    try:
        first = _fastest(evidence, test.framework, test.workload, bridge=_NO_BRIDGE)
        second = _fastest(evidence, test.against, test.workload, bridge=_NO_BRIDGE)
        rate = _rate(evidence.require(first, second, test.workload))
    except RefusedError:
        return None, "How they compare without a bridge is unknown"
    return rate, f"Without a bridge, {first.id} served {wording.ratio(rate)} the requests of {second.id}"


def _rate(comparison: Comparison) -> Estimate:
    # Every valid trial has a rate, and there are pairs of them.
    assert comparison.rate is not None  # noqa: S101
    return comparison.rate


def _verdict(outcome: Outcome, comparison: Comparison, rate: Estimate, much: float, margin: float) -> str:
    if outcome == "contradicted":
        return f"much better, which begins at {wording.times(much)} ×"
    if outcome == "inconclusive":
        return (
            f"the interval reaches to both sides of {wording.times(much)} ×, where much better begins; run more rounds "
            f"(--rounds {2 * rate.samples}) or longer trials (--duration)"
        )
    if comparison.standing in ("faster", "slower"):
        return f"better, but not {wording.times(much)} ×" if rate.value > 1 else "not better at all"
    return wording.found(comparison.standing, rate, margin, "more", "fewer")


def _figure(test: ClaimTest, where: str, estimate: Estimate | None) -> Figure:
    return Figure(name=f"rate {test.framework}/{test.against}{where}", unit="×", estimate=estimate, tutorial_value=None)
