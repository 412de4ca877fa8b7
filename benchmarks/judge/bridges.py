"""Compares what a bridge makes of the same async def views, and of those of another framework, on the same server."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.judge import measures, why, wording
from benchmarks.judge.evidence import Evidence, RefusedError
from benchmarks.judge.judgement import BridgeRatio
from benchmarks.judge.summaries import participants
from benchmarks.model import Contender

_NO_BRIDGE = "none"


def compare(evidence: Evidence) -> tuple[BridgeRatio, ...]:
    """Compare every bridge with the framework's way without one, and with the other frameworks on that server.

    Args:
        evidence: Of the run.
    Returns:
        By workload, in the catalogue's order; empty where no bridge took part.
    """
    return tuple(
        _ratio(evidence, bridged, other, workload.name)
        for workload in evidence.run.plan.workloads
        for bridged, other in _pairs(participants(evidence.run, workload.name))
    )


def _pairs(contenders: tuple[Contender, ...]) -> Iterator[tuple[Contender, Contender]]:
    # The async def views: it is they that a bridge gives a thread, a loop, or neither.
    asynchronous = [contender for contender in contenders if contender.variant == "async"]
    for bridged in asynchronous:
        if bridged.bridge == _NO_BRIDGE:
            continue
        for other in asynchronous:
            if other.server == bridged.server and other.bridge == _NO_BRIDGE:
                yield bridged, other


def _ratio(evidence: Evidence, bridged: Contender, other: Contender, workload: str) -> BridgeRatio:
    wait_ms = evidence.wait_ms(workload)
    rate = None
    try:
        rate = measures.ratio(evidence.pairs(bridged, other, workload), measures.rate_per_s)
        sentence = f"{bridged.id} served {wording.ratio(rate)} the requests of {other.id}."
        cause = why.bridges(evidence.summary(bridged, workload), evidence.summary(other, workload), wait_ms)
    except RefusedError as refusal:
        sentence, cause = "Not compared.", str(refusal)
    return BridgeRatio(contender=bridged.id, other=other.id, workload=workload, rate=rate, sentence=sentence, why=cause)
