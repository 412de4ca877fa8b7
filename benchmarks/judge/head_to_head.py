"""Judges a race: how many times the requests of another each contender served, and whether that is a difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.judge import measures, why, wording
from benchmarks.judge.evidence import MINIMUM_ROUNDS, Evidence, RefusedError, found
from benchmarks.judge.judgement import Duel
from benchmarks.judge.summaries import participants
from benchmarks.model import RACE, Contender


def compare(evidence: Evidence) -> tuple[Duel, ...]:
    """Compare the contenders of a race.

    Every other is held against the first, and twins against each other: that is at most four comparisons, each of which
    a person can name beforehand. Which was the fastest is not asked, for the winner of many is partly luck's choice.

    Args:
        evidence: Of the run.
    Returns:
        By workload, in the plan's order; empty for a run that was no race.
    """
    if evidence.run.plan.preset != RACE:
        return ()
    return tuple(
        _duel(evidence, contender, other, workload.name)
        for workload in evidence.run.plan.workloads
        for contender, other in _pairs(participants(evidence.run, workload.name))
    )


def _pairs(contenders: Sequence[Contender]) -> Iterator[tuple[Contender, Contender]]:
    for contender in contenders[1:]:
        yield contender, contenders[0]
    for sync in contenders[1:]:
        for other in contenders[1:]:
            if (sync.arrangement, sync.variant, other.variant) == (other.arrangement, "sync", "async"):
                yield other, sync


def _duel(evidence: Evidence, contender: Contender, other: Contender, workload: str) -> Duel:
    try:
        pairs = evidence.pairs(contender, other, workload)
        rate = measures.ratio(pairs, measures.rate_per_s, evidence.confidence)
        told = found(rate, evidence.margin, "more", "fewer")
    except RefusedError as refusal:
        return Duel(
            contender=contender.id,
            other=other.id,
            workload=workload,
            rate=None,
            narrowing=(),
            outcome="refused",
            sentence="Not judged.",
            why=str(refusal),
        )
    outcome = wording.standing(rate, evidence.margin)
    one, two = evidence.summary(contender, workload), evidence.summary(other, workload)
    are_twins = contender.arrangement == other.arrangement and contender.variant == "async"
    wait_ms = evidence.wait_ms(workload)
    return Duel(
        contender=contender.id,
        other=other.id,
        workload=workload,
        rate=rate,
        narrowing=tuple(
            measures.ratio(pairs[:rounds], measures.rate_per_s, evidence.confidence)
            for rounds in range(MINIMUM_ROUNDS, len(pairs) + 1)
        ),
        outcome=outcome,
        sentence=(
            f"{contender.id} served {wording.ratio(rate)} the requests of {other.id}: "
            f"{told}{'; more rounds may tell' if outcome == 'undecided' else ''}."
        ),
        why=why.twins(two, one, rate, wait_ms) if are_twins else why.best(one, two, rate),
    )
