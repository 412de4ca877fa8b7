from __future__ import annotations

import pytest

from benchmarks.errors import LabError
from benchmarks.live.recorder.states import State
from benchmarks.live.timeline import Note, Timeline, at_once
from tests.benchmarks.live.conftest import EXCHANGES, LOOP, MS, NOTES, WORKER, built, covered, exchange, note


def spans_ms(timeline: Timeline, request: int) -> list[tuple[str, str, float, float]]:
    """Return the spans of a request as lane, state, beginning and end in milliseconds."""
    return [
        (timeline.lane(span.lane).name, str(span.state), span.start_ns / MS, span.end_ns / MS)
        for span in timeline.of(request)
    ]


def test_a_request_is_in_one_state_after_the_other(timeline: Timeline) -> None:
    """From its sending to its answer's last byte, without a gap; the server's later clean-up does not count."""
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
    """All spans to all of it; the server's spans to all but the way there and back."""
    assert 1.0 == covered(timeline, 1)
    assert 26 / 27.5 == covered(timeline, 1, leave_out=["network"])


def test_a_thread_that_is_held_is_shown_but_not_counted(timeline: Timeline) -> None:
    """Its request is elsewhere meanwhile; a hold ends with the request at the latest."""
    held = [span for span in timeline.spans if span.state is State.HELD]

    assert [(2, 25.5, 47)] == [(span.request, span.start_ns / MS, span.end_ns / MS) for span in held]
    assert not held[0].counts
    assert 1.0 == covered(timeline, 2)


def test_an_answer_that_comes_before_it_is_noted_ends_the_last_span(timeline: Timeline) -> None:
    """The client may be quicker than the server's own note."""
    assert ("the server's event loop", "answering", 46, 48.5) == spans_ms(timeline, 2)[-1]


def test_lanes_are_the_network_the_loop_and_the_threads(timeline: Timeline) -> None:
    """Whatever numbers the server's threads have."""
    assert [(0, "network"), (1, "loop"), (2, "worker")] == [(lane.number, lane.kind) for lane in timeline.lanes]


def test_the_same_state_noted_twice_is_one_span() -> None:
    """Two hooks may see the same thing."""
    doubled = built([*NOTES, note(1.2, LOOP, 1, State.ACCEPTED)])

    assert spans_ms(built(), 1) == spans_ms(doubled, 1)


@pytest.mark.parametrize(
    ("notes", "told"),
    [
        ([], "not seen by the server"),
        (NOTES[1:], "not seen by the server"),
        ([each for each in NOTES if each[3] != State.ANSWERING], "never began to answer"),
        ([note(-1, LOOP, 1, State.ACCEPTED), *NOTES], "before it was sent"),
    ],
)
def test_a_recording_with_a_hole_is_refused(notes: list[Note], told: str) -> None:
    """Rather than drawn."""
    with pytest.raises(LabError, match=f"Request 1.*{told}"):
        built(notes)


def test_a_server_that_is_not_seen_as_it_reads_is_on_its_way_until_then() -> None:
    """Of somebody's app that is no hole: what comes before its call is a part of the first state."""
    seen = [each for each in NOTES if each[3] != State.ACCEPTED]

    first, second, *_ = spans_ms(built(seen, is_own=False), 1)
    assert ("on its way", "sent", 0.0, 2.0) == first
    assert "queued for a thread" == second[1]
    with pytest.raises(LabError, match="not seen by the server"):
        built([], is_own=False)


def test_a_main_thread_without_a_loop_is_a_lane_of_its_own() -> None:
    """As that of a server that serves one request after another."""
    lanes = built(lanes={WORKER: "worker", LOOP: "main"}).lanes

    assert ["on its way", "the server's main thread", "worker thread 1"] == [lane.name for lane in lanes]


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


def test_rows_are_lanes_and_their_requests(timeline: Timeline) -> None:
    """From the network down, with the spans of each request there, and each span once."""
    rows = timeline.rows()

    assert ["on its way", "the server's event loop", "worker thread 1"] == [lane.name for lane in rows]
    assert [[1, 2], [1, 2], [1, 2]] == [list(requests) for requests in rows.values()]
    spans = [span for requests in rows.values() for request in requests.values() for span in request]
    assert set(timeline.spans) == set(spans)
    assert len(timeline.spans) == len(spans)
    for lane, requests in rows.items():
        for request, of_request in requests.items():
            assert {(lane.number, request)} == {(span.lane, span.request) for span in of_request}
