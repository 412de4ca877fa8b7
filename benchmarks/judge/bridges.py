"""Compares what each bridge makes of the same views, and the views of other frameworks, on the same server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.judge import measures, trials, wording
from benchmarks.judge.costs import Cost, accounts_for, cost_of, runs_a_loop
from benchmarks.judge.evidence import Evidence, RefusedError, found
from benchmarks.judge.judgement import BridgeComparison, BridgeCost, BridgeRatio, Estimate, Summary
from benchmarks.judge.summaries import participants
from benchmarks.judge.why import NOT_OBSERVED
from benchmarks.model import Contender

_NO_BRIDGE = "none"
_SAME_RATIO = 1.1
"""Numbers of waits closer than this are taken for the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """A request of one contender, as observed, and as it is told: a thread counts where requests start it."""

    cost: Cost | None
    threads: float | None
    loops: float | None
    waits: float | None


def compare(evidence: Evidence) -> tuple[BridgeComparison, ...]:
    """Compare, on every server, each bridge with the framework's way without one, and with other frameworks.

    Args:
        evidence: Of the run.
    Returns:
        By workload, server and keyword; empty where no bridge took part beside anything without one, and of workloads
        that were asked at a given rate, at which all answer alike.
    """
    return tuple(
        _comparison(evidence, contenders, workload.name)
        for workload in evidence.run.plan.workloads
        if not evidence.run.plan.is_open(workload.name)
        for contenders in _side_by_side(participants(evidence.run, workload.name))
    )


def _side_by_side(contenders: Sequence[Contender]) -> Iterator[list[Contender]]:
    for server in dict.fromkeys(contender.server for contender in contenders):
        for variant in ("async", "sync"):
            group = [
                contender for contender in contenders if (contender.server, contender.variant) == (server, variant)
            ]
            if len({contender.bridge == _NO_BRIDGE for contender in group}) == 2:
                yield group


def _comparison(evidence: Evidence, contenders: Sequence[Contender], workload: str) -> BridgeComparison:
    requests = _requests(evidence, contenders, workload)
    return BridgeComparison(
        server=contenders[0].server,
        variant=str(contenders[0].variant),
        workload=workload,
        costs=tuple(_cost(contender, requests[contender]) for contender in contenders),
        ratios=tuple(
            _ratio(evidence, workload, bridged, other, (requests[other], requests[bridged]))
            for bridged in contenders
            for other in contenders
            if bridged.bridge != _NO_BRIDGE and other.bridge == _NO_BRIDGE
        ),
    )


def _requests(evidence: Evidence, contenders: Sequence[Contender], workload: str) -> dict[Contender, _Request]:
    summaries = {contender: evidence.summary(contender, workload) for contender in contenders}
    seen = [summary.epoll_descriptors for summary in summaries.values()]
    fewest_epoll = min((epoll for epoll in seen if epoll is not None), default=None)
    return {
        contender: _request(
            cost_of(summary, contender.id),
            fewest_epoll,
            _waits(summary, evidence.wait_ms(workload, contender.variant)),
        )
        for contender, summary in summaries.items()
    }


def _request(cost: Cost | None, fewest_epoll: float | None, waits: float | None) -> _Request:
    threads = loops = None
    if cost is not None and cost.started is not None:
        threads = cost.started if cost.starts_threads else 0.0
        if cost.epoll is not None:
            loops = threads if runs_a_loop(cost.epoll, fewest_epoll) else 0.0
    return _Request(cost=cost, threads=threads, loops=loops, waits=waits)


def _waits(summary: Summary, wait_ms: float) -> float | None:
    # Little's law, as in waits.py.
    return summary.rate_per_s.value * wait_ms / 1_000 if wait_ms and summary.rate_per_s is not None else None


def _cost(contender: Contender, request: _Request) -> BridgeCost:
    cost = request.cost
    return BridgeCost(
        contender=contender.id,
        threads_started=request.threads,
        loops_started=request.loops,
        voluntary_switches=None if cost is None else cost.switches,
        cpu_us=None if cost is None else cost.cpu_us,
        waits=request.waits,
        running_threads=None if cost is None else cost.running,
    )


def _ratio(
    evidence: Evidence, workload: str, bridged: Contender, other: Contender, requests: tuple[_Request, _Request]
) -> BridgeRatio:
    seen = trials.paired(evidence.valid(bridged, workload), evidence.valid(other, workload))
    rate = measures.ratio_where_seen(seen, measures.rate_per_s, evidence.confidence)
    refused = False
    try:
        judged = measures.ratio(evidence.pairs(bridged, other, workload), measures.rate_per_s, evidence.confidence)
        word = found(judged, evidence.margin, "more", "fewer")
        sentence = f"{bridged.id} served {wording.ratio(judged)} the requests of {other.id}: {word}."
        why = _why(*requests, judged)
    except RefusedError as refusal:
        refused, sentence, why = True, "Not judged.", str(refusal)
    return BridgeRatio(
        contender=bridged.id,
        other=other.id,
        same_framework=bridged.framework == other.framework,
        rate=rate,
        refused=refused,
        sentence=sentence,
        why=why,
    )


def _why(before: _Request, after: _Request, rate: Estimate) -> str:
    """Say what a request costs without the bridge and with it, and what follows from it."""
    if before.cost is None or after.cost is None:
        return NOT_OBSERVED
    changes = [
        *_started(before, after),
        _change("voluntary switches", _number(before.cost.switches), _number(after.cost.switches)),
        _change("CPU", f"{before.cost.cpu_us:,.0f}", f"{after.cost.cpu_us:,.0f} µs"),
    ]
    if before.waits is not None and after.waits is not None:
        changes.append(_change("waits at once", wording.count(before.waits), wording.count(after.waits)))
        follows = _waiting(before.waits, after.waits, after.cost.running)
    else:
        follows = _accounting(before.cost.cpu_us / after.cost.cpu_us, rate)
    return f"Each request, without → behind the bridge: {', '.join(changes)}{follows}."


def _started(before: _Request, after: _Request) -> Iterator[str]:
    if before.threads is None or after.threads is None:
        return
    if not before.threads and not after.threads:
        yield "no thread started either way"
        return
    loops = " and event loops" if before.loops or after.loops else ""
    yield _change(f"threads{loops} started", _number(before.threads), _number(after.threads))


def _change(what: str, before: str, after: str) -> str:
    return f"{what} {before} → {after}"


def _number(per_request: float) -> str:
    return wording.per_request(per_request) if per_request else "none"


def _accounting(cost_ratio: float, rate: Estimate) -> str:
    if not wording.excludes_one(rate):
        return ""
    if accounts_for(cost_ratio, rate):
        return f"; CPU time accounts for it, with {wording.times(cost_ratio)} ×"
    return f"; CPU time alone would make it {wording.times(cost_ratio)} ×"


def _waiting(before: float, after: float, running: float | None) -> str:
    if after < before / _SAME_RATIO:
        return "; fewer wait at once"
    if running is None:
        return ""
    if after > running:
        return f"; that is more than the {wording.threads(running)} that ran: a wait holds none"
    return f"; each holds one of the {wording.threads(running)} that ran"
