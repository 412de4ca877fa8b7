"""Tells a timeline in words: what a state is, where the time of each request went, and what the burst shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.live.timeline import NETWORK, Span, State, Timeline, at_once

MEANINGS: Final[Mapping[State, str]] = {
    State.SENT: "on its way to the server, then in the kernel until the server reads it",
    State.ACCEPTED: "the server has read it, parses it and calls the app",
    State.QUEUED: "handed to a pool of threads, until a thread takes it",
    State.FRAMEWORK: "the framework's own work around the view: route, hooks, JSON",
    State.LOOP_CREATED: "a thread and an event loop are started for this request alone",
    State.VIEW: "the view's own code runs",
    State.WAITING: "the view waits for its dependency",
    State.LOOP_CLOSED: "the request's own loop and thread are ended again",
    State.TO_LOOP: "a thread is done with it, until the event loop takes it up",
    State.TO_THREAD: "the event loop is done with it, until its thread takes it up",
    State.ANSWERING: "the server writes the answer",
    State.ANSWERED: "written, until the client has read all of it",
    State.HELD: "the thread can do nothing else: its request is elsewhere, and it waits for it",
}
"""What each state means, for a legend."""

_LATE_SHARE: Final = 0.05
_LATE_LEAST_MS: Final = 1.0


def milliseconds(duration_ns: float) -> str:
    """Return a duration with its unit: milliseconds with three digits or so, below a tenth of one microseconds."""
    if duration_ns < 99_500:
        return f"{duration_ns / 1e3:.0f} µs"
    duration_ms = duration_ns / 1e6
    return f"{duration_ms:.2f} ms" if duration_ms < 9.995 else f"{duration_ms:.1f} ms"


def tell_span(timeline: Timeline, span: Span) -> str:
    """Return one sentence about a span, for whoever points at it."""
    lane = timeline.lane(span.lane)
    told = f"Request {span.request}, {span.state} for {milliseconds(span.duration_ns)}: {MEANINGS[span.state]}"
    if span.state is State.WAITING:
        return f"{told}; {_meanwhile(timeline, span)}."
    return f"{told}." if lane == NETWORK else f"{told} (on {lane.name})."


def tell_request(timeline: Timeline, request: int) -> str:
    """Return where a request's time went, by state, in the order in which it came into each."""
    spans = timeline.of(request)
    totals: dict[State, int] = {}
    for span in spans:
        totals[span.state] = totals.get(span.state, 0) + span.duration_ns
    latency_ns = next(exchange.latency_ns for exchange in timeline.exchanges if exchange.request == request)
    parts = ", ".join(f"{state} {milliseconds(total)}" for state, total in totals.items())
    return f"{milliseconds(latency_ns)}: {parts}."


def tell_findings(timeline: Timeline) -> tuple[str, ...]:
    """Return what the burst shows: who ran it, whether its waits overlapped, and what held it up beside them."""
    return (_who(timeline), *_waits(timeline), *_queue(timeline), _rest(timeline))


def _who(timeline: Timeline) -> str:
    kinds = [lane.kind for lane in timeline.lanes]
    workers, own_loops = kinds.count("worker"), kinds.count("own loop")
    if not workers and not own_loops:
        return f"One thread did all of it: the server's event loop had {_requests(timeline)} in hand by turns."
    hands = f"The server's event loop took the {_requests(timeline)} in and gave the answers out"
    views = f"{hands}; {_counted(workers, 'worker thread')} took part"
    if not own_loops:
        return f"{views}."
    if own_loops == 1:
        return f"{views}, and a thread with an event loop of its own was started and ended."
    return f"{views}, and {own_loops} threads, each with an event loop of its own, were started and ended."


def _waits(timeline: Timeline) -> Sequence[str]:
    waits = [span for span in timeline.spans if span.state is State.WAITING]
    if not timeline.wait_ms or not waits:
        return ()
    asked = f"{timeline.wait_ms:g} ms"
    together = at_once(waits)
    meanwhile = _meanwhile(timeline, waits[-1])
    if len(waits) == 1:
        return (f"It waited {milliseconds(waits[0].duration_ns)} where {asked} was asked for; {meanwhile}.",)
    if together == len(waits):
        overlap = f"The {len(waits)} waits of {asked} were all under way at once"
    elif together == 1:
        overlap = f"The {len(waits)} waits of {asked} came one after another"
    else:
        overlap = f"Of the {len(waits)} waits of {asked}, {together} at most were under way at once"
    return (f"{overlap}: the last answer was there after {milliseconds(timeline.end_ns)}. {_upper(meanwhile)}.",)


def _queue(timeline: Timeline) -> Sequence[str]:
    queued = max(
        (span for span in timeline.spans if span.state is State.QUEUED), key=lambda span: span.duration_ns, default=None
    )
    if queued is None:
        return ()
    latency_ns = next(each.latency_ns for each in timeline.exchanges if each.request == queued.request)
    if queued.duration_ns < max(_LATE_SHARE * latency_ns, _LATE_LEAST_MS * 1e6):
        return ()
    share = 100 * queued.duration_ns / latency_ns
    lay = milliseconds(queued.duration_ns)
    return (f"Request {queued.request} lay in the queue for a thread for {lay}, {share:.0f} % of its time.",)


def _rest(timeline: Timeline) -> str:
    totals: dict[State, int] = {}
    for exchange in timeline.exchanges:
        for span in timeline.of(exchange.request):
            if span.state is not State.WAITING:
                totals[span.state] = totals.get(span.state, 0) + span.duration_ns
    count = len(timeline.exchanges)
    largest = max(totals, key=lambda state: totals[state])
    beside = "Beside its wait, a" if timeline.wait_ms else "A"
    return (
        f"{beside} request took {milliseconds(sum(totals.values()) / count)} on average, most of it "
        f"“{largest}” with {milliseconds(totals[largest] / count)}: {MEANINGS[largest]}."
    )


def _meanwhile(timeline: Timeline, wait: Span) -> str:
    kind = timeline.lane(wait.lane).kind
    if kind == "worker":
        return "meanwhile the thread was held"
    if kind == "own loop":
        return "meanwhile each held two threads: a worker, and the one of a loop that has no other request"
    held = any(
        span.state is State.HELD and span.start_ns <= wait.start_ns and wait.end_ns <= span.end_ns
        for span in timeline.spans
        if span.request == wait.request
    )
    return "meanwhile the event loop was free for others" + (", but the request's thread was held" if held else "")


def _requests(timeline: Timeline) -> str:
    return _counted(len(timeline.exchanges), "request")


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]
