"""Judges what requests hold threads for: whether waits block, and whether ``async def`` runs on one event loop."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from benchmarks.judge import cause, measures, wording
from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.evidence import Evidence, RefusedError, verdict_on
from benchmarks.judge.judgement import Estimate, Figure, Outcome, Verdict
from benchmarks.judge.statistics import bounds, geometric_mean, median_and_range
from benchmarks.judge.trials import ValidTrial
from benchmarks.model import Contender, Observation

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
        RefusedError: See ``Evidence.find`` and ``Evidence.timed``; also when the workload waits for nothing.
    Source:
        Little, "A proof for the queuing formula: L = lambda W", Operations Research 9(3), 1961: the mean number in
        progress is the rate times the time that each spends.
    """
    wait_ms, sync_wait_ms = evidence.wait_ms(test.workload), evidence.wait_ms(test.workload, "sync")
    if wait_ms <= 0:
        raise RefusedError(f"The workload {test.workload} waits for nothing in this run: it needs a wait to be tried.")
    asynchronous = evidence.find(test.framework, "async", test.serving, test.workload)
    valid = evidence.timed(asynchronous, test.workload)
    in_progress = _in_progress(valid, wait_ms)
    connections = min(trial.trial.load.vus for trial in valid)
    threads = _seen(valid, lambda seen: seen.threads)
    outcome, doubt = _decide_waits(in_progress, threads, connections, _cpu_fraction(valid))

    sync = evidence.find_if_there(test.framework, "sync", test.serving, test.workload)
    sync_valid = evidence.valid(sync, test.workload) if sync else ()
    sync_in_progress = _in_progress(sync_valid, sync_wait_ms) if sync_valid else None
    rate = None if sync is None else evidence.compare(asynchronous, sync, test.workload).rate

    others = _others(evidence, asynchronous, test.workload)
    sentence = (
        f"With {connections} connections and {_asked(wait_ms, evidence.waits(test.workload))}, async def kept "
        f"{wording.counted(in_progress)} waits in progress"
    )
    sentence += "" if threads is None else f" on {wording.threads(threads)}"
    sentence += "" if sync_in_progress is None else f", def kept {wording.counted(sync_in_progress)}"
    sentence += "" if rate is None else f", and async def served {wording.ratio(rate)} the requests of def"
    sentence += "".join(
        f"; with {wording.things(float(vus), 'connection')} it kept {wording.counted(estimate)}"
        for vus, estimate in others
    )
    return verdict_on(
        claim,
        test,
        outcome,
        figures=(
            _figure("waits in progress, async", in_progress),
            _figure("threads alive, async (range)", threads),
            _figure("waits in progress, sync", sync_in_progress),
            Figure(name="rate async/sync", unit="×", estimate=rate, tutorial_value=None),
            *(
                _figure(f"waits in progress, async, of {wording.things(float(vus), 'connection')}", estimate)
                for vus, estimate in others
            ),
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
    in_progress: Estimate, threads: Estimate | None, connections: int, cpu_fraction: float | None
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
    if cpu_fraction is not None and cpu_fraction > BUSY_CPU_FRACTION:
        busy = f"the server used {100 * cpu_fraction:.0f} % of a core"
        return (
            "inconclusive",
            f"; {busy}, so its work may hold requests up rather than their waits: use a faster machine",
        )
    return "contradicted", ""


def _asked(wait_ms: float, waits: int) -> str:
    if waits == 1:
        return f"a wait of {wait_ms:g} ms"
    return f"{waits} waits of {wait_ms:g} ms each, for all of which async def waits at once"


def _others(evidence: Evidence, contender: Contender, workload: str) -> list[tuple[int, Estimate]]:
    """Return the waits in progress of the same views by other numbers of connections, without a verdict on them."""
    return [
        (valid[0].trial.load.vus, _in_progress(valid, evidence.wait_ms(other)))
        for other in evidence.like(workload)
        if (valid := evidence.valid(contender, other))
    ]


def _in_progress(valid: Sequence[ValidTrial], wait_ms: float) -> Estimate:
    return geometric_mean([trial.result.rate_per_s * wait_ms / 1000 for trial in valid])


def _cpu_fraction(valid: Sequence[ValidTrial]) -> float | None:
    seen = measures.observed(valid, lambda observation: observation.cpu_fraction)
    return statistics.median(seen) if seen else None


def find_event_loop(evidence: Evidence, claim: Claim, test: ClaimTest) -> Verdict:
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
    outcome, doubt = _decide_event_loop(
        [seen for trial in valid if (seen := trial.trial.observation) is not None], claimed
    )
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
            _figure("threads that ran, async (range)", ran, claimed),
            _figure("epoll descriptors, async (range)", epoll),
            _figure("threads started per request, async (range)", started),
            _figure("threads that ran, sync (range)", sync_ran),
        ),
        sentence=_sentence(ran, epoll, started, sync_ran) + doubt + ".",
        why=cause.event_loop(
            evidence.summary(sync, test.workload) if sync else None, evidence.summary(asynchronous, test.workload)
        ),
    )


def _decide_event_loop(observations: Sequence[Observation], claimed: float) -> tuple[Outcome, str]:
    """Return the outcome, and why it is in doubt with what to do, to be added to the sentence; empty when it is not."""
    known = [
        (seen.running_threads, seen.epoll_descriptors)
        for seen in observations
        if seen.running_threads and seen.epoll_descriptors is not None
    ]
    if not known:
        return "inconclusive", "; only Linux reports these: try it there"
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

    What else runs on the machine can only add to the count of threads started, so the smallest of the trials counts.
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


def _claimed_threads(claim: Claim) -> float:
    return next(figure.asynchronous for figure in claim.figures if figure.name == "running_threads")


def _seen(valid: Sequence[ValidTrial], value_of: Callable[[Observation], float | None]) -> Estimate | None:
    values = measures.observed(valid, value_of)
    return median_and_range(values) if values else None


def _figure(name: str, estimate: Estimate | None, tutorial_value: float | None = None) -> Figure:
    return Figure(name=name, unit="", estimate=estimate, tutorial_value=tutorial_value)
