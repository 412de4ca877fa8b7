"""Judges whether ``async def`` runs on an event loop over epoll in a single thread, by what the system saw of it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from benchmarks.judge import cause, measures, wording
from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.evidence import Evidence, RefusedError, verdict_on
from benchmarks.judge.judgement import Estimate, Figure, Outcome, Verdict
from benchmarks.judge.statistics import median_and_range
from benchmarks.judge.trials import ValidTrial
from benchmarks.model import Observation

NO_THREAD_A_REQUEST = 0.01
"""Threads started per request below which requests start none: the count is of the whole machine."""


def find(evidence: Evidence, claim: Claim, test: ClaimTest) -> Verdict:
    """Look at the threads that ran, the threads that were started and the epoll descriptors under load.

    Nothing here depends on the machine's speed, so one trial is evidence, even with a failed placebo or a busy loader;
    all trials must agree. Threads that ran count, not threads alive: uvloop keeps four that never run.

    Raises:
        RefusedError: See ``Evidence.find``; also when no trial is valid.
    """
    asynchronous = evidence.find(test.framework, "async", test.serving, test.workload)
    valid = evidence.valid(asynchronous, test.workload)
    if not valid:
        raise RefusedError(evidence.too_few(0, (asynchronous,), test.workload, needed=1))
    claimed = _claimed_threads(claim)
    outcome, doubt = _decide([seen for trial in valid if (seen := trial.trial.observation) is not None], claimed)
    ran = _seen(valid, lambda seen: seen.running_threads)
    epoll = _seen(valid, lambda seen: seen.epoll_descriptors)
    started = _seen(valid, lambda seen: seen.threads_started_per_request)
    sync = evidence.find_if_there(test.framework, "sync", test.serving, test.workload)
    sync_ran = _seen(evidence.valid(sync, test.workload) if sync else (), lambda seen: seen.running_threads)
    return verdict_on(
        claim,
        test,
        outcome,
        figures=(
            Figure(name="threads that ran, async (range)", unit="", estimate=ran, tutorial_value=claimed),
            Figure(name="epoll descriptors, async (range)", unit="", estimate=epoll, tutorial_value=None),
            Figure(name="threads started per request, async (range)", unit="", estimate=started, tutorial_value=None),
            Figure(name="threads that ran, sync (range)", unit="", estimate=sync_ran, tutorial_value=None),
        ),
        sentence=_sentence(ran, epoll, started, sync_ran) + doubt + ".",
        why=cause.event_loop(
            evidence.summary(sync, test.workload) if sync else None, evidence.summary(asynchronous, test.workload)
        ),
    )


def _decide(observations: Sequence[Observation], claimed: float) -> tuple[Outcome, str]:
    """Return the outcome, and why it is in doubt with what to do, to be added to the sentence; empty when it is not."""
    known = [
        (seen.running_threads, seen.epoll_descriptors)
        for seen in observations
        if seen.running_threads and seen.epoll_descriptors is not None
    ]
    if not known:
        return "inconclusive", "; these are told on Linux only: try it there"
    started = _started_by_requests(observations)
    if started or all(running > claimed or epoll == 0 for running, epoll in known):
        return "contradicted", ""
    if any(running > claimed or epoll == 0 for running, epoll in known):
        return "inconclusive", "; the trials disagree: run more rounds (--rounds) with nothing else running"
    if started is None:
        return "inconclusive", "; something starts threads, which may not be the server: stop it and run again"
    return "replicated", ""


def _started_by_requests(observations: Sequence[Observation]) -> bool | None:
    """Say whether each request started a thread; ``None`` when what was seen allows both.

    What else runs on the machine can only add to the count of threads started, so the least of the trials counts.
    """
    counts = [seen.threads_started_per_request for seen in observations if seen.threads_started_per_request is not None]
    switches = [
        seen.voluntary_switches_per_request for seen in observations if seen.voluntary_switches_per_request is not None
    ]
    waited = not switches or statistics.median(switches) >= measures.NO_SWITCH_A_REQUEST
    if not counts or min(counts) < NO_THREAD_A_REQUEST or not waited:
        return False
    return True if min(counts) >= measures.THREAD_A_REQUEST else None


def _sentence(ran: Estimate | None, epoll: Estimate | None, started: Estimate | None, sync_ran: Estimate | None) -> str:
    told = f"async def ran on {'threads that were not observed' if ran is None else wording.threads(ran)}"
    if epoll is not None:
        told += f", with {wording.things(epoll, 'epoll descriptor')} open"
    if started is not None:
        least = started.value if started.low is None else started.low
        told += (
            f" and {'no' if least < NO_THREAD_A_REQUEST else wording.per_request(least)} threads started per request"
        )
    return told if sync_ran is None else f"{told}; def ran on {wording.threads(sync_ran)}"


def _seen(valid: Sequence[ValidTrial], value_of: Callable[[Observation], float | None]) -> Estimate | None:
    values = measures.observed(valid, value_of)
    return median_and_range(values) if values else None


def _claimed_threads(claim: Claim) -> float:
    return next(figure.asynchronous for figure in claim.figures if figure.name == "running_threads")
