"""Writes the cause of what was found from the observed switches, threads and CPU per request, never from a name.

Each function looks for a mechanism that the figures show and that points the way the rates went. Where there is none
it says so: a surprising run gets a true sentence, not the expected one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.judge import measures, wording
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judgement import BridgeCost, Comparison, Estimate, Summary
from benchmarks.judge.statistics import lies_in
from benchmarks.model import Contender

NOT_OBSERVED = (
    "Cause not seen: the server's CPU time and context switches were not observed in this run; not every platform "
    "tells them."
)

_COST_RATIO = 1.1
"""CPU times closer than this are taken for the same: what differs less explains no difference worth a cause."""

SWITCHES_OF_A_HOP = 1.0
"""Voluntary switches a request: handing work to another thread takes at least one, a thread that waits for it."""

_EXPLAINED_RATIO = 1.25
"""A ratio of CPU times this close to the ratio of rates explains it, as one inside its interval does."""

_SAME_RATIO = 1.1
"""Numbers of waits closer than this are taken for the same."""


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


def explains(cost_ratio: float, rate: Estimate) -> bool:
    """Say whether a ratio of CPU times, the cheaper one's advantage, explains a ratio of rates."""
    close = abs(math.log(cost_ratio / rate.value)) <= math.log(_EXPLAINED_RATIO)
    return close or lies_in(cost_ratio, rate)


def of(evidence: Evidence, above: Contender, below: Contender, comparison: Comparison) -> str:
    """Say why one contender serves more requests than another, or why neither does; nothing where that was not judged.

    Args:
        evidence: Of the run.
        above: The numerator.
        below: The denominator.
        comparison: Of the two.
    """
    if comparison.refusal is not None or comparison.decides != "rate":
        return ""
    one, two = (evidence.summary(contender, comparison.workload) for contender in (above, below))
    if above.arrangement == below.arrangement and above.variant == "async":
        return twins(two, one, comparison, evidence.wait_ms(comparison.workload))
    return best(one, two, comparison)


def twins(sync: Summary, asynchronous: Summary, comparison: Comparison, wait_ms: float) -> str:
    """Say why one twin serves more requests than the other, or why neither does.

    Args:
        sync: The ``def`` twin.
        asynchronous: The ``async def`` twin.
        comparison: Async over sync.
        wait_ms: How long the view waits; 0 when there is no I/O to gain from.
    """
    before, after = cost_of(sync, "def"), cost_of(asynchronous, "async def")
    if before is None or after is None:
        return NOT_OBSERVED
    cost_ratio = after.cpu_us / before.cpu_us
    seen = f"{before} a request with def, {after} with async def"
    if comparison.standing not in ("faster", "slower"):
        same = 1 / _COST_RATIO < cost_ratio < _COST_RATIO
        return f"{'Both cost about the same' if same else 'The costs differ; that the rates do is not shown'}: {seen}."
    if comparison.standing == "faster" and cost_ratio <= 1 / _COST_RATIO:
        return _dearer(before, after, wait_ms)
    if comparison.standing == "slower" and cost_ratio >= _COST_RATIO:
        return _dearer(after, before, wait_ms)
    return f"Cause not seen in these figures: {seen}."


def waits(sync: Summary | None, asynchronous: Summary, in_progress: float, sync_in_progress: float | None) -> str:
    """Say what a waiting request holds on to.

    Args:
        sync: The ``def`` twin; ``None`` where it was not measured.
        asynchronous: The ``async def`` twin.
        in_progress: Waits in progress at once with ``async def``, on average.
        sync_in_progress: The same with ``def``.
    """
    threads = asynchronous.threads
    if threads is None:
        return "Cause not seen: the server's threads were not observed in this run; not every platform tells them."
    if in_progress > threads:
        ran = asynchronous.running_threads
        told = f"A wait holds no thread: {wording.count(in_progress)} at once on {wording.threads(threads)}"
        told += "" if ran is None else f", of which {wording.count(ran)} ran"
        if sync_in_progress is None or sync is None or sync.threads is None:
            return f"{told}."
        other = f"{wording.count(sync_in_progress)} at once on {wording.threads(sync.threads)}"
        if sync_in_progress > sync.threads:
            return f"{told}; nor does it with def: {other}."
        return f"{told}; with def each wait holds one: {other}."
    if in_progress < 1.5:
        told = f"Waits go one after another: {wording.count(in_progress)} at once, as if all requests shared one thread"
    else:
        told = f"A wait holds its thread: {wording.count(in_progress)} at once on {wording.threads(threads)}"
    if starts_threads(asynchronous.threads_started_per_request, asynchronous.voluntary_switches_per_request):
        told += ", and each request starts another thread besides"
    if sync_in_progress is not None and abs(math.log(sync_in_progress / in_progress)) < math.log(_COST_RATIO):
        told += f"; def is held up just the same ({wording.count(sync_in_progress)})"
    return f"{told}."


