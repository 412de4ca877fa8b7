"""The workloads: what requests ask for, one entry each, under the name by which a person asks for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.errors import LabError
from benchmarks.model import ALIKE, EQUAL_RATE, HEALTH_BODY, Contender, Workload

UPSTREAM_WAIT_MS = 20
"""How long each upstream of readiness takes, milliseconds."""

UPSTREAMS = 2
"""How many there are, beside a database that answers at once."""

HEALTH = Workload(name="health", path="/health/{variant}")
WAIT = Workload(name="wait", path="/wait/{variant}?ms=50", wait_ms=50.0)
LATENCY = Workload(name=EQUAL_RATE, path=HEALTH.path)
_READY = {
    Workload(
        name=f"ready-{connections}",
        path="/health/ready/{variant}",
        wait_ms=UPSTREAM_WAIT_MS,
        waits=UPSTREAMS,
        answer="ready",
    ): connections
    for connections in (1, 10, 100)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a person asks for by one name: one workload, or a few that belong together.

    Those that wait have the load of a preset for waiting, the others its load for health.

    Attributes:
        workloads: Which; the first one's ``answer`` says whose expected answer this is.
        is_usual: Whether it is asked by default.
        connections: How many at once, by the workload's name, where that is not the preset's to say.
        content_type: Of the expected answer.
        body: Of it, as JSON.
        needs_dependencies: Whether servers need a database and upstreams for it.
        startup_s: What a server takes longer to start for it, seconds; for estimates.
    """

    workloads: tuple[Workload, ...]
    is_usual: bool = False
    connections: Mapping[str, int] = field(default_factory=dict)
    content_type: str = "application/json"
    body: Mapping[str, str | int] = field(default_factory=lambda: HEALTH_BODY)
    needs_dependencies: bool = False
    startup_s: float = 0.0


WORKLOADS: Mapping[str, Offer] = {
    "health": Offer(workloads=(HEALTH,), is_usual=True),
    "wait": Offer(workloads=(WAIT,), is_usual=True),
    "ready": Offer(
        workloads=tuple(_READY),
        connections={workload.name: connections for workload, connections in _READY.items()},
        content_type="application/health+json",
        body={"status": "pass"},
        needs_dependencies=True,
        startup_s=0.7,
    ),
}

_QUICK_MS = 5.0
"""To answer one user, at most."""

_ANYTHING = Offer(workloads=())
"""Of requests to a user's apps, whose answers are compared with each other."""

USUAL: tuple[str, ...] = tuple(name for name, offer in WORKLOADS.items() if offer.is_usual)


def offer_of(workload: Workload) -> Offer:
    """Return the offer whose expected answer a workload's must be.

    Raises:
        LabError: No offer has such an answer: the run is of a lab that had other workloads.
    """
    if workload.answer == ALIKE:
        return _ANYTHING
    for offer in WORKLOADS.values():
        if offer.workloads[0].answer == workload.answer:
            return offer
    raise LabError(
        f"The workload {workload.name!r} expects the answer {workload.answer!r}, which this version of lab does not "
        "know: resume the run with the version that began it."
    )


def is_quick(workload: Workload) -> bool:
    """Say whether many answers fit into a slice of a load, of a twentieth of a second."""
    return max(workload.alone_ms.values(), default=0.0) <= _QUICK_MS


def mixed(name: str, requests: Sequence[Workload]) -> Workload:
    """Return the workload that mixes requests: an answer is valid there if it would be one to any of them.

    Args:
        name: Of the workload.
        requests: One at least; their weights say how often each is asked.
    """
    usual = () if all(each.statuses for each in requests) else tuple(range(200, 300))
    statuses = {status for each in requests for status in each.statuses or usual}
    return dataclasses.replace(
        requests[0],
        name=name,
        wait_ms=max(each.wait_ms for each in requests),
        alone_ms={name: max(each.alone_ms[name] for each in requests) for name in requests[0].alone_ms},
        statuses=tuple(sorted(statuses)) if any(each.statuses for each in requests) else (),
        holds="nothing",
        differences=tuple(line for each in requests for line in each.differences),
        users=next((each.users for each in requests if each.users), None),
        rate_per_s=next((each.rate_per_s for each in requests if each.rate_per_s), None),
        mix=tuple(requests),
    )


def takes_part(contender: Contender, workload: Workload) -> bool:
    """Say whether a contender can be asked this: a bare server has no view that waits, nor another answer."""
    if not contender.is_own or workload.answer == ALIKE:
        return True
    return contender.variant is not None or (workload.wait_ms == 0 and workload.answer == HEALTH.answer)
