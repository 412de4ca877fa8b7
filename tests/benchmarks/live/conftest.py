"""A burst of two requests, with notes like those of a server with a worker thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from benchmarks.live.recorder.states import RELEASED, LaneKind, State
from benchmarks.live.recording import Cost, Recording
from benchmarks.live.timeline import Exchange, Note, Span, Timeline, build

MS = 1_000_000
START_NS = 5_000 * MS
LOOP, WORKER = 7, 9


def note(at_ms: float, thread: int, request: int, what: str) -> Note:
    """Return a note, taken ``at_ms`` milliseconds after the burst's start."""
    return START_NS + round(at_ms * MS), thread, request, what


def exchange(request: int, sent_ms: float, received_ms: float) -> Exchange:
    """Return what the client saw, in milliseconds after the burst's start."""
    return Exchange(
        request=request, sent_ns=START_NS + round(sent_ms * MS), received_ns=START_NS + round(received_ms * MS)
    )


NOTES: tuple[Note, ...] = (
    note(1, LOOP, 1, State.ACCEPTED),
    note(2, LOOP, 1, State.QUEUED),
    note(3, WORKER, 1, State.VIEW),
    note(4, WORKER, 1, State.WAITING),
    note(24, WORKER, 1, State.VIEW),
    note(25, WORKER, 1, State.TO_LOOP),
    note(26, LOOP, 1, State.ANSWERING),
    note(27, LOOP, 1, State.ANSWERED),
    note(28, LOOP, 1, State.FRAMEWORK),
    note(1.5, LOOP, 2, State.ACCEPTED),
    note(2.5, LOOP, 2, State.QUEUED),
    note(25.5, WORKER, 2, State.TO_LOOP),
    note(25.5, WORKER, 2, State.HELD),
    note(26, LOOP, 2, State.WAITING),
    note(46, LOOP, 2, State.ANSWERING),
    note(47, WORKER, 2, RELEASED),
)
EXCHANGES: tuple[Exchange, ...] = (exchange(1, 0, 27.5), exchange(2, 0.5, 48.5))


KINDS: Mapping[int, LaneKind] = {WORKER: "worker", LOOP: "loop"}


def built(
    notes: Sequence[Note] = NOTES,
    exchanges: Sequence[Exchange] = EXCHANGES,
    *,
    lanes: Mapping[int, LaneKind] = KINDS,
    wait_ms: float = 20,
    is_own: bool = True,
) -> Timeline:
    """Build a timeline of these."""
    return build(
        contender="flask-sync@hypercorn",
        path="/wait/sync?ms=20",
        wait_ms=wait_ms,
        lanes=lanes,
        notes=notes,
        exchanges=exchanges,
        is_own=is_own,
    )


def covered(timeline: Timeline, request: int, leave_out: Sequence[str] = ()) -> float:
    """Return the share of a request's latency, as the client measured it, that its spans add up to.

    Args:
        timeline: The burst.
        request: Its number.
        leave_out: Kinds of lanes that do not count.
    """
    exchange = next(exchange for exchange in timeline.exchanges if exchange.request == request)
    spans: list[Span] = [span for span in timeline.of(request) if timeline.lane(span.lane).kind not in leave_out]
    return sum(span.duration_ns for span in spans) / exchange.latency_ns


@pytest.fixture
def timeline() -> Timeline:
    """The burst."""
    return built()


@pytest.fixture
def recording(timeline: Timeline) -> Recording:
    """The burst, and what recording it cost."""
    return Recording(
        timeline=timeline,
        cost=Cost(recorded_ms=37.75, plain_ms=37.5, notes_per_request=8, note_us=0.3, bursts=20),
        recorded_at="2026-11-24T09:00:00+00:00",
        machine="a desk",
    )