def event_loop(sync: Summary | None, asynchronous: Summary) -> str:
    """Say what runs the requests of ``async def``, and what ``def`` needs.

    Args:
        sync: The ``def`` twin; ``None`` where it was not measured.
        asynchronous: The ``async def`` twin.
    """
    after = cost_of(asynchronous, "async def")
    if after is None or after.running is None:
        return NOT_OBSERVED
    if after.starts_threads:
        loop = _with_loop(after.epoll, None if sync is None else sync.epoll_descriptors)
        started = wording.per_request(after.started or 0.0)
        return f"Each request starts a thread{loop}: {started} started, {after} a request."
    switches = f"{wording.per_request(after.switches)} voluntary switches a request"
    if after.running > 1:
        return f"Requests are handed between {wording.threads(after.running)}: {switches}."
    if after.epoll == 0:
        return f"One thread takes every request from start to end, but no epoll descriptor was open: {switches}."
    before = None if sync is None else cost_of(sync, "def")
    if before is None or before.running is None:
        return f"One thread takes every request from start to end: {switches}."
    return (
        f"One thread takes every request from start to end: {switches}; "
        f"def ran on {wording.threads(before.running)} with {wording.per_request(before.switches)}."
    )


def best(first: Summary, second: Summary, comparison: Comparison) -> str:
    """Say how far CPU time explains the ratio of two contenders' rates.

    Args:
        first: The numerator.
        second: The denominator.
        comparison: First over second.
    """
    above, below = cost_of(first, first.contender), cost_of(second, second.contender)
    if above is None or below is None:
        return NOT_OBSERVED
    cost_ratio = below.cpu_us / above.cpu_us
    seen = f"{above.name} took {above} a request, {below.name} {below}"
    if comparison.rate is not None and explains(cost_ratio, comparison.rate):
        return f"CPU time per request explains it ({wording.times(cost_ratio)} ×): {seen}."
    alone = f"CPU time per request alone would make it {wording.times(cost_ratio)} ×"
    return f"Cause not seen in these figures: {alone}; {seen}."


def bridge(before: BridgeCost, after: BridgeCost, comparison: Comparison) -> str:
    """Say what a request costs without the bridge and with it, and what follows from it.

    Args:
        before: Without the bridge.
        after: Behind it.
        comparison: Behind the bridge over without it.
    """
    if comparison.refusal is not None:
        return ""
    if before.cpu_us is None or after.cpu_us is None:
        return NOT_OBSERVED
    changes = [
        *_started(before, after),
        _change("voluntary switches", _number(before.voluntary_switches), _number(after.voluntary_switches)),
        _change("CPU", f"{before.cpu_us:,.0f}", f"{after.cpu_us:,.0f} µs"),
    ]
    if before.waits is not None and after.waits is not None:
        changes.append(_change("waits at once", wording.count(before.waits), wording.count(after.waits)))
        follows = _waiting(before.waits, after.waits, after.running_threads)
    else:
        follows = _explaining(before.cpu_us / after.cpu_us, comparison)
    return f"Each request, without → behind the bridge: {', '.join(changes)}{follows}."


def _dearer(dear: Cost, cheap: Cost, wait_ms: float) -> str:
    against = f"against {cheap} with {cheap.name}"
    if dear.starts_threads and not cheap.starts_threads:
        loop = _with_loop(dear.epoll, cheap.epoll)
        return (
            f"Each {dear.name} request starts a thread{loop}: {wording.per_request(dear.started or 0.0)} threads "
            f"started, {dear} a request, {against}."
        )
    more_switches = dear.switches - cheap.switches >= SWITCHES_OF_A_HOP
    if more_switches and cheap.switches < measures.NO_SWITCH_A_REQUEST and (dear.running is None or dear.running > 1):
        no_io = "" if wait_ms else ", not I/O: the endpoint does none"
        effect = "the gain is the thread hop saved" if dear.name == "def" else "the loss is the thread hop"
        return (
            f"Each {dear.name} request hops to a worker thread and back: {dear} a request, {against}: {effect}{no_io}."
        )
    cause = "gives up its core more often" if more_switches else "does more work without more switches"
    return f"Each {dear.name} request {cause}: {dear}, {against}{_shared_thread(dear, cheap)}."


def _shared_thread(dear: Cost, cheap: Cost) -> str:
    """Say that one worker thread serves the process, where two threads ran with either keyword and handed work over."""
    if dear.running == cheap.running == 2 and min(dear.switches, cheap.switches) >= SWITCHES_OF_A_HOP:
        return "; two threads ran with either, so every request passes through the one beside the event loop's"
    return ""


def _with_loop(epoll: float | None, other_epoll: float | None) -> str:
    return " and an event loop" if runs_a_loop(epoll, other_epoll) else ""


def _started(before: BridgeCost, after: BridgeCost) -> Iterator[str]:
    if before.threads_started is None or after.threads_started is None:
        return
    if not before.threads_started and not after.threads_started:
        yield "no thread started either way"
        return
    loops = " and event loops" if before.loops_started or after.loops_started else ""
    yield _change(f"threads{loops} started", _number(before.threads_started), _number(after.threads_started))


def _change(what: str, before: str, after: str) -> str:
    return f"{what} {before} → {after}"


def _number(per_request: float | None) -> str:
    return wording.per_request(per_request) if per_request else "none"


def _explaining(cost_ratio: float, comparison: Comparison) -> str:
    if comparison.rate is None or comparison.standing not in ("faster", "slower"):
        return ""
    if explains(cost_ratio, comparison.rate):
        return f"; CPU time per request explains it ({wording.times(cost_ratio)} ×)"
    return f"; CPU time per request alone would make it {wording.times(cost_ratio)} ×"


def _waiting(before: float, after: float, running: float | None) -> str:
    if after < before / _SAME_RATIO:
        return "; fewer wait at once"
    if running is None:
        return ""
    if after > running:
        return f"; that is more than the {wording.threads(running)} that ran: a wait holds none"
    return f"; each holds one of the {wording.threads(running)} that ran"
