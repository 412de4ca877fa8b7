"""Judges a run by the ledger: every verdict, summary, comparison and note of a report, and when a run may stop."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from benchmarks.judge import best, documents, ratio, selections, threads
from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.comparison import REFUSED
from benchmarks.judge.evidence import Evidence, RefusedError, verdict_on
from benchmarks.judge.judgement import Estimate, Judgement, Verdict
from benchmarks.judge.notes import notes
from benchmarks.judge.planning import FEWEST_ROUNDS
from benchmarks.model import Run

_FIND: Mapping[str, Callable[[Evidence, Claim, ClaimTest], Verdict]] = {
    "documents": documents.find,
    "ratio": ratio.find,
    "waits": threads.find_waits,
    "event-loop": threads.find_event_loop,
    "best": best.find,
}
"""How each kind of test is judged, for the serving that the test names."""


def judge(run: Run, claims: tuple[Claim, ...], margin: float | None = None) -> Judgement:
    """Judge a run, whole or interrupted, by what it has.

    Args:
        run: As it was journalled.
        claims: The ledger.
        margin: Half-width of what counts as equal, 0.05 for ±5 %; by default the plan's.
    Raises:
        ValueError: The margin is not between 0 and 1.
    """
    margin = run.plan.margin if margin is None else margin
    if not 0 < margin < 1:
        raise ValueError(f"The margin must be between 0 and 1, such as 0.05 for ±5 %, not {margin}.")
    evidence = Evidence(run, margin)
    bridges, bridge_costs = selections.bridges(evidence)
    return Judgement(
        verdicts=tuple(
            verdict for claim in claims for test in claim.tests for verdict in _judge(evidence, claim, test)
        ),
        summaries=evidence.summaries(),
        twins=selections.twins(evidence, headlines(claims)),
        bridges=bridges,
        bridge_costs=bridge_costs,
        placebo=evidence.placebo,
        placebo_failed=evidence.placebo_failed,
        ceiling_per_s=evidence.ceilings_per_s,
        margin=margin,
        notes=(*notes(evidence), *([] if evidence.placebo_note is None else [evidence.placebo_note])),
        duels=selections.duels(evidence),
    )


def headlines(claims: Iterable[Claim]) -> set[tuple[str, str]]:
    """Return arrangement and workload of every pair of twins that a claim is judged on."""
    return {(test.arrangement, test.workload) for claim in claims for test in claim.tests}


def reached(run: Run, claims: Sequence[Claim], precision: float) -> str | None:
    """Say that the precision is reached, or return ``None`` if the run must continue.

    Only rates count: of the headline twins under every workload, and of what is
    compared with a reference.

    Args:
        run: So far.
        claims: The ledger, which says what is a headline.
        precision: Half-width of an interval, as a fraction: 0.03 for ±3 %.
    """
    evidence, wanted = Evidence(run), headlines(claims)
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
    """Return how far an interval reaches upwards, as a fraction of the estimate; infinite if there is none."""
    if rate is None or rate.samples < FEWEST_ROUNDS or rate.high is None:
        return math.inf
    return rate.high / rate.value - 1


def _judge(evidence: Evidence, claim: Claim, test: ClaimTest) -> Iterator[Verdict]:
    """Yield the verdict on the headline, then on every other serving of the framework in the run; none if not asked."""
    if not evidence.asks(test.workload):
        return
    others = evidence.servings(test.framework, test.workload) if test.serving else ()
    for serving in dict.fromkeys((test.serving, *others)):
        tried = dataclasses.replace(test, serving=serving)
        try:
            verdict = _FIND[test.kind](evidence, claim, tried)
        except RefusedError as refusal:
            verdict = verdict_on(claim, tried, "refused", sentence=REFUSED, why=str(refusal), standing="refused")
        yield dataclasses.replace(verdict, headline=serving == test.serving)
