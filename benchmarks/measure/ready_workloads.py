"""Readiness as workloads: a database and two upstreams, asked by one, by a few and by many connections."""

from __future__ import annotations

import dataclasses

from benchmarks.model import LoadProfile, Workload

UPSTREAM_WAIT_MS = 20
"""How long each upstream takes, milliseconds."""

UPSTREAMS = 2
"""How many there are, beside a database that answers at once."""

CONNECTIONS = (1, 10, 100)

WORKLOADS = tuple(
    Workload(
        name=f"ready-{connections}",
        path="/health/ready/{variant}",
        wait_ms=UPSTREAM_WAIT_MS,
        waits=UPSTREAMS,
        answer="ready",
    )
    for connections in CONNECTIONS
)

STARTUP_ESTIMATE_S = 0.7
"""What a server takes longer that loads what it asks a database and upstreams with. For an estimate, no more."""


def load_of(workload: Workload, load: LoadProfile) -> LoadProfile:
    """Return the load of a workload, that of others who wait, but for the number of connections."""
    return dataclasses.replace(load, vus=CONNECTIONS[WORKLOADS.index(workload)]) if workload in WORKLOADS else load
