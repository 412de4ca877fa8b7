"""Judges a run: selects its comparisons, tries the ledger's claims on them, and says when the run may stop."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from benchmarks.judge import cause, documents, field, ratio, threads
from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.comparison import REFUSED
from benchmarks.judge.evidence import AbsentError, Evidence, RefusedError, verdict_on
from benchmarks.judge.judgement import Comparison, Judgement, RequestCost, Verdict
from benchmarks.judge.notes import notes
from benchmarks.judge.planning import FEWEST_ROUNDS
from benchmarks.judge.trials import participants
from benchmarks.model import RACE, Contender, Run

_NO_BRIDGE = "none"

_FIND: Mapping[str, Callable[[Evidence, Claim, ClaimTest], Verdict]] = {
    "documents": documents.find,
    "ratio": ratio.find,
    "waits": threads.find_waits,
    "event-loop": threads.find_event_loop,
    "best": ratio.find_best,
}
"""How each kind of test is judged, for the serving that the test names."""


def judge(run: Run, claims: tuple[Claim, ...]) -> Judgement:
    """Judge a run, whole or interrupted, by what it has, and by the ledger."""
    evidence = Evidence(run)
    behind_bridges, bridge_costs = bridges(evidence)
    each_with_one = duels(evidence)
    return Judgement(
        verdicts=tuple(
            verdict for claim in claims for test in claim.tests for verdict in _judge(evidence, claim, test)
        ),
        summaries=evidence.summaries(),
        twins=twins(evidence, headlines(claims)),
        bridges=behind_bridges,
        bridge_costs=bridge_costs,
        placebo=evidence.placebo,
        placebo_failed=evidence.placebo_failed,
        ceiling_per_s=evidence.ceilings_per_s,
        margin=run.plan.margin,
        notes=(*notes(evidence), *([] if evidence.placebo_note is None else [evidence.placebo_note])),
        duels=each_with_one,
        fields=tuple(field.fields(evidence, each_with_one)),
    )


def headlines(claims: Iterable[Claim]) -> set[tuple[str, str]]:
    """Return arrangement and workload of every pair of twins that a claim is judged on."""
    return {(test.arrangement, test.workload) for claim in claims for test in claim.tests}


def reached(run: Run, claims: Sequence[Claim], precision: float) -> str | None:
    """Say that the precision is reached, or return ``None`` if the run must continue.

    Only rates count: of the headline twins under every workload, and of what is compared with a reference.

    Args:
        run: So far.
        claims: The ledger, which says what is a headline.
        precision: Half-width of an interval, as a fraction: 0.03 for ±3 %.
    """
    evidence, wanted = Evidence(run), headlines(claims)
    pairs = [
        *(pair for pair in twin_pairs(run) if (pair[1].arrangement, pair[2]) in wanted),
        *(duel_pairs(run) if run.plan.against is not None else ()),
    ]
    rates = [evidence.compare(*pair).rate for pair in pairs]
    precise = [
        rate.samples
        for rate in rates
        if rate is not None and rate.high is not None and rate.samples >= FEWEST_ROUNDS
        if rate.high / rate.value - 1 <= precision
    ]
    if not pairs or len(precise) < len(pairs):
        return None
    return f"Every headline interval was within ±{100 * precision:g} % after {min(precise)} rounds."


def _judge(evidence: Evidence, claim: Claim, test: ClaimTest) -> Iterator[Verdict]:
    """Yield the verdict on the headline, then on every other serving of the framework in the run; none if not asked."""
    if test.workload and test.workload not in evidence.workloads:
        return
    servings = [test.serving]
    if test.serving:
        there = participants(evidence.run, test.workload)
        servings += [each.serving for each in there if each.framework == test.framework and each.variant is not None]
    for serving in dict.fromkeys(servings):
        tried = dataclasses.replace(test, serving=serving)
        try:
            verdict = _FIND[test.kind](evidence, claim, tried)
        except RefusedError as refusal:
            # Where users compare their own apps, the ledger's claims on other apps were not asked.
            if isinstance(refusal, AbsentError) and (test.is_beside or evidence.run.plan.against is not None):
                continue
            verdict = verdict_on(claim, tried, "refused", sentence=REFUSED, why=str(refusal), standing="refused")
        yield dataclasses.replace(verdict, headline=serving == test.serving)


def twin_pairs(run: Run) -> Iterator[tuple[Contender, Contender, str]]:
    """Yield async and sync of every arrangement that has both, and the workload, in the order of the plan."""
    for workload in run.plan.workloads:
        taking_part = participants(run, workload.name)
        asynchronous = {twin.arrangement: twin for twin in taking_part if twin.variant == "async"}
        for sync in taking_part:
            if sync.variant == "sync" and sync.arrangement in asynchronous:
                yield asynchronous[sync.arrangement], sync, workload.name


def twins(evidence: Evidence, claimed: Collection[tuple[str, str]]) -> tuple[Comparison, ...]:
    """Compare the twins of every arrangement that has both, under every workload; see ``headlines``."""
    return tuple(
        _with_cause(evidence, *pair, headline=(pair[1].arrangement, pair[2]) in claimed)
        for pair in twin_pairs(evidence.run)
    )


def duels(evidence: Evidence) -> tuple[Comparison, ...]:
    """Compare every contender with one reference: those of a race, or anybody's apps.

    Of a race twins are compared too. These are comparisons that a person can name beforehand. Which was the fastest is
    not asked, for the winner of many is partly luck's choice.

    Returns:
        By workload, in the plan's order; empty for a run without a reference.
    """
    narrows = evidence.run.plan.preset == RACE
    return tuple(_with_cause(evidence, *pair, narrows=narrows) for pair in duel_pairs(evidence.run))


def duel_pairs(run: Run) -> Iterator[tuple[Contender, Contender, str]]:
    """Yield each contender that is compared with a reference, the other side, and the workload."""
    for workload in run.plan.workloads:
        contenders = participants(run, workload.name)
        racing = run.plan.preset == RACE and run.plan.against is None
        references = contenders[:1] if racing else [each for each in contenders if each.id == run.plan.against]
        for reference in references:
            yield from ((each, reference, workload.name) for each in contenders if each is not reference)
        for sync, other in itertools.product(contenders[1:], repeat=2):
            if racing and (sync.arrangement, sync.variant, other.variant) == (other.arrangement, "sync", "async"):
                yield other, sync, workload.name


def bridges(evidence: Evidence) -> tuple[tuple[Comparison, ...], tuple[RequestCost, ...]]:
    """Compare, on every server, each bridge with the framework's way without one, and with other frameworks.

    Returns:
        The comparisons, and what a request of each contender in them costs, by workload, server and keyword; empty
        where no bridge took part beside anything without one, and of workloads that were asked at a given rate, at
        which all answer alike.
    """
    compared: list[Comparison] = []
    costs: list[RequestCost] = []
    for workload in evidence.run.plan.workloads:
        if evidence.run.plan.is_open(workload.name):
            continue
        there = participants(evidence.run, workload.name)
        for server, variant in itertools.product(dict.fromkeys(each.server for each in there), ("async", "sync")):
            contenders = [each for each in there if (each.server, each.variant) == (server, variant)]
            pairs = [
                (bridged, other)
                for bridged, other in itertools.product(contenders, repeat=2)
                if bridged.bridge != _NO_BRIDGE and other.bridge == _NO_BRIDGE and bridged.build == other.build
            ]
            if not pairs:
                continue
            # All of one keyword, so of one wait.
            wait_ms = workload.wait_ms_in(contenders[0].variant)
            summaries = [evidence.summary(contender, workload.name) for contender in contenders]
            requests = {cost.contender: cost for cost in cause.request_costs(summaries, wait_ms)}
            costs.extend(requests.values())
            for bridged, other in pairs:
                found = evidence.compare(bridged, other, workload.name)
                why = cause.bridge(requests[other.id], requests[bridged.id], found)
                compared.append(dataclasses.replace(found, cause=why))
    return tuple(compared), tuple(costs)


def _with_cause(evidence: Evidence, above: Contender, below: Contender, workload: str, **details: bool) -> Comparison:
    found = evidence.compare(above, below, workload, **details)
    beside = "" if above.framework == below.framework else cause.unequal(evidence.run, above.id, below.id)
    return dataclasses.replace(found, cause=f"{cause.of(evidence, above, below, found)} {beside}".strip())
