"""The timeline of one burst: where each request was at each moment, on which thread; values and no I/O.

Between its sending and the last byte of its answer a request is always in exactly one state, so the spans of a request
follow one another without a gap and add up to its latency. Times are nanoseconds of the machine's monotonic clock,
which client and server share, counted from the burst's first send.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, get_args

from benchmarks.errors import LabError
from benchmarks.foreign_json import ForeignJSONError, decode, encode

LaneKind = Literal["network", "loop", "worker", "own loop"]


class State(StrEnum):
    """Where a request is."""

    SENT = "sent"
    ACCEPTED = "accepted"
    QUEUED = "queued for a thread"
    FRAMEWORK = "framework"
    LOOP_CREATED = "loop created"
    VIEW = "view running"
    WAITING = "waiting"
    LOOP_CLOSED = "loop closed"
    TO_LOOP = "back to the loop"
    TO_THREAD = "back to its thread"
    ANSWERING = "answering"
    ANSWERED = "answered"
    HELD = "thread held"


RELEASED = "released"
"""The event that ends ``State.HELD``, which is no state of a request of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a server noted: from now on, a request is in a state.

    Attributes:
        at_ns: When, monotonic.
        lane: Number of the thread that noted it, from 1.
        request: Number of the request, from 1.
        what: A ``State``, or ``RELEASED``.
    """

    at_ns: int
    lane: int
    request: int
    what: str


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
        number: 0 for the network, then the server's loop, workers and own loops, each kind in the order in which
            they came into the burst.
        kind: ``network``, ``loop`` (the server's), ``worker``, or ``own loop`` (a thread that runs a loop for one
            request alone).
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
        wait_ms: What the view was told to wait for, milliseconds; 0 for not at all.
        lanes: Those that took part, the network first.
        exchanges: What the client saw, its clock made relative to the first send.
        spans: In the order of request and time.
        schema_version: Of the document.
    """

    contender: str
    path: str
    wait_ms: float
    lanes: tuple[Lane, ...]
    exchanges: tuple[Exchange, ...]
    spans: tuple[Span, ...]
    schema_version: Literal[1] = 1

    @property
    def end_ns(self) -> int:
        """When the last answer was there."""
        return max(exchange.received_ns for exchange in self.exchanges)

    def of(self, request: int) -> tuple[Span, ...]:
        """Return the spans that make a request's latency, in order."""
        return tuple(span for span in self.spans if span.request == request and span.counts)

    def lane(self, number: int) -> Lane:
        """Return the lane of a number."""
        return next(lane for lane in self.lanes if lane.number == number)

    def to_json(self) -> dict[str, Any]:
        """Return it as values of JSON."""
        return encode(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Timeline:
        """Return the timeline that ``to_json`` made a document of.

        Raises:
            LabError: It is of another shape.
        """
        try:
            return decode(cls, document)
        except ForeignJSONError as error:
            raise LabError(f"Not a timeline: {error}; record it again with `lab explain`.") from error


NETWORK = Lane(number=0, kind="network", name="on its way")


def build(
    *,
    contender: str,
    path: str,
    wait_ms: float,
    lanes: Mapping[int, LaneKind],
    events: Iterable[Event],
    exchanges: Sequence[Exchange],
) -> Timeline:
    """Make a timeline of what the server noted and what the client saw.

    Args:
        contender: Its id.
        path: What each request asked for.
        wait_ms: See ``Timeline``.
        lanes: Kind of each of the server's threads that noted something.
        events: What it noted of these requests, in any order.
        exchanges: What the client saw of each.
    Raises:
        LabError: A request's events do not begin with its being accepted and end with its answer, between its
            sending and its last byte: something was not recorded, or the clocks are not one.
    """
    origin_ns = min(exchange.sent_ns for exchange in exchanges)
    noted = sorted(events, key=lambda event: event.at_ns)
    spans: list[Span] = []
    for exchange in exchanges:
        own = [event for event in noted if event.request == exchange.request]
        spans += _moved(_states(exchange, own), origin_ns)
        spans += _moved(_holds(exchange, own), origin_ns)
    numbers = _numbered(spans, lanes)
    return Timeline(
        contender=contender,
        path=path,
        wait_ms=wait_ms,
        lanes=(NETWORK, *_named(numbers, lanes)),
        exchanges=tuple(
            Exchange(
                request=exchange.request,
                sent_ns=exchange.sent_ns - origin_ns,
                received_ns=exchange.received_ns - origin_ns,
            )
            for exchange in exchanges
        ),
        spans=tuple(
            Span(
                request=span.request,
                lane=numbers[span.lane],
                state=span.state,
                start_ns=span.start_ns,
                end_ns=span.end_ns,
            )
            for span in spans
        ),
    )


def covered(timeline: Timeline, request: int, *, on_server_only: bool = False) -> float:
    """Return the share of a request's latency, as the client measured it, that its spans add up to.

    Args:
        timeline: Which holds it.
        request: Its number.
        on_server_only: Leave out what is not the server's: its way there and back.
    """
    exchange = next(exchange for exchange in timeline.exchanges if exchange.request == request)
    spans = timeline.of(request)
    if on_server_only:
        spans = tuple(span for span in spans if span.lane != NETWORK.number)
    return sum(span.duration_ns for span in spans) / exchange.latency_ns


def at_once(spans: Iterable[Span]) -> int:
    """Return how many of the spans there are at the same moment, at the most."""
    # An end before a beginning at the same moment: what follows one another does not overlap.
    changes = sorted([(span.start_ns, 1) for span in spans] + [(span.end_ns, -1) for span in spans])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def _states(exchange: Exchange, events: Sequence[Event]) -> list[Span]:
    changes = _until_answered([event for event in events if event.what not in (State.HELD, RELEASED)])
    _check(exchange, changes)
    starts = [(exchange.sent_ns, NETWORK.number, State.SENT)]
    for event in changes:
        state = State(event.what)
        starts.append((event.at_ns, NETWORK.number if state is State.ANSWERED else event.lane, state))
    ends = [start for start, _, _ in starts[1:]] + [exchange.received_ns]
    spans: list[Span] = []
    for (start, lane, state), end in zip(starts, ends, strict=True):
        # The client may have the answer before the server's thread has come to say that it wrote it.
        end_ns = min(end, exchange.received_ns)
        if end_ns <= start:
            continue
        if spans and (spans[-1].lane, spans[-1].state) == (lane, state):
            start = spans.pop().start_ns  # noqa: PLW2901 - the same span goes on
        spans.append(Span(request=exchange.request, lane=lane, state=state, start_ns=start, end_ns=end_ns))
    return spans


def _until_answered(events: Sequence[Event]) -> Sequence[Event]:
    # What the server tidies up afterwards is no part of the request.
    for number, event in enumerate(events):
        if event.what == State.ANSWERED:
            return events[: number + 1]
    return events


def _check(exchange: Exchange, events: Sequence[Event]) -> None:
    name = f"Request {exchange.request}"
    answering = [event.at_ns for event in events if event.what == State.ANSWERING]
    if not events or events[0].what != State.ACCEPTED:
        raise LabError(f"{name} was not seen by the server before its app; record it again.")
    if not answering:
        raise LabError(f"{name}: the server never began to answer; record it again.")
    if events[0].at_ns < exchange.sent_ns:
        raise LabError(f"{name} was read before it was sent: client and server do not share a clock.")
    if answering[0] > exchange.received_ns:
        raise LabError(f"{name} was answered after its answer came: client and server do not share a clock.")


def _holds(exchange: Exchange, events: Sequence[Event]) -> list[Span]:
    since: dict[int, int] = {}
    spans: list[Span] = []

    def end(lane: int, at_ns: int) -> None:
        start = since.pop(lane)
        if (end_ns := min(at_ns, exchange.received_ns)) > start:
            spans.append(Span(request=exchange.request, lane=lane, state=State.HELD, start_ns=start, end_ns=end_ns))

    for event in events:
        if event.what == State.HELD:
            since[event.lane] = event.at_ns
        elif event.what == RELEASED and event.lane in since:
            end(event.lane, event.at_ns)
    for lane in list(since):
        end(lane, exchange.received_ns)
    return spans


def _moved(spans: Iterable[Span], origin_ns: int) -> list[Span]:
    return [
        Span(
            request=span.request,
            lane=span.lane,
            state=span.state,
            start_ns=span.start_ns - origin_ns,
            end_ns=span.end_ns - origin_ns,
        )
        for span in spans
    ]


def _numbered(spans: Iterable[Span], kinds: Mapping[int, LaneKind]) -> dict[int, int]:
    entered = list(dict.fromkeys(span.lane for span in sorted(spans, key=lambda span: span.start_ns)))
    order = get_args(LaneKind)
    by_kind = sorted(set(entered) - {NETWORK.number}, key=lambda lane: (order.index(kinds[lane]), entered.index(lane)))
    return {lane: number for number, lane in enumerate([NETWORK.number, *by_kind])}


def _named(numbers: Mapping[int, int], kinds: Mapping[int, LaneKind]) -> list[Lane]:
    named: list[Lane] = []
    for noted_as, number in numbers.items():
        if noted_as == NETWORK.number:
            continue
        kind = kinds[noted_as]
        place = sum(lane.kind == kind for lane in named) + 1
        name = {
            "loop": "the server's event loop",
            "worker": f"worker thread {place}",
            "own loop": f"thread with a loop of its own {place}",
        }[kind]
        named.append(Lane(number=number, kind=kind, name=name))
    return named
