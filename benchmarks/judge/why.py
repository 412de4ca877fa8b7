"""Writes the cause of a verdict from the observed switches, threads and CPU per request, never from a name.

Each function looks for a mechanism that the figures show and that points the way the rates went. Where there is none
it says so: a surprising run gets a true sentence, not the expected one.
"""

from __future__ import annotations

import math

from benchmarks.judge import measures, wording
from benchmarks.judge.costs import SWITCHES_OF_A_HOP, Cost, accounts_for, cost_of, runs_a_loop, starts_threads
from benchmarks.judge.judgement import Estimate, Summary

NOT_OBSERVED = (
    "Cause not seen: the server's CPU time and context switches were not observed in this run; not every platform "
    "tells them."
)

_COST_RATIO = 1.1
"""CPU times closer than this are taken for the same: what differs less explains no difference worth a cause."""


def twins(sync: Summary, asynchronous: Summary, rate: Estimate, wait_ms: float) -> str:
    """Say why one twin serves more requests than the other, or why neither does.

    Args:
        sync: The ``def`` twin.
        asynchronous: The ``async def`` twin.
        rate: Async over sync.
        wait_ms: How long the view waits; 0 when there is no I/O to gain from.
    """
    before, after = cost_of(sync, "def"), cost_of(asynchronous, "async def")
    if before is None or after is None:
        return NOT_OBSERVED
    cost_ratio = after.cpu_us / before.cpu_us
    seen = f"{before} a request with def, {after} with async def"
    if not wording.excludes_one(rate):
        same = 1 / _COST_RATIO < cost_ratio < _COST_RATIO
        return f"{'Both cost about the same' if same else 'The costs differ, the rates not for sure'}: {seen}."
    if rate.value > 1 and cost_ratio <= 1 / _COST_RATIO:
        return _dearer(before, after, wait_ms)
    if rate.value < 1 and cost_ratio >= _COST_RATIO:
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


def best(first: Summary, second: Summary, rate: Estimate) -> str:
    """Say how far CPU time accounts for the ratio of two contenders' rates.

    Args:
        first: The numerator.
        second: The denominator.
        rate: First over second.
    """
    above, below = cost_of(first, first.contender), cost_of(second, second.contender)
    if above is None or below is None:
        return NOT_OBSERVED
    cost_ratio = below.cpu_us / above.cpu_us
    seen = f"{above.name} took {above} a request, {below.name} {below}"
    if accounts_for(cost_ratio, rate):
        return f"CPU time a request accounts for it, with {wording.times(cost_ratio)} ×: {seen}."
    return f"Cause not seen in these figures: CPU time alone would make it {wording.times(cost_ratio)} ×; {seen}."


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
