"""Judges what requests hold threads for: whether waits block, and whether ``async def`` runs on one event loop."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from benchmarks.judge import cause, trials, wording
from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.evidence import Evidence, RefusedError, verdict_on
from benchmarks.judge.judgement import Estimate, Figure, Outcome, Verdict
from benchmarks.judge.statistics import bounds, geometric_mean, median_and_range
from benchmarks.judge.trials import ValidTrial
from benchmarks.model import Observation

QUEUED_FRACTION = 0.8
"""With fewer waits in progress than this share of the connections, requests did queue."""

BUSY_CPU_FRACTION = 0.9
"""A server that uses more than this of a core may be limited by its work, not by the waits."""

NO_THREAD_A_REQUEST = 0.01
"""Threads started per request below which requests start none: the count is of the whole machine."""


def find_waits(evidence: Evidence, claim: Claim, test: ClaimTest) -> Verdict:
    """Compare the waits in progress with ``async def`` with the threads of its server.

    More waits than threads cannot each hold a thread: they do not block. No more waits than threads, although further
    connections queue and the core is idle, means that they do.

    Raises:
        RefusedError: See ``Evidence.find`` and ``Evidence.refusal``; also when the workload waits for nothing.
    Source:
        Little, "A proof for the queuing formula: L = lambda W", Operations Research 9(3), 1961: the mean number in
        progress is the rate times the time that each spends.
    """
    asynchronous, sync = evidence.find(test, "async"), evidence.find_if_there(test, "sync")
    planned = evidence.workloads[test.workload]
    if planned.wait_ms <= 0:
        raise RefusedError(f"The workload {test.workload} waits for nothing in this run: it needs a wait to be tried.")
    if (refusal := evidence.refusal((asynchronous,), test.workload)) is not None:
        raise RefusedError(refusal)
    valid = evidence.valid(asynchronous, test.workload)
    in_progress = _in_progress(valid, planned.wait_ms)
    connections = min(trial.trial.load.vus for trial in valid)
    threads = _seen(valid, lambda seen: seen.threads)
    outcome, doubt = _decide_waits(in_progress, threads, connections, valid)
    sync_valid = evidence.valid(sync, test.workload) if sync else ()
    sync_in_progress = _in_progress(sync_valid, planned.wait_ms_in("sync")) if sync_valid else None
    rate = None if sync is None else evidence.compare(asynchronous, sync, test.workload).rate
    # The same views by other numbers of connections, without a verdict on them.
    others = {
        wording.things(float(there[0].trial.load.vus), "connection"): _in_progress(there, other.wait_ms)
        for other in evidence.workloads.values()
        if other.path == planned.path and other is not planned
        if (there := evidence.valid(asynchronous, other.name))
    }
    asked = (
        f"a wait of {planned.wait_ms:g} ms"
        if planned.waits == 1
        else f"{planned.waits} waits of {planned.wait_ms:g} ms each, for all of which async def waits at once"
    )
    sentence = (
        f"With {connections} connections and {asked}, async def kept {wording.counted(in_progress)} waits in progress"
    )
    sentence += "" if threads is None else f" on {wording.things(threads, 'thread')}"
    sentence += "" if sync_in_progress is None else f", def kept {wording.counted(sync_in_progress)}"
    sentence += "" if rate is None else f", and async def served {wording.ratio(rate)} the requests of def"
    sentence += "".join(f"; with {name} it kept {wording.counted(kept)}" for name, kept in others.items())
    return verdict_on(
        claim,
        test,
        outcome,
        figures=(
            Figure(name="waits in progress, async", estimate=in_progress),
            Figure(name="threads alive, async (range)", estimate=threads),
            Figure(name="waits in progress, sync", estimate=sync_in_progress),
            Figure(name="rate async/sync", unit="×", estimate=rate),
            *(Figure(name=f"waits in progress, async, of {name}", estimate=kept) for name, kept in others.items()),
        ),
        sentence=f"{sentence}{doubt}.",
        why=cause.waits(
            evidence.summary(sync, test.workload) if sync else None,
            evidence.summary(asynchronous, test.workload),
            in_progress.value,
            None if sync_in_progress is None else sync_in_progress.value,
        ),
    )


def _decide_waits(
    in_progress: Estimate, threads: Estimate | None, connections: int, valid: Sequence[ValidTrial]
) -> tuple[Outcome, str]:
    """Return the outcome, and why it is in doubt with what to do, to be added to the sentence; empty when it is not."""
    if threads is None:
        return "inconclusive", "; how many threads it had was not observed; not every platform reports it"
    low, high = bounds(in_progress)
    most = threads.value if threads.high is None else threads.high
    if low > most:
        return "replicated", ""
    if high > most:
        again = f"run more rounds (--rounds {2 * in_progress.samples}) or longer trials (--duration)"
        return "inconclusive", f"; the interval reaches to both sides of the number of threads: {again}"
    if high >= QUEUED_FRACTION * connections:
        return "inconclusive", (
            "; nearly every connection was in its wait, so nothing queued that could be blocked: it takes more "
            "connections, as in the preset full"
        )
    busy = trials.observed(valid, lambda observation: observation.cpu_fraction)
    if busy and (cpu_fraction := statistics.median(busy)) > BUSY_CPU_FRACTION:
        return "inconclusive", (
            f"; the server used {100 * cpu_fraction:.0f} % of a core, so its work may hold requests up rather than "
            "their waits: use a faster machine"
        )
    return "contradicted", ""


def _in_progress(valid: Sequence[ValidTrial], wait_ms: float) -> Estimate:
    return geometric_mean([trial.result.rate_per_s * wait_ms / 1000 for trial in valid])


def find_event_loop(evidence: Evidence, claim: Claim, test: ClaimTest) -> Verdict:
    """Look at the threads that ran, the threads that were started and the epoll descriptors under load.

    Nothing here depends on the machine's speed, so one trial is evidence, even with a failed placebo or a busy loader;
    all trials must agree. Threads that ran count, not threads alive: uvloop keeps four that never run.

    Raises:
        RefusedError: See ``Evidence.find``; also when no trial is valid.
    """
    asynchronous, sync = evidence.find(test, "async"), evidence.find_if_there(test, "sync")
    valid = evidence.valid(asynchronous, test.workload)
    if not valid:
        raise RefusedError(evidence.too_few(0, (asynchronous,), test.workload, needed=1))
    claimed = next(figure.asynchronous for figure in claim.figures if figure.name == "running_threads")
    outcome, doubt = _decide_event_loop(valid, claimed)
    ran = _seen(valid, lambda seen: seen.running_threads)
    epoll = _seen(valid, lambda seen: seen.epoll_descriptors)
    started = _seen(valid, lambda seen: seen.threads_started_per_request)
    sync_ran = _seen(evidence.valid(sync, test.workload) if sync else (), lambda seen: seen.running_threads)
    told = f"async def ran on {'threads that were not observed' if ran is None else wording.things(ran, 'thread')}"
    told += "" if epoll is None else f", with {wording.things(epoll, 'epoll descriptor')} open"
    if started is not None:
        least = started.value if started.low is None else started.low
        count = "no" if least < NO_THREAD_A_REQUEST else wording.per_request(least)
        told += f" and {count} threads started per request"
    told += "" if sync_ran is None else f"; def ran on {wording.things(sync_ran, 'thread')}"
    return verdict_on(
        claim,
        test,
        outcome,
        figures=(
            Figure(name="threads that ran, async (range)", estimate=ran, tutorial_value=claimed),
            Figure(name="epoll descriptors, async (range)", estimate=epoll),
            Figure(name="threads started per request, async (range)", estimate=started),
            Figure(name="threads that ran, sync (range)", estimate=sync_ran),
        ),
        sentence=f"{told}{doubt}.",
        why=cause.event_loop(
            evidence.summary(sync, test.workload) if sync else None, evidence.summary(asynchronous, test.workload)
        ),
    )


def _decide_event_loop(valid: Sequence[ValidTrial], claimed: float) -> tuple[Outcome, str]:
    """Return the outcome, and why it is in doubt with what to do, to be added to the sentence; empty when it is not."""
    contrary = [
        seen.running_threads > claimed or seen.epoll_descriptors == 0
        for trial in valid
        if (seen := trial.trial.observation) and seen.running_threads and seen.epoll_descriptors is not None
    ]
    if not contrary:
        return "inconclusive", "; only Linux reports these: try it there"
    started = _started_by_requests(valid)
    if started or all(contrary):
        return "contradicted", ""
    if any(contrary):
        return "inconclusive", "; the trials disagree: run more rounds (--rounds) with nothing else running"
    if started is None:
        return "inconclusive", "; something starts threads, which may not be the server: stop it and run again"
    return "replicated", ""


def _started_by_requests(valid: Sequence[ValidTrial]) -> bool | None:
    """Say whether each request started a thread; ``None`` when what was seen allows both.

    What else runs on the machine can only add to the count of threads started, so the smallest of the trials counts.
    """
    least = min(trials.observed(valid, lambda seen: seen.threads_started_per_request), default=0.0)
    switches = trials.observed(valid, lambda seen: seen.voluntary_switches_per_request)
    waited = not switches or statistics.median(switches) >= trials.NO_SWITCH_A_REQUEST
    if least < NO_THREAD_A_REQUEST or not waited:
        return False
    return True if least >= trials.THREAD_A_REQUEST else None


def _seen(valid: Sequence[ValidTrial], value_of: Callable[[Observation], float | None]) -> Estimate | None:
    values = trials.observed(valid, value_of)
    return median_and_range(values) if values else None
