"""Selects the comparisons of a report: twins, views behind bridges, and the contenders of a race."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence

from benchmarks.judge import cause
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judgement import Comparison, RequestCost
from benchmarks.judge.trials import participants
from benchmarks.model import RACE, Contender, Run

_NO_BRIDGE = "none"


def twin_pairs(run: Run) -> Iterator[tuple[Contender, Contender, str]]:
    """Yield async and sync of every arrangement that has both, and the workload, in the order of the plan."""
    for workload in (workload.name for workload in run.plan.workloads):
        taking_part = participants(run, workload)
        asynchronous = {twin.arrangement: twin for twin in taking_part if twin.variant == "async"}
        for sync in taking_part:
            if sync.variant == "sync" and sync.arrangement in asynchronous:
                yield asynchronous[sync.arrangement], sync, workload


def twins(evidence: Evidence, headlines: Collection[tuple[str, str]]) -> tuple[Comparison, ...]:
    """Compare the twins of every arrangement that has both, under every workload.

    Args:
        evidence: Of the run.
        headlines: Arrangement and workload of each pair that a claim is judged on.
    """
    return tuple(
        _with_cause(evidence, asynchronous, sync, workload, headline=(sync.arrangement, workload) in headlines)
        for asynchronous, sync, workload in twin_pairs(evidence.run)
    )


def duels(evidence: Evidence) -> tuple[Comparison, ...]:
    """Compare every contender with one reference: those of a race, or anybody's apps.

    Of a race twins are compared too. These are comparisons that a person can name beforehand. Which was the fastest is
    not asked, for the winner of many is partly luck's choice.

    Args:
        evidence: Of the run.
    Returns:
        By workload, in the plan's order; empty for a run without a reference.
    """
    plan = evidence.run.plan
    return tuple(
        _with_cause(evidence, contender, other, workload, narrows=plan.preset == RACE)
        for contender, other, workload in duel_pairs(evidence.run)
    )


def duel_pairs(run: Run) -> Iterator[tuple[Contender, Contender, str]]:
    """Yield each contender that is compared with a reference, the other side, and the workload."""
    for workload in (workload.name for workload in run.plan.workloads):
        contenders = participants(run, workload)
        if run.plan.preset == RACE and run.plan.against is None:
            yield from ((contender, other, workload) for contender, other in _raced(contenders))
        else:
            for reference in (each for each in contenders if each.id == run.plan.against):
                yield from ((each, reference, workload) for each in contenders if each is not reference)


def bridges(evidence: Evidence) -> tuple[tuple[Comparison, ...], tuple[RequestCost, ...]]:
    """Compare, on every server, each bridge with the framework's way without one, and with other frameworks.

    Args:
        evidence: Of the run.
    Returns:
        The comparisons, and what a request of each contender in them costs, by workload, server and keyword; empty
        where no bridge took part beside anything without one, and of workloads that were asked at a given rate, at
        which all answer alike.
    """
    compared: list[Comparison] = []
    costs: list[RequestCost] = []
    for workload in (workload.name for workload in evidence.run.plan.workloads):
        if evidence.run.plan.is_open(workload):
            continue
        for contenders in _side_by_side(participants(evidence.run, workload)):
            # All of one keyword, so of one wait.
            wait_ms = evidence.wait_ms(workload, contenders[0].variant)
            summaries = [evidence.summary(contender, workload) for contender in contenders]
            requests = {cost.contender: cost for cost in cause.request_costs(summaries, wait_ms)}
            costs.extend(requests.values())
            for bridged in contenders:
                for other in contenders:
                    if bridged.bridge != _NO_BRIDGE and other.bridge == _NO_BRIDGE:
                        found = evidence.compare(bridged, other, workload)
                        why = cause.bridge(requests[other.id], requests[bridged.id], found)
                        compared.append(dataclasses.replace(found, cause=why))
    return tuple(compared), tuple(costs)


def _with_cause(
    evidence: Evidence,
    above: Contender,
    below: Contender,
    workload: str,
    *,
    headline: bool = False,
    narrows: bool = False,
) -> Comparison:
    found = evidence.compare(above, below, workload, headline=headline, narrows=narrows)
    return dataclasses.replace(found, cause=cause.of(evidence, above, below, found))


def _raced(contenders: Sequence[Contender]) -> Iterator[tuple[Contender, Contender]]:
    for contender in contenders[1:]:
        yield contender, contenders[0]
    for sync in contenders[1:]:
        for other in contenders[1:]:
            if (sync.arrangement, sync.variant, other.variant) == (other.arrangement, "sync", "async"):
                yield other, sync


def _side_by_side(contenders: Sequence[Contender]) -> Iterator[list[Contender]]:
    for server in dict.fromkeys(contender.server for contender in contenders):
        for variant in ("async", "sync"):
            group = [
                contender for contender in contenders if (contender.server, contender.variant) == (server, variant)
            ]
            if len({contender.bridge == _NO_BRIDGE for contender in group}) == 2:
                yield group
