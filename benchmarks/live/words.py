"""Describes a timeline in words: what a state is, where the time of each request went, and what the burst shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from benchmarks.live.recorder.states import LaneKind, State
from benchmarks.live.timeline import NETWORK, Lane, Span, Timeline, at_once

if TYPE_CHECKING:
    from benchmarks.live.recording import Cost

MEANINGS: Final[Mapping[State, str]] = {
    State.SENT: "on its way to the server, then in the kernel until the server reads it",
    State.ACCEPTED: "the server has read it, parses it and calls the app",
    State.QUEUED: "handed to a pool of threads, until a thread takes it",
    State.FRAMEWORK: "the framework's own work around the view: route, hooks, JSON",
    State.APP: "the app runs; what of it is the framework and what the view is not told apart",
    State.LOOP_CREATED: "a thread and an event loop are started for this request alone",
    State.VIEW: "the view's own code runs",
    State.WAITING: "the view waits for its dependency",
    State.BLOCKING: "the app waits without await, and the event loop can do nothing else meanwhile",
    State.LOOP_CLOSED: "the request's own loop and thread are ended",
    State.TO_LOOP: "a thread has finished with it, until the event loop resumes it",
    State.TO_THREAD: "the event loop has finished with it, until its thread resumes it",
    State.ANSWERING: "the server writes the answer",
    State.ANSWERED: "the answer is written, until the client has read all of it",
    State.HELD: "the thread waits for its request, which is elsewhere, and can do nothing else",
}
"""What each state means, for a legend."""

_TIMES: Final[Mapping[float, str]] = {1: "once", 2: "twice"}
_ALONE: Final[Mapping[LaneKind, str]] = {"loop": "the server's event loop", "main": "the server's main thread"}
_LATE_SHARE: Final = 0.05
_LATE_LEAST_MS: Final = 1.0


def milliseconds(duration_ns: float) -> str:
    """Return a duration with its unit: milliseconds with three digits, or microseconds below 0.1 ms."""
    if duration_ns < 99_500:
        return f"{duration_ns / 1e3:.0f} µs"
    duration_ms = duration_ns / 1e6
    return f"{duration_ms:.2f} ms" if duration_ms < 9.995 else f"{duration_ms:.1f} ms"


def describe_span(timeline: Timeline, span: Span) -> str:
    """Return one sentence about a span, to be shown when it is selected."""
    lane = timeline.lane(span.lane)
    told = f"Request {span.request}, {span.state} for {milliseconds(span.duration_ns)}: {MEANINGS[span.state]}"
    if span.state is State.WAITING:
        return f"{told}; {_meanwhile(timeline, span)}."
    return f"{told}." if lane == NETWORK else f"{told} (on {lane.name})."


def describe_request(timeline: Timeline, request: int) -> str:
    """Return where a request's time went, by state, in the order in which it entered them."""
    times = by_state(timeline.of(request))
    parts = ", ".join(f"{state} {milliseconds(time_ns)}" for state, time_ns in times.items())
    return f"{milliseconds(sum(times.values()))}: {parts}."


def by_state(spans: Iterable[Span]) -> Mapping[State, int]:
    """Return the time in each state, nanoseconds, in the order in which the states occur."""
    times: Counter[State] = Counter()
    for span in spans:
        times[span.state] += span.duration_ns
    return times


def describe_threads(timeline: Timeline) -> str:
    """Return what the keyword costs in threads and loops, as the end of a sentence about it.

    ``starts 1 thread and 1 loop per request``, ``changes threads 4 times per request``, or ``stays on the server's
    event loop``: counted from the spans.
    """
    requests = len(timeline.exchanges)
    own_loops = [lane.kind for lane in timeline.lanes].count("own loop")
    if own_loops and own_loops % requests == 0:
        each = own_loops // requests
        return f"starts {_counted(each, 'thread')} and {_counted(each, 'loop')} per request"
    if own_loops:
        started = f"{_counted(own_loops, 'thread')} and {_counted(own_loops, 'loop')}"
        return f"starts {started} for {_counted(requests, 'request')}"
    if changes := sum(_changes(timeline, exchange.request) for exchange in timeline.exchanges) / requests:
        return f"changes threads {_TIMES.get(changes, f'{changes:.2g} times')} per request"
    kinds = {lane.kind for lane in timeline.lanes} - {NETWORK.kind}
    return f"stays on {_ALONE.get(kinds.pop(), 'one thread') if len(kinds) == 1 else 'one thread'}"


def describe_extra(lane: Lane, beside: Timeline | None) -> str:
    """Return what a lane is in addition to those of the burst beside it: ``+1 thread, +1 loop``; mostly nothing.

    Args:
        lane: Of a burst.
        beside: Another burst; without one, what is started for a single request is additional.
    """
    if lane.kind == "own loop" and (beside is None or _lacks(beside, lane)):
        return "+1 thread, +1 loop"
    return "+1 thread" if lane.kind == "worker" and beside is not None and _lacks(beside, lane) else ""


def describe_findings(timeline: Timeline) -> tuple[str, ...]:
    """Return what the burst shows: which threads ran it, whether its waits overlapped, and what else took time."""
    return (_who(timeline), *_waits(timeline), *_blocking(timeline), *_queue(timeline), _rest(timeline))


def describe_limits(timeline: Timeline) -> tuple[str, ...]:
    """Return what the recorder did not see of somebody's app; nothing for the lab's own."""
    if timeline.is_own:
        return ()
    states = {span.state for span in timeline.spans}
    limits = []
    if State.ACCEPTED not in states:
        limits.append("how this server reads a request: all until it calls the app is “sent”")
    if State.APP in states:
        limits.append("where the framework ends and the view begins: that is seen of Flask alone")
    limits.append("waits inside libraries in C, such as sqlite3: they count as running")
    return (f"Not seen: {'; '.join(limits)}.",)


