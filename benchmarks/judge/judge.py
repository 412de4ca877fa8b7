"""Judges a run by the ledger: every verdict, summary, ratio and note that a report tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.judge import at_rate, best, bridges, documents, event_loop, head_to_head, ratio, trials, waits
from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.evidence import Evidence, Finding, RefusedError
from benchmarks.judge.judgement import Figure, Judgement, Verdict
from benchmarks.judge.notes import notes
from benchmarks.judge.placebo import judge_placebo
from benchmarks.judge.summaries import summarise_all, twin_ratios
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


def judge(run: Run, claims: tuple[Claim, ...], margin: float = 0.05) -> Judgement:
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
    return Judgement(
        verdicts=tuple(
            verdict for claim in claims for test in claim.tests for verdict in _judge(evidence, claim, test)
        ),
        summaries=summarise_all(run),
        twins=twin_ratios(run, headlines(claims)),
        bridges=bridges.compare(evidence),
        placebo=placebo.rate,
        placebo_failed=placebo.failed,
        ceiling_per_s=ceilings,
        margin=margin,
        notes=(*notes(evidence), *([] if placebo.note is None else [placebo.note])),
        at_rates=at_rate.compare(evidence),
        duels=head_to_head.compare(evidence),
    )


def headlines(claims: Iterable[Claim]) -> set[tuple[str, str]]:
    """Return arrangement and workload of every pair of twins that a claim is judged on."""
    return {(_arrangement(test, test.serving), test.workload) for claim in claims for test in claim.tests}


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
            outcome="refused", figures=kind.unmeasured(claim, test), sentence="Not judged.", why=str(refusal)
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
    )


def _arrangement(test: ClaimTest, serving: str) -> str:
    return f"{test.framework}@{serving}" if serving else ""
