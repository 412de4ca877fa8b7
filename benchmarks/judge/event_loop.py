"""Judges whether ``async def`` runs on an event loop over epoll in a single thread, by what the system saw of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.judge import measures, why, wording
from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.evidence import Evidence, Finding, RefusedError
from benchmarks.judge.judgement import Estimate, Figure, Outcome
from benchmarks.judge.statistics import median_and_range
from benchmarks.judge.trials import ValidTrial
from benchmarks.model import Observation

NO_THREAD_A_REQUEST = 0.01
"""Threads started a request below which requests start none: the count is of the whole machine, which is never still."""

THREAD_A_REQUEST = 0.5
"""Threads started a request from which it is the requests that start them. Between the two, something else may have."""


def unmeasured(claim: Claim, _test: ClaimTest) -> tuple[Figure, ...]:
    """Return the figure that the claim is about, without a measurement."""
    return (Figure(name=_RAN, unit="", estimate=None, tutorial_value=_claimed_threads(claim)),)


def find(evidence: Evidence, claim: Claim, test: ClaimTest, serving: str) -> Finding:
    """Look at the threads that ran, the threads that were started and the epoll descriptors under load.

    Nothing here depends on the speed of the machine, so one trial is evidence, and a failed placebo or a busy loader
    takes nothing away. Every trial is judged by itself and all must agree. Threads that ran count, not threads
    alive: uvloop keeps four that never run.

    Raises:
        RefusedError: See ``Evidence.find``; also when no trial is valid.
    """
    asynchronous = evidence.find(test.framework, "async", serving, test.workload)
    valid = evidence.valid(asynchronous, test.workload)
    if not valid:
        raise RefusedError(evidence.too_few(0, (asynchronous,), test.workload, needed=1))
    claimed = _claimed_threads(claim)
    outcome, doubt = _agree([_trial_outcome(trial.trial.observation, claimed) for trial in valid])
    ran = _seen(valid, lambda seen: seen.running_threads)
    epoll = _seen(valid, lambda seen: seen.epoll_descriptors)
    started = _seen(valid, lambda seen: seen.threads_started_per_request)
    sync = evidence.find_if_there(test.framework, "sync", serving, test.workload)
    sync_ran = _seen(evidence.valid(sync, test.workload) if sync else (), lambda seen: seen.running_threads)
    return Finding(
        outcome=outcome,
        figures=(
            Figure(name=_RAN, unit="", estimate=ran, tutorial_value=claimed),
            Figure(name="epoll descriptors, async (range)", unit="", estimate=epoll, tutorial_value=None),
            Figure(name="threads started a request, async (range)", unit="", estimate=started, tutorial_value=None),
            Figure(name="threads that ran, sync (range)", unit="", estimate=sync_ran, tutorial_value=None),
        ),
        sentence=_sentence(ran, epoll, started, sync_ran) + doubt + ".",
        why=why.event_loop(
            evidence.summary(sync, test.workload) if sync else None, evidence.summary(asynchronous, test.workload)
        ),
    )


def _trial_outcome(observation: Observation | None, claimed: float) -> Outcome | None:
    """Judge one trial; ``None`` when too little was observed."""
    if observation is None or not observation.running_threads:
        return None
    started = observation.threads_started_per_request
    if observation.running_threads > claimed or (started is not None and started >= THREAD_A_REQUEST):
        return "contradicted"
    if observation.epoll_descriptors is None:
        return None
    if observation.epoll_descriptors < 1:
        return "contradicted"
    return "replicated" if started is None or started < NO_THREAD_A_REQUEST else "inconclusive"


def _agree(outcomes: Sequence[Outcome | None]) -> tuple[Outcome, str]:
    """Return what all trials say, and why that is in doubt with what to do; empty when it is not."""
    said = [outcome for outcome in outcomes if outcome is not None]
    if not said:
        return "inconclusive", "; these are told on Linux only: try it there"
    first = said[0]
    if any(outcome != first for outcome in said):
        return "inconclusive", "; the trials disagree: run more rounds (--rounds) with nothing else running"
    if first == "inconclusive":
        return first, "; something on this machine starts threads, which may not be the server: stop it and run again"
    return first, ""


def _sentence(ran: Estimate | None, epoll: Estimate | None, started: Estimate | None, sync_ran: Estimate | None) -> str:
    threads = "threads not observed" if ran is None else wording.things(ran, "thread")
    instances = "epoll instances not observed" if epoll is None else f"{wording.things(epoll, 'epoll instance')} open"
    begun = "not observed" if started is None else wording.per_request(started.value)
    told = f"async def ran on {threads}, with {instances} and {begun} threads started a request"
    return told if sync_ran is None else f"{told}; def ran on {wording.things(sync_ran, 'thread')}"


def _seen(valid: Sequence[ValidTrial], value_of: Callable[[Observation], float | None]) -> Estimate | None:
    values = measures.observed(valid, value_of)
    return median_and_range(values) if values else None


def _claimed_threads(claim: Claim) -> float:
    return next(figure.asynchronous for figure in claim.figures if figure.name == "running_threads")


_RAN = "threads that ran, async (range)"
