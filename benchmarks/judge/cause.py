"""Explains a finding by the observed switches, threads and CPU time per request, never by a name.

Each function looks for a mechanism that the figures show and that points the way the rates went. If there is none, it
says so: a surprising run gets a true sentence, not the expected one. Twins are given by their summaries, ``None`` where
``def`` was not measured; the comparison is ``async def`` over ``def``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.judge import trials, wording
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judgement import Comparison, RequestCost, Summary
from benchmarks.judge.statistics import lies_in
from benchmarks.model import Contender, Run

NOT_OBSERVED = (
    "Cause not seen: the server's CPU time and context switches were not observed in this run; not every platform "
    "reports them."
)

_SAME_RATIO = 1.1
"""CPU times, and numbers of waits, closer than this count as the same: they explain no difference worth a cause."""

_SWITCHES_OF_A_HOP = 1.0
"""Voluntary switches per request: handing work to another thread takes at least one, of the thread that waits."""

_EXPLAINED_RATIO = 1.25
"""A ratio of CPU times this close to the ratio of rates explains it, as does one inside its interval."""


_IDLE = 0.5
"""Cores that a server keeps busy; below it, most of the time of a request is spent waiting for something else."""

_UNEQUAL = ("JSON", "validation", "HTTP parser", "event loop", "garbage collector", "access log", "response body")
"""What may differ beside a framework, as it was observed, and costs time."""

_ONE_AFTER_ANOTHER = 1.5
"""Requests under way at once, below which one blocks the next."""


def request_costs(summaries: Sequence[Summary], wait_ms: float = 0.0) -> list[RequestCost]:
    """Return what a request of each contender costs; its threads and loops count only if each request starts them.

    Args:
        summaries: Of contenders under one workload. A started thread runs an event loop if more epoll descriptors were
            open than the fewest of these contenders had.
        wait_ms: How long their views wait.
    """
    seen = [summary.epoll_descriptors for summary in summaries if summary.epoll_descriptors is not None]
    costs = []
    for summary in summaries:
        cpu, switches, rate = summary.cpu_us_per_request, summary.voluntary_switches_per_request, summary.rate_per_s
        cost = RequestCost(
            contender=summary.contender,
            server=summary.arrangement.partition("@")[2].partition("+")[0],
            variant=str(summary.variant),
            workload=summary.workload,
            # Little's law, as in threads.py.
            waits=None if rate is None or not wait_ms else rate.value * wait_ms / 1_000,
        )
        if cpu is not None and switches is not None:
            started, epoll = summary.threads_started_per_request, summary.epoll_descriptors
            threads = None if started is None else started if starts_threads(summary) else 0.0
            cost = dataclasses.replace(
                cost,
                threads_started=threads,
                loops_started=None if threads is None or epoll is None else threads * (epoll > min(seen)),
                voluntary_switches=switches,
                cpu_us=cpu.value,
                running_threads=summary.running_threads,
            )
        costs.append(cost)
    return costs


def starts_threads(summary: Summary) -> bool:
    """Say whether each request starts a thread, and waits for it: a count of the whole machine alone proves nothing."""
    started, switches = summary.threads_started_per_request, summary.voluntary_switches_per_request
    waited = switches is None or switches >= trials.NO_SWITCH_A_REQUEST
    return waited and started is not None and started >= trials.THREAD_A_REQUEST


def of(evidence: Evidence, above: Contender, below: Contender, comparison: Comparison) -> str:
    """Say why the one serves more requests than the other, or why neither does; nothing where that was not judged."""
    if comparison.refusal is not None or comparison.decides != "rate":
        return ""
    one, two = (evidence.summary(contender, comparison.workload) for contender in (above, below))
    alone_ms = evidence.workloads[comparison.workload].alone_ms
    if alone_ms and (waited := waiting((one, two), alone_ms)):
        return waited
    if above.arrangement == below.arrangement and above.variant == "async":
        return twins(two, one, comparison, evidence.workloads[comparison.workload].wait_ms)
    return best(one, two, comparison)


def twins(sync: Summary, asynchronous: Summary, comparison: Comparison, wait_ms: float) -> str:
    """Say why one twin serves more requests than the other, or why neither does.

    Args:
        sync: The ``def`` twin.
        asynchronous: The ``async def`` twin.
        comparison: Of the two.
        wait_ms: How long the view waits; 0 when there is no I/O to gain from.
    """
    before, after = request_costs((sync, asynchronous))
    if before.cpu_us is None or after.cpu_us is None:
        return NOT_OBSERVED
    cost_ratio = after.cpu_us / before.cpu_us
    seen = f"{_told(before)} per request with def, {_told(after)} with async def"
    if comparison.standing not in ("faster", "slower"):
        return f"{_costs(cost_ratio)}: {seen}."
    if comparison.standing == "faster" and cost_ratio <= 1 / _SAME_RATIO:
        return _dearer("def", before, "async def", after, wait_ms)
    if comparison.standing == "slower" and cost_ratio >= _SAME_RATIO:
        return _dearer("async def", after, "def", before, wait_ms)
    return f"Cause not seen in these figures: {seen}."


def waits(sync: Summary | None, asynchronous: Summary, in_progress: float, sync_in_progress: float | None) -> str:
    """Say what a waiting request holds on to, from the waits in progress at once, on average."""
    threads = asynchronous.threads
    if threads is None:
        return "Cause not seen: the server's threads were not observed in this run; not every platform reports them."
    if in_progress > threads:
        ran = asynchronous.running_threads
        told = f"A wait holds no thread: {wording.count(in_progress)} at once on {wording.things(threads, 'thread')}"
        told += "" if ran is None else f", of which {wording.count(ran)} ran"
        if sync_in_progress is None or sync is None or sync.threads is None:
            return f"{told}."
        other = f"{wording.count(sync_in_progress)} at once on {wording.things(sync.threads, 'thread')}"
        if sync_in_progress > sync.threads:
            return f"{told}; nor does it with def: {other}."
        return f"{told}; with def each wait holds one: {other}."
    if in_progress < 1.5:
        told = f"Waits go one after another: {wording.count(in_progress)} at once, as if all requests shared one thread"
    else:
        told = f"A wait holds its thread: {wording.count(in_progress)} at once on {wording.things(threads, 'thread')}"
    if starts_threads(asynchronous):
        told += ", and each request starts another thread besides"
    if sync_in_progress is not None and abs(math.log(sync_in_progress / in_progress)) < math.log(_SAME_RATIO):
        told += f"; def is blocked just the same ({wording.count(sync_in_progress)})"
    return f"{told}."


def event_loop(sync: Summary | None, asynchronous: Summary) -> str:
    """Say what runs the requests of ``async def``, and what ``def`` needs."""
    after, *others = request_costs((asynchronous,) if sync is None else (asynchronous, sync))
    if after.cpu_us is None or after.running_threads is None:
        return NOT_OBSERVED
    if after.threads_started:
        started = wording.per_request(after.threads_started)
        return f"Each request starts a thread{_with_loop(after)}: {started} started, {_told(after)} per request."
    switches = f"{_switches(after)} per request"
    if after.running_threads > 1:
        return f"Requests are handed between {wording.things(after.running_threads, 'thread')}: {switches}."
    if asynchronous.epoll_descriptors == 0:
        return f"One thread takes every request from start to end, but no epoll descriptor was open: {switches}."
    told = f"One thread takes every request from start to end: {switches}"
    for before in others:
        if before.running_threads is not None:
            told += (
                f"; def ran on {wording.things(before.running_threads, 'thread')} with "
                f"{wording.per_request(before.voluntary_switches or 0.0)}"
            )
    return f"{told}."


def waiting(summaries: Sequence[Summary], alone_ms: Mapping[str, float]) -> str:
    """Say how contenders waited, if one of them left its core idle for most of the time: then CPU time decides nothing.

    Args:
        summaries: Of the contenders.
        alone_ms: How long each takes to answer one user alone, by its id.
    Returns:
        A sentence or two; empty if all were busy, or it was not observed.
    """
    told, is_idle = [], False
    for summary in summaries:
        rate, cpu = summary.rate_per_s, summary.cpu_us_per_request
        if rate is None or cpu is None:
            return ""
        busy = rate.value * cpu.value / 1_000_000
        is_idle |= busy < _IDLE
        # Little's law: requests that take as long as one does alone, at this rate.
        at_once = rate.value * alone_ms[summary.contender] / 1_000
        held = f", with {at_once:.3g} requests under way at once"
        if busy < _IDLE and at_once < _ONE_AFTER_ANOTHER:
            held = f" and answered one request after another, blocked for {100 * (1 - busy):.0f} % of the time"
        told.append(f"{summary.contender} kept {100 * busy:.0f} % of a core busy{held}")
    return f"Waiting decides, not CPU time: {'; '.join(told)}." if is_idle else ""


def best(first: Summary, second: Summary, comparison: Comparison) -> str:
    """Say how far CPU time explains the ratio of two contenders' rates, the first over the second."""
    above, below = request_costs((first, second))
    if above.cpu_us is None or below.cpu_us is None:
        return NOT_OBSERVED
    cost_ratio = below.cpu_us / above.cpu_us
    seen = f"{above.contender} took {_told(above)} per request, {below.contender} {_told(below)}"
    if comparison.standing not in ("faster", "slower"):
        return f"{_costs(cost_ratio)}: {seen}."
    explained, told = _by_cpu(cost_ratio, comparison)
    return f"{told}: {seen}." if explained else f"Cause not seen in these figures: {told}; {seen}."


