"""The timeline of one burst: where each request was at each moment, on which thread; values and no I/O.

Between its sending and the last byte of its answer a request is always in exactly one state, so the spans of a request
follow one another without a gap and add up to its latency. Times are nanoseconds of the machine's monotonic clock,
which client and server share, counted from the burst's first send.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Literal

from benchmarks.errors import LabError
from benchmarks.live.recorder.states import RELEASED, LaneKind, State

Note = tuple[int, int, int, str]
"""What a server noted: the time (monotonic, nanoseconds), its thread (from 1), the request, and the ``State`` that the
request enters; or ``RELEASED``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What the client saw of one request, by its own clock: from just before it was sent to its answer's last byte."""

    request: int
    sent_ns: int
    received_ns: int

    @property
    def latency_ns(self) -> int:
        """Nanoseconds from one to the other."""
        return self.received_ns - self.sent_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A thread of the server, or what lies between client and server.

    Attributes:
        number: 0 for the network, then the server's loop or main thread, workers and own loops, each kind in the
            order in which they came into the burst.
        kind: ``network``, ``loop`` (the server's), ``main`` (a main thread without a loop), ``worker``, or ``own
            loop`` (a thread that runs a loop for one request alone).
        name: For a person.
    """

    number: int
    kind: LaneKind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A request, in one state, on one lane, for a time.

    Attributes:
        request: Its number, from 1.
        lane: The lane's number.
        state: Where the request is. ``State.HELD`` is where a thread is, which waits while its request is elsewhere.
        start_ns: From the burst's first send.
        end_ns: The same.
    """

    request: int
    lane: int
    state: State
    start_ns: int
    end_ns: int

    @property
    def duration_ns(self) -> int:
        """Nanoseconds."""
        return self.end_ns - self.start_ns

    @property
    def counts(self) -> bool:
        """Whether it is a part of its request's latency."""
        return self.state is not State.HELD


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """One recorded burst.

    Attributes:
        contender: Its id.
        path: What each request asked for.
        wait_ms: How long the view was told to wait, milliseconds; 0 for not at all.
        lanes: Those that took part, the network first.
        exchanges: What the client saw, its clock made relative to the first send.
        spans: In the order of request and time.
        method: Of each request.
        is_own: Whether the app is one of the lab's own; of another, the recorder may see less.
        schema_version: Of the document.
    """

    contender: str
    path: str
    wait_ms: float
    lanes: tuple[Lane, ...]
    exchanges: tuple[Exchange, ...]
    spans: tuple[Span, ...]
    method: str = "GET"
    is_own: bool = True
    schema_version: Literal[1] = 1

    @property
    def end_ns(self) -> int:
        """When the last answer had arrived."""
        return max(exchange.received_ns for exchange in self.exchanges)

    def of(self, request: int) -> tuple[Span, ...]:
        """Return the spans that make a request's latency, in order."""
        return tuple(span for span in self.spans if span.request == request and span.counts)

    def lane(self, number: int) -> Lane:
        """Return the lane of a number."""
        return next(lane for lane in self.lanes if lane.number == number)

    def rows(self) -> Mapping[Lane, Mapping[int, Sequence[Span]]]:
        """Return the spans as they are drawn: by lane, from the network down, and in each lane by request."""
        rows: dict[Lane, dict[int, list[Span]]] = {lane: {} for lane in self.lanes}
        for span in self.spans:
            rows[self.lane(span.lane)].setdefault(span.request, []).append(span)
        return {lane: requests for lane, requests in rows.items() if requests}


NETWORK = Lane(number=0, kind="network", name="on its way")
_NAMES: Mapping[LaneKind, str] = {
    "loop": "the server's event loop",
    "main": "the server's main thread",
    "worker": "worker thread {}",
    "own loop": "thread with a loop of its own {}",
}


def build(
    *,
    contender: str,
    path: str,
    wait_ms: float,
    lanes: Mapping[int, LaneKind],
    notes: Iterable[Note],
    exchanges: Sequence[Exchange],
    method: str = "GET",
    is_own: bool = True,
) -> Timeline:
    """Make a timeline from the notes of the server and what the client saw.

    Args:
        contender: Its id.
        path: What each request asked for.
        wait_ms: See ``Timeline``.
        lanes: Kind of each of the server's threads that noted something.
        notes: About these requests, in any order.
        exchanges: What the client saw of each.
        method: See ``Timeline``.
        is_own: The same.
    Raises:
        LabError: A request's notes do not begin with its being accepted, or for somebody's app with its call, and end
            with its answer, between its sending and its last byte: something was not recorded, or the clocks differ.
    """
    origin_ns = min(exchange.sent_ns for exchange in exchanges)
    seen = tuple(
        replace(each, sent_ns=each.sent_ns - origin_ns, received_ns=each.received_ns - origin_ns) for each in exchanges
    )
    noted = [
        (at_ns - origin_ns, lane, request, what) for at_ns, lane, request, what in sorted(notes, key=itemgetter(0))
    ]
    spans: list[Span] = []
    for exchange in seen:
        own = [note for note in noted if note[2] == exchange.request]
        spans += _states(exchange, own, is_own=is_own)
        spans += _holds(exchange, own)
    by_thread = _lanes(spans, lanes)
    return Timeline(
        contender=contender,
        path=path,
        wait_ms=wait_ms,
        lanes=tuple(by_thread.values()),
        exchanges=seen,
        spans=tuple(replace(span, lane=by_thread[span.lane].number) for span in spans),
        method=method,
        is_own=is_own,
    )


def at_once(spans: Iterable[Span]) -> int:
    """Return the largest number of these spans that overlap at one moment."""
    # An end before a beginning at the same moment: what follows one another does not overlap.
    changes = sorted([(span.start_ns, 1) for span in spans] + [(span.end_ns, -1) for span in spans])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def _states(exchange: Exchange, notes: Sequence[Note], *, is_own: bool) -> list[Span]:
    changes = _until_answered([note for note in notes if note[3] not in (State.HELD, RELEASED)])
    _check(exchange, changes, is_own=is_own)
    starts = [(exchange.sent_ns, NETWORK.number, State.SENT)]
    for at_ns, thread, _, what in changes:
        state = State(what)
        starts.append((at_ns, NETWORK.number if state is State.ANSWERED else thread, state))
    ends = [start for start, _, _ in starts[1:]] + [exchange.received_ns]
    spans: list[Span] = []
    for (start, lane, state), end in zip(starts, ends, strict=True):
        # The client may have the answer before the server's thread notes that it wrote it.
        end_ns = min(end, exchange.received_ns)
        if end_ns <= start:
            continue
        if spans and (spans[-1].lane, spans[-1].state) == (lane, state):
            start = spans.pop().start_ns  # noqa: PLW2901 - the same span continues
        spans.append(Span(request=exchange.request, lane=lane, state=state, start_ns=start, end_ns=end_ns))
    return spans


def _until_answered(notes: Sequence[Note]) -> Sequence[Note]:
    # What the server tidies up afterwards is no part of the request.
    for number, note in enumerate(notes):
        if note[3] == State.ANSWERED:
            return notes[: number + 1]
    return notes


def _check(exchange: Exchange, notes: Sequence[Note], *, is_own: bool) -> None:
    name = f"Request {exchange.request}"
    answering = [note[0] for note in notes if note[3] == State.ANSWERING]
    # Not every server can be seen as it reads.
    if not notes or (is_own and notes[0][3] != State.ACCEPTED):
        raise LabError(f"{name} was not seen by the server before its app; record it again.")
    if not answering:
        raise LabError(f"{name}: the server never began to answer; record it again.")
    if notes[0][0] < exchange.sent_ns:
        raise LabError(f"{name} was read before it was sent: client and server do not share a clock.")
    if answering[0] > exchange.received_ns:
        raise LabError(f"{name} was answered after its answer came: client and server do not share a clock.")


def _holds(exchange: Exchange, notes: Sequence[Note]) -> list[Span]:
    since: dict[int, int] = {}
    spans: list[Span] = []
    # What is not released is held until the end of the request.
    ends = [(exchange.received_ns, thread, exchange.request, RELEASED) for _, thread, _, _ in notes]
    for at_ns, thread, _, what in [*notes, *ends]:
        if what == State.HELD:
            since[thread] = at_ns
        elif what == RELEASED and thread in since:
            start, end_ns = since.pop(thread), min(at_ns, exchange.received_ns)
            if end_ns > start:
                spans.append(
                    Span(request=exchange.request, lane=thread, state=State.HELD, start_ns=start, end_ns=end_ns)
                )
    return spans


def _lanes(spans: Iterable[Span], kinds: Mapping[int, LaneKind]) -> dict[int, Lane]:
    """Return the lane of each of the server's threads, in the order of their numbers."""
    entered = dict.fromkeys(span.lane for span in sorted(spans, key=lambda span: span.start_ns))
    lanes = {NETWORK.number: NETWORK}
    for kind, name in _NAMES.items():
        threads = [thread for thread in entered if thread != NETWORK.number and kinds[thread] == kind]
        for place, thread in enumerate(threads, start=1):
            lanes[thread] = Lane(number=len(lanes), kind=kind, name=name.format(place))
    return lanes
