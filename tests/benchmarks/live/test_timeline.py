from __future__ import annotations

import json

import pytest

from benchmarks.errors import LabError
from benchmarks.live.timeline import State, Timeline, at_once, covered
from tests.benchmarks.live.conftest import EVENTS, EXCHANGES, LOOP, MS, built, event, exchange


def spans_ms(timeline: Timeline, request: int) -> list[tuple[str, str, float, float]]:
    """Return the spans of a request as lane, state, beginning and end in milliseconds."""
    return [
        (timeline.lane(span.lane).name, str(span.state), span.start_ns / MS, span.end_ns / MS)
        for span in timeline.of(request)
    ]


def test_a_request_is_in_one_state_after_the_other(timeline: Timeline) -> None:
    """From its sending to its answer's last byte, without a gap; what the server tidies up later is no part of it."""
    assert [
        ("on its way", "sent", 0, 1),
        ("the server's event loop", "accepted", 1, 2),
        ("the server's event loop", "queued for a thread", 2, 3),
        ("worker thread 1", "view running", 3, 4),
        ("worker thread 1", "waiting", 4, 24),
        ("worker thread 1", "view running", 24, 25),
        ("worker thread 1", "back to the loop", 25, 26),
        ("the server's event loop", "answering", 26, 27),
        ("on its way", "answered", 27, 27.5),
    ] == spans_ms(timeline, 1)


def test_the_spans_add_up_to_the_latency(timeline: Timeline) -> None:
    """All of them to all of it; the server's own to what is not the way there and back."""
    assert 1.0 == covered(timeline, 1)
    assert 26 / 27.5 == covered(timeline, 1, on_server_only=True)


def test_a_thread_that_is_held_is_shown_but_not_counted(timeline: Timeline) -> None:
    """Its request is elsewhere meanwhile; a hold lasts to the request's end at the most."""
    held = [span for span in timeline.spans if span.state is State.HELD]

    assert [(2, 25.5, 47)] == [(span.request, span.start_ns / MS, span.end_ns / MS) for span in held]
    assert not held[0].counts
    assert 1.0 == covered(timeline, 2)


def test_an_answer_that_comes_before_it_is_noted_ends_the_last_span(timeline: Timeline) -> None:
    """The client may be quicker than the server's own note."""
    assert ("the server's event loop", "answering", 46, 48.5) == spans_ms(timeline, 2)[-1]


def test_lanes_are_the_network_the_loop_and_the_threads(timeline: Timeline) -> None:
    """Whatever numbers the server gave them."""
    assert [(0, "network"), (1, "loop"), (2, "worker")] == [(lane.number, lane.kind) for lane in timeline.lanes]


def test_the_same_state_noted_twice_is_one_span() -> None:
    """Two hooks may see the same thing."""
    doubled = built([*EVENTS, event(1.2, LOOP, 1, State.ACCEPTED)])

    assert spans_ms(built(), 1) == spans_ms(doubled, 1)


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([], "not seen by the server"),
        (EVENTS[1:], "not seen by the server"),
        ([each for each in EVENTS if each.what != State.ANSWERING], "never began to answer"),
        ([event(-1, LOOP, 1, State.ACCEPTED), *EVENTS], "before it was sent"),
    ],
)
def test_a_recording_with_a_hole_is_refused(events: list[object], told: str) -> None:
    """Rather than drawn."""
    with pytest.raises(LabError, match=f"Request 1.*{told}"):
        built(events)  # type: ignore[arg-type]  # parametrize knows only object


def test_clocks_that_differ_are_found_out() -> None:
    """An answer cannot begin after it has come."""
    with pytest.raises(LabError, match="do not share a clock"):
        built(exchanges=[exchange(1, 0, 20), EXCHANGES[1]])


def test_how_many_are_under_way_at_once(timeline: Timeline) -> None:
    """Spans that follow one another do not overlap."""
    waits = [span for span in timeline.spans if span.state is State.WAITING]

    assert 1 == at_once(waits)
    assert 2 == at_once([*waits, waits[0]])
    assert 0 == at_once([])


def test_a_timeline_survives_json(timeline: Timeline) -> None:
    """What is written is read back equal."""
    assert timeline == Timeline.from_json(json.loads(json.dumps(timeline.to_json())))


@pytest.mark.parametrize("change", [{"schema_version": 0}, {"spans": [{"state": "asleep"}]}, {"lanes": 1}])
def test_another_document_is_no_timeline(timeline: Timeline, change: dict[str, object]) -> None:
    """The message says how to make a right one."""
    with pytest.raises(LabError, match="lab explain"):
        Timeline.from_json(timeline.to_json() | change)
