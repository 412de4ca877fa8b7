"""Holds what one request costs a server, as observed: threads and event loops started, switches, CPU time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.judge import measures, wording
from benchmarks.judge.judgement import Estimate, Summary

SWITCHES_OF_A_HOP = 1.0
"""Voluntary switches a request: handing work to another thread takes at least one, a thread that waits for it."""

_ACCOUNTED_RATIO = 1.25
"""A ratio of CPU times this close to the ratio of rates accounts for it, as one inside its interval does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one contender's request costs.

    Attributes:
        name: By which a sentence calls it.
        cpu_us: CPU time.
        switches: Voluntary switches.
        started: Threads started, as counted; ``None`` where that was not seen, as below.
        running: Threads that ran.
        epoll: Epoll descriptors that were open, the most seen.
    """

    name: str
    cpu_us: float
    switches: float
    started: float | None
    running: float | None
    epoll: float | None

    @property
    def starts_threads(self) -> bool:
        """Whether each request starts a thread."""
        return starts_threads(self.started, self.switches)

    def __str__(self) -> str:
        return f"{wording.per_request(self.switches)} voluntary switches and {self.cpu_us:,.0f} µs of CPU"


def cost_of(summary: Summary, name: str) -> Cost | None:
    """Return what a request costs, or ``None`` where CPU time or switches were not observed."""
    cpu, switches = summary.cpu_us_per_request, summary.voluntary_switches_per_request
    if cpu is None or switches is None:
        return None
    return Cost(
        name=name,
        cpu_us=cpu.value,
        switches=switches,
        started=summary.threads_started_per_request,
        running=summary.running_threads,
        epoll=summary.epoll_descriptors,
    )


def starts_threads(started: float | None, switches: float | None) -> bool:
    """Say whether each request starts a thread, and waits for it: a count of the whole machine alone proves nothing."""
    waited = switches is None or switches >= measures.NO_SWITCH_A_REQUEST
    return waited and started is not None and started >= measures.THREAD_A_REQUEST


def runs_a_loop(epoll: float | None, other_epoll: float | None) -> bool:
    """Say whether a started thread runs an event loop: more epoll descriptors were open than where none is started."""
    return epoll is not None and other_epoll is not None and epoll > other_epoll


def accounts_for(cost_ratio: float, rate: Estimate) -> bool:
    """Say whether a ratio of CPU times, the cheaper one's advantage, accounts for a ratio of rates."""
    close = abs(math.log(cost_ratio / rate.value)) <= math.log(_ACCOUNTED_RATIO)
    return close or wording.lies_in(cost_ratio, rate)
