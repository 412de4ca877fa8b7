"""Makes trials of servers whose truth is known: so many threads, so much CPU a request, and a wait."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.measure import sweep
from benchmarks.model import LatencySummary, LoadResult, Observation, Place, Trial


@dataclass(frozen=True, slots=True)
class Truth:
    """What limits a made-up server.

    Attributes:
        threads: Waits that it holds at once; ``None`` for any number.
        cpu_us: CPU time a request, microseconds.
        service_ms: Time of an answer alone, beyond the wait, milliseconds.
    """

    threads: int | None
    cpu_us: float
    service_ms: float


TRUTHS: Mapping[str, Truth] = {
    "flask-sync@hypercorn": Truth(6, 450.0, 0.7),
    "flask-async@hypercorn": Truth(6, 900.0, 1.2),
    "flask-async@hypercorn+eventloop": Truth(None, 290.0, 0.4),
    "fastapi-async@uvicorn": Truth(None, 120.0, 0.25),
}
"""About what the four usual contenders are on a machine with two cores."""


def allowed_per_s(truth: Truth, place: Place, roundness: float | None = None) -> float:
    """Return the rate of a made-up server.

    Args:
        truth: What limits it.
        place: Where.
        roundness: How soon its knees round off, as an exponent: 6 is 11 % below two bounds that are equal; ``None`` for
            no rounding at all.
    """
    bounds = [place.connections / ((place.wait_ms + truth.service_ms) / 1000), 1e6 / truth.cpu_us]
    if truth.threads is not None and place.wait_ms > 0:
        bounds.append(truth.threads / (place.wait_ms / 1000))
    if roundness is None:
        return min(bounds)
    return float(sum(bound**-roundness for bound in bounds) ** (-1 / roundness))


def made_up_trial(contender: str, truth: Truth, place: Place, rate_per_s: float, visit: int) -> Trial:
    """Return the trial of a made-up server at a place, with a rate."""
    average_ms = place.connections / rate_per_s * 1000
    load = dataclasses.replace(sweep.LOAD, vus=round(place.connections))
    return Trial(
        round=visit,
        position=1,
        contender=contender,
        workload=sweep.wait_workload(place.wait_ms).name,
        started_at="2026-01-01T00:00:00.000+00:00",
        load=load,
        result=LoadResult(
            completed=max(1, round(rate_per_s * load.duration_s)),
            duration_s=load.duration_s,
            errors={},
            statuses={"200": 1},
            unfinished=0,
            sent_bytes=1,
            received_bytes=1,
            loader_cpu_s=0.1,
            latency=LatencySummary(
                average_ms=average_ms,
                minimum_ms=average_ms / 2,
                median_ms=average_ms,
                maximum_ms=average_ms * 2,
                p90_ms=average_ms,
                p95_ms=average_ms,
                p99_ms=average_ms,
            ),
            histogram=None,
        ),
        observation=Observation(
            cpu_user_us_per_request=truth.cpu_us,
            cpu_system_us_per_request=0.0,
            voluntary_switches_per_request=None,
            involuntary_switches_per_request=None,
            threads_started_per_request=None,
            cpu_fraction=rate_per_s * truth.cpu_us / 1e6,
            processes=1,
            threads=50,
            running_threads=1 + min(truth.threads or 0, round(place.connections)),
            epoll_descriptors=1,
            resident_bytes=1,
        ),
    )
