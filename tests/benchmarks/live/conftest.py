"""A burst of two requests, as a server with a worker thread might have noted it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from benchmarks.live.recording import Cost, Recording
from benchmarks.live.timeline import RELEASED, Event, Exchange, State, Timeline, build

MS = 1_000_000
START_NS = 5_000 * MS
LOOP, WORKER = 7, 9


def event(at_ms: float, lane: int, request: int, what: str) -> Event:
    """Return an event, so many milliseconds after the burst's start."""
    return Event(at_ns=START_NS + round(at_ms * MS), lane=lane, request=request, what=what)


def exchange(request: int, sent_ms: float, received_ms: float) -> Exchange:
    """Return what the client saw, in milliseconds after the burst's start."""
    return Exchange(
        request=request, sent_ns=START_NS + round(sent_ms * MS), received_ns=START_NS + round(received_ms * MS)
    )


EVENTS: tuple[Event, ...] = (
    event(1, LOOP, 1, State.ACCEPTED),
    event(2, LOOP, 1, State.QUEUED),
    event(3, WORKER, 1, State.VIEW),
    event(4, WORKER, 1, State.WAITING),
    event(24, WORKER, 1, State.VIEW),
    event(25, WORKER, 1, State.TO_LOOP),
    event(26, LOOP, 1, State.ANSWERING),
    event(27, LOOP, 1, State.ANSWERED),
    event(28, LOOP, 1, State.FRAMEWORK),
    event(1.5, LOOP, 2, State.ACCEPTED),
    event(2.5, LOOP, 2, State.QUEUED),
    event(25.5, WORKER, 2, State.TO_LOOP),
    event(25.5, WORKER, 2, State.HELD),
    event(26, LOOP, 2, State.WAITING),
    event(46, LOOP, 2, State.ANSWERING),
    event(47, WORKER, 2, RELEASED),
)
EXCHANGES: tuple[Exchange, ...] = (exchange(1, 0, 27.5), exchange(2, 0.5, 48.5))


def built(events: Sequence[Event] = EVENTS, exchanges: Sequence[Exchange] = EXCHANGES) -> Timeline:
    """Build a timeline of these."""
    return build(
        contender="flask-sync@hypercorn",
        path="/wait/sync?ms=20",
        wait_ms=20,
        lanes={WORKER: "worker", LOOP: "loop"},
        events=events,
        exchanges=exchanges,
    )


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
    )
