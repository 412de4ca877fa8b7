"""Judges whether the waits of earlier requests block later ones, by how many waits are in progress at once."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.judge import cause, measures, wording
from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.evidence import Evidence, RefusedError, verdict_on
from benchmarks.judge.judgement import Estimate, Figure, Outcome, Verdict
from benchmarks.judge.statistics import bounds, geometric_mean, median_and_range
from benchmarks.judge.trials import ValidTrial
from benchmarks.model import Contender

QUEUED_FRACTION = 0.8
"""With fewer waits in progress than this share of the connections, requests did queue."""

BUSY_CPU_FRACTION = 0.9
"""A server that uses more than this of a core may be limited by its work, not by the waits."""


def find(evidence: Evidence, claim: Claim, test: ClaimTest) -> Verdict:
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
    threads = _threads(valid)
    outcome, doubt = _decide(in_progress, threads, connections, _cpu_fraction(valid))

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


def _decide(
    in_progress: Estimate, threads: Estimate | None, connections: int, cpu_fraction: float | None
) -> tuple[Outcome, str]:
    """Return the outcome, and why it is in doubt with what to do, to be added to the sentence; empty when it is not."""
    if threads is None:
        return "inconclusive", "; how many threads it had was not observed, and not every platform tells"
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


def _threads(valid: Sequence[ValidTrial]) -> Estimate | None:
    seen = measures.observed(valid, lambda observation: observation.threads)
    return median_and_range(seen) if seen else None


def _cpu_fraction(valid: Sequence[ValidTrial]) -> float | None:
    seen = measures.observed(valid, lambda observation: observation.cpu_fraction)
    return statistics.median(seen) if seen else None


def _figure(name: str, estimate: Estimate | None) -> Figure:
    return Figure(name=name, unit="", estimate=estimate, tutorial_value=None)