def _costs(ratio: float) -> str:
    """Say how two costs compare where no difference in rates was found."""
    same = 1 / _SAME_RATIO < ratio < _SAME_RATIO
    return "Both cost about the same" if same else "The costs differ; a difference in rates is not shown"


def _by_cpu(cost_ratio: float, comparison: Comparison) -> tuple[bool, str]:
    """Say how far a ratio of CPU times, the cheaper one's advantage, explains a ratio of rates; and whether it does."""
    rate = comparison.rate
    times = f"{wording.times(cost_ratio)} ×"
    if rate is not None and (
        abs(math.log(cost_ratio / rate.value)) <= math.log(_EXPLAINED_RATIO) or lies_in(cost_ratio, rate)
    ):
        return True, f"CPU time per request explains it ({times})"
    return False, f"CPU time per request alone would make it {times}"


def bridge(before: RequestCost, after: RequestCost, comparison: Comparison) -> str:
    """Say what a request costs without the bridge and behind it, and what follows from it."""
    if comparison.refusal is not None:
        return ""
    if before.cpu_us is None or after.cpu_us is None:
        return NOT_OBSERVED
    changes = [
        *_started(before, after),
        f"voluntary switches {_number(before.voluntary_switches)} → {_number(after.voluntary_switches)}",
        f"CPU {before.cpu_us:,.0f} → {after.cpu_us:,.0f} µs",
    ]
    if before.waits is not None and after.waits is not None:
        changes.append(f"waits at once {wording.count(before.waits)} → {wording.count(after.waits)}")
        follows = _waiting(before.waits, after.waits, after.running_threads)
    elif comparison.standing in ("faster", "slower"):
        follows = f"; {_by_cpu(before.cpu_us / after.cpu_us, comparison)[1]}"
    else:
        follows = ""
    return f"Each request, without → behind the bridge: {', '.join(changes)}{follows}."


