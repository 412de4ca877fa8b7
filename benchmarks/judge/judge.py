"""Judges a run by the ledger: every verdict, summary, comparison and note that a report tells, and when it may stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.judge import best, documents, event_loop, ratio, selections, trials, waits
from benchmarks.judge.budget import FEWEST_ROUNDS
from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.comparison import MARGIN, REFUSED
from benchmarks.judge.evidence import Evidence, Finding, RefusedError, evidence_of, judge_placebo
from benchmarks.judge.judgement import Estimate, Figure, Judgement, Verdict
from benchmarks.judge.notes import notes
from benchmarks.model import Run


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a kind of test is judged: what it finds of one serving, and what it would have measured."""

    find: Callable[[Evidence, Claim, ClaimTest, str], Finding]
    unmeasured: Callable[[Claim, ClaimTest], tuple[Figure, ...]]


_KINDS: Mapping[str, _Kind] = {
    "documents": _Kind(documents.find, documents.unmeasured),
    "ratio": _Kind(ratio.find, ratio.unmeasured),
    "waits": _Kind(waits.find, waits.unmeasured),
    "event-loop": _Kind(event_loop.find, event_loop.unmeasured),
    "best": _Kind(best.find, best.unmeasured),
}


def judge(run: Run, claims: tuple[Claim, ...], margin: float = MARGIN) -> Judgement:
    """Judge a run, whole or interrupted, by what it has.

    Args:
        run: As it was journalled.
        claims: The ledger.
        margin: Half-width of what counts as equal; 0.05 for ±5 %.
    Raises:
        ValueError: The margin is not between 0 and 1.
    """
    if not 0 < margin < 1:
        raise ValueError(f"The margin must be between 0 and 1, such as 0.05 for ±5 %, not {margin}.")
    placebo = judge_placebo(run, margin)
    ceilings = trials.ceilings(run.calibration)
    evidence = Evidence(run=run, margin=margin, placebo_failed=placebo.failed, ceiling_per_s=trials.ceiling(ceilings))
    bridges, bridge_costs = selections.bridges(evidence)
    return Judgement(
        verdicts=tuple(
            verdict for claim in claims for test in claim.tests for verdict in _judge(evidence, claim, test)
        ),
        summaries=evidence.summaries(),
        twins=selections.twins(evidence, headlines(claims)),
        bridges=bridges,
        bridge_costs=bridge_costs,
        placebo=placebo.rate,
        placebo_failed=placebo.failed,
        ceiling_per_s=ceilings,
        margin=margin,
        notes=(*notes(evidence), *([] if placebo.note is None else [placebo.note])),
        duels=selections.duels(evidence),
    )


def headlines(claims: Iterable[Claim]) -> set[tuple[str, str]]:
    """Return arrangement and workload of every pair of twins that a claim is judged on."""
    return {(_arrangement(test, test.serving), test.workload) for claim in claims for test in claim.tests}


def reached(run: Run, claims: Sequence[Claim], precision: float) -> str | None:
    """Say that the precision is reached, or return ``None`` when the run must go on.

    Only rates are looked at: of the headline twins under every workload in which they take part, and of what is
    compared with a reference.

    Args:
        run: So far.
        claims: The ledger, which says what is a headline.
        precision: Half-width of an interval, as a fraction: 0.03 for ±3 %.
    """
    evidence, wanted = evidence_of(run), headlines(claims)
    pairs = [
        *(pair for pair in selections.twin_pairs(run) if (pair[1].arrangement, pair[2]) in wanted),
        *(selections.duel_pairs(run) if run.plan.against is not None else ()),
    ]
    rates = [evidence.compare(above, below, workload).rate for above, below, workload in pairs]
    widths = [_half_width(rate) for rate in rates]
    if not widths or max(widths) > precision:
        return None
    rounds = min(rate.samples for rate in rates if rate is not None)
    return f"Every headline interval was within ±{100 * precision:g} % after {rounds} rounds."


def _half_width(rate: Estimate | None) -> float:
    """Return how far an interval reaches upwards, as a fraction of the estimate; infinite where there is none."""
    if rate is None or rate.samples < FEWEST_ROUNDS or rate.high is None:
        return math.inf
    return rate.high / rate.value - 1


def _judge(evidence: Evidence, claim: Claim, test: ClaimTest) -> Iterator[Verdict]:
    """Yield the verdict on the headline, then on every other serving of the framework in the run; none if not asked."""
    if not evidence.asks(test.workload):
        return
    yield _verdict(evidence, claim, test, test.serving)
    if test.serving:
        for serving in evidence.servings(test.framework, test.workload):
            if serving != test.serving:
                yield _verdict(evidence, claim, test, serving)


def _verdict(evidence: Evidence, claim: Claim, test: ClaimTest, serving: str) -> Verdict:
    kind = _KINDS[test.kind]
    try:
        finding = kind.find(evidence, claim, test, serving)
    except RefusedError as refusal:
        finding = Finding(
            outcome="refused",
            figures=kind.unmeasured(claim, test),
            sentence=REFUSED,
            why=str(refusal),
            standing="refused",
        )
    return Verdict(
        claim=claim.id,
        number=claim.number,
        subject=test.subject,
        arrangement=_arrangement(test, serving),
        workload=test.workload,
        headline=serving == test.serving,
        outcome=finding.outcome,
        figures=finding.figures,
        sentence=finding.sentence,
        why=finding.why,
        # The figures may be fine enough for the claim and too coarse to tell a difference from none.
        standing="undecided" if finding.standing == "refused" != finding.outcome else finding.standing,
    )


def _arrangement(test: ClaimTest, serving: str) -> str:
    return f"{test.framework}@{serving}" if serving else ""
