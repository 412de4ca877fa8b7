"""Lays a recorded burst out for the page: lanes as rows, spans with their words; values and no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.live.timeline import Span, State, Timeline
from benchmarks.live.words import MEANINGS, milliseconds, tell_findings, tell_request, tell_span

KINDS: Final[Mapping[State, str]] = {
    State.SENT: "away",
    State.ACCEPTED: "server",
    State.QUEUED: "handed",
    State.FRAMEWORK: "framework",
    State.LOOP_CREATED: "made",
    State.VIEW: "view",
    State.WAITING: "waits",
    State.LOOP_CLOSED: "made",
    State.TO_LOOP: "handed",
    State.TO_THREAD: "handed",
    State.ANSWERING: "server",
    State.ANSWERED: "away",
    State.HELD: "held",
}
"""What a state is drawn as: states of one kind look alike, and their words tell them apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A span as it is drawn.

    Attributes:
        id: Of its element, the same for the same burst: ``flask-sync-hypercorn-20-r1-s3``.
        request: Number of the request.
        state: Name of its state.
        kind: How it looks, see ``KINDS``.
        start_ns: From the burst's first send.
        end_ns: The same.
        words: It in one sentence.
    """

    id: str
    request: int
    state: str
    kind: str
    start_ns: int
    end_ns: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One request on one lane."""

    request: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartLane:
    """A lane and the requests that were on it."""

    name: str
    kind: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A burst, laid out.

    Attributes:
        id: Of its element.
        contender: Its id.
        path: What each request asked for.
        lanes: From the network down.
        end_ns: When the last answer was there.
        legend: Each kind that is drawn, its states, and what they mean.
        requests: Where the time of each went, in words.
        findings: What the burst shows, in words.
    """

    id: str
    contender: str
    path: str
    lanes: tuple[ChartLane, ...]
    end_ns: int
    legend: tuple[LegendEntry, ...]
    requests: tuple[str, ...]
    findings: tuple[str, ...]

    @property
    def end(self) -> str:
        """The same with its unit."""
        return milliseconds(self.end_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendEntry:
    """A state that is drawn."""

    state: str
    kind: str
    meaning: str


def lay_out(timeline: Timeline) -> Chart:
    """Lay a burst out."""
    name = "".join(sign if sign.isalnum() else "-" for sign in f"{timeline.contender}-{timeline.wait_ms:g}")
    ids = {
        span: f"{name}-r{span.request}-s{place}"
        for exchange in timeline.exchanges
        for place, span in enumerate((span for span in timeline.spans if span.request == exchange.request), start=1)
    }
    drawn = {span.state for span in timeline.spans}
    return Chart(
        id=name,
        contender=timeline.contender,
        path=timeline.path,
        lanes=tuple(
            ChartLane(name=lane.name, kind=lane.kind.replace(" ", "-"), rows=rows)
            for lane in timeline.lanes
            if (rows := tuple(_rows(timeline, lane.number, ids)))
        ),
        end_ns=timeline.end_ns,
        legend=tuple(
            LegendEntry(state=str(state), kind=KINDS[state], meaning=meaning)
            for state, meaning in MEANINGS.items()
            if state in drawn
        ),
        requests=tuple(tell_request(timeline, exchange.request) for exchange in timeline.exchanges),
        findings=tell_findings(timeline),
    )


def _rows(timeline: Timeline, lane: int, ids: Mapping[Span, str]) -> Sequence[Row]:
    spans = [span for span in timeline.spans if span.lane == lane]
    return [
        Row(
            request=request,
            bars=tuple(_bar(timeline, span, ids[span]) for span in _stacked(spans) if span.request == request),
        )
        for request in sorted({span.request for span in spans})
    ]


def _stacked(spans: Sequence[Span]) -> Sequence[Span]:
    # A thread that is held is held behind whatever else goes on there: what is drawn later lies above.
    return sorted(spans, key=lambda span: (span.counts, span.start_ns))


def _bar(timeline: Timeline, span: Span, span_id: str) -> Bar:
    return Bar(
        id=span_id,
        request=span.request,
        state=str(span.state),
        kind=KINDS[span.state],
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        words=tell_span(timeline, span),
    )