def describe_cost(cost: Cost) -> str:
    """Return which of the recorded bursts is shown, and what recording cost."""
    return (
        f"The median of {cost.bursts} recorded bursts is shown. What recording cost: a request took "
        f"{cost.recorded_ms:.2f} ms with the recorder and {cost.plain_ms:.2f} ms in as many bursts without it "
        f"(medians); it took {cost.notes_per_request:.0f} notes a request, {cost.note_us:.2f} µs each."
    )


def _changes(timeline: Timeline, request: int) -> int:
    """Return how often a request goes from one thread of the server to another."""
    lanes = [span.lane for span in timeline.of(request) if span.lane != NETWORK.number]
    return sum(lane != before for before, lane in pairwise(lanes))


def _lacks(timeline: Timeline, lane: Lane) -> bool:
    return lane.kind not in {each.kind for each in timeline.lanes}


def _who(timeline: Timeline) -> str:
    kinds = [lane.kind for lane in timeline.lanes]
    workers, own_loops = kinds.count("worker"), kinds.count("own loop")
    requests = _counted(len(timeline.exchanges), "request")
    if not workers and not own_loops:
        if "loop" in kinds:
            return f"One thread did everything: the server's event loop handled the {requests} in turns."
        return f"One thread did everything: the server's main thread handled the {requests} one after another."
    threads = _counted(workers, "worker thread")
    if "loop" in kinds:
        views = f"The server's event loop read the {requests} and wrote the answers; {threads} took part"
    elif "main" in kinds:
        views = f"The server's main thread read the {requests}; {threads} took part"
    else:
        views = f"{capitalized(threads)} handled the {requests}; no event loop took part"
    if not own_loops:
        return f"{views}."
    if own_loops == 1:
        return f"{views}, and a thread with an event loop of its own was started and ended."
    return f"{views}, and {own_loops} threads, each with an event loop of its own, were started and ended."


def _waits(timeline: Timeline) -> Sequence[str]:
    waits = [span for span in timeline.spans if span.state is State.WAITING]
    if not waits:
        return ()
    together = at_once(waits)
    meanwhile = _meanwhile(timeline, max(reversed(waits), key=lambda span: span.duration_ns))
    if not timeline.wait_ms or len(waits) != len(timeline.exchanges):
        total = sum(span.duration_ns for span in waits) / len(timeline.exchanges)
        waited = f"A request waited {milliseconds(total)} on average ({_counted(len(waits), 'wait')} in all)"
        return (f"{waited}; at most {_counted(together, 'request')} waited at once. {capitalized(meanwhile)}.",)
    asked = f"{timeline.wait_ms:g} ms"
    if len(waits) == 1:
        return (f"It waited for {milliseconds(waits[0].duration_ns)} ({asked} requested); {meanwhile}.",)
    if together == len(waits):
        overlap = f"The {len(waits)} waits of {asked} were all in progress at once"
    elif together == 1:
        overlap = f"The {len(waits)} waits of {asked} came one after another"
    else:
        overlap = f"Of the {len(waits)} waits of {asked}, at most {together} were in progress at once"
    return (f"{overlap}: the last answer arrived after {milliseconds(timeline.end_ns)}. {capitalized(meanwhile)}.",)


def _blocking(timeline: Timeline) -> Sequence[str]:
    blocked_ns = sum(span.duration_ns for span in timeline.spans if span.state is State.BLOCKING)
    if not blocked_ns:
        return ()
    blocked = f"The app waited without await, and blocked the event loop for {milliseconds(blocked_ns)} in all"
    return (f"{blocked}: no other request could run meanwhile.",)


def _queue(timeline: Timeline) -> Sequence[str]:
    queued = max(
        (span for span in timeline.spans if span.state is State.QUEUED), key=lambda span: span.duration_ns, default=None
    )
    if queued is None:
        return ()
    latency_ns = sum(by_state(timeline.of(queued.request)).values())
    if queued.duration_ns < max(_LATE_SHARE * latency_ns, _LATE_LEAST_MS * 1e6):
        return ()
    share = 100 * queued.duration_ns / latency_ns
    waited = milliseconds(queued.duration_ns)
    return (f"Request {queued.request} was queued for a thread for {waited}, {share:.0f} % of its time.",)


def _rest(timeline: Timeline) -> str:
    spans = [span for span in timeline.spans if span.counts and span.state is not State.WAITING]
    times, count = by_state(spans), len(timeline.exchanges)
    largest = max(times, key=lambda state: times[state])
    beside = "Apart from its wait, a" if len(spans) < sum(span.counts for span in timeline.spans) else "A"
    return (
        f"{beside} request took {milliseconds(sum(times.values()) / count)} on average, most of it "
        f"“{largest}” with {milliseconds(times[largest] / count)}: {MEANINGS[largest]}."
    )


def _meanwhile(timeline: Timeline, wait: Span) -> str:
    kind = timeline.lane(wait.lane).kind
    if kind in ("worker", "main"):
        return "meanwhile the thread was held"
    if kind == "own loop":
        return "meanwhile each held two threads: a worker, and the thread of a loop that serves no other request"
    held = any(
        span.state is State.HELD and span.start_ns <= wait.start_ns and wait.end_ns <= span.end_ns
        for span in timeline.spans
        if span.request == wait.request
    )
    return "meanwhile the event loop was free for others" + (", but the request's thread was held" if held else "")


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def capitalized(text: str) -> str:
    """Return a text with its first letter in upper case, and the others as they are."""
    return text[:1].upper() + text[1:]