def _dearer(name: str, dear: RequestCost, other_name: str, cheap: RequestCost, wait_ms: float) -> str:
    against = f"against {_told(cheap)} with {other_name}"
    if dear.threads_started and not cheap.threads_started:
        return (
            f"Each {name} request starts a thread{_with_loop(dear)}: {wording.per_request(dear.threads_started)} "
            f"threads started, {_told(dear)} per request, {against}."
        )
    switches, fewer = dear.voluntary_switches or 0.0, cheap.voluntary_switches or 0.0
    running = dear.running_threads
    more_switches = switches - fewer >= _SWITCHES_OF_A_HOP
    if more_switches and fewer < trials.NO_SWITCH_A_REQUEST and (running is None or running > 1):
        no_io = "" if wait_ms else ", not I/O: the endpoint does none"
        effect = "the gain is the thread hop saved" if name == "def" else "the loss is the thread hop"
        hops = f"Each {name} request hops to a worker thread and back: {_told(dear)} per request"
        return f"{hops}, {against}: {effect}{no_io}."
    found = "gives up its core more often" if more_switches else "does more work without more switches"
    shared = ""
    # Two threads ran with either keyword, and handed work over: one worker thread serves the process.
    if running == cheap.running_threads == 2 and min(switches, fewer) >= _SWITCHES_OF_A_HOP:
        shared = "; two threads ran with either, so every request passes through the one beside the event loop's"
    return f"Each {name} request {found}: {_told(dear)}, {against}{shared}."


def _told(cost: RequestCost) -> str:
    return f"{_switches(cost)} and {cost.cpu_us or 0.0:,.0f} µs of CPU"


def _switches(cost: RequestCost) -> str:
    return f"{wording.per_request(cost.voluntary_switches or 0.0)} voluntary switches"


def _with_loop(cost: RequestCost) -> str:
    return " and an event loop" if cost.loops_started else ""


def _started(before: RequestCost, after: RequestCost) -> Iterator[str]:
    if before.threads_started is None or after.threads_started is None:
        return
    if not before.threads_started and not after.threads_started:
        yield "no thread started either way"
        return
    loops = " and event loops" if before.loops_started or after.loops_started else ""
    yield f"threads{loops} started {_number(before.threads_started)} → {_number(after.threads_started)}"


def _number(per_request: float | None) -> str:
    return wording.per_request(per_request) if per_request else "none"


def _waiting(before: float, after: float, running: float | None) -> str:
    if after < before / _SAME_RATIO:
        return "; fewer wait at once"
    if running is None:
        return ""
    if after > running:
        return f"; that is more than the {wording.things(running, 'thread')} that ran: a wait holds none"
    return f"; each holds one of the {wording.things(running, 'thread')} that ran"


def unequal(run: Run, above: str, below: str) -> str:
    """Return a sentence on what else was observed to differ between two contenders; empty where nothing was.

    Args:
        run: That has what was observed.
        above: Id of one.
        below: Id of the other.
    """
    facts = run.likeness.get(above, {}), run.likeness.get(below, {})
    differing = [
        f"{name} ({facts[0][name]} / {facts[1][name]})"
        for name in _UNEQUAL
        if name in facts[0] and name in facts[1] and facts[0][name] != facts[1][name]
    ]
    return f"Unequal besides: {', '.join(differing)}." if differing else ""
