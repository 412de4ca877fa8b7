from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from benchmarks.live.drawing import chrome_trace, print_recording
from benchmarks.live.recorder.states import State
from benchmarks.live.recording import Recording
from benchmarks.live.timeline import Timeline
from benchmarks.live.words import (
    MEANINGS,
    describe_extra,
    describe_findings,
    describe_limits,
    describe_request,
    describe_span,
    describe_threads,
    milliseconds,
)
from tests.benchmarks.live.conftest import LOOP, NOTES, WORKER, built, note


def printed(recording: Recording, width: int = 100, encoding: str = "utf-8", *, color: bool = False) -> str:
    """Print a recording on a console of this width and encoding."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    print_recording(Console(file=file, width=width, force_terminal=color, no_color=not color), recording)
    return raw.getvalue().decode(encoding)


def test_rows_are_lanes_and_bars_are_spans(recording: Recording) -> None:
    """Each request has a row on each lane that it was on, which shows every state, however short."""
    lines = printed(recording, width=57).splitlines()

    assert [
        "flask-sync@hypercorn: 2 requests at once, each to wait 20",
        "ms (GET /wait/sync?ms=20)",
        "on its way",
    ] == lines[:3]
    rows = {
        tuple(line.split("│")[0].split()): line.split("│")[1] for line in lines if line.startswith(" ") and "│" in line
    }
    assert {("1",), ("2",)} == set(rows)
    loop = lines[lines.index("the server's event loop") + 1 :]
    assert " 1 │" == loop[0][:4]
    assert ["a", "q", "w"] == _runs(loop[0][4:].replace(" ", ""))
    worker = lines[lines.index("worker thread 1") + 1 :]
    assert ["█", "─", "█", "<"] == _runs(worker[0][4:].strip())
    assert worker[1].strip().endswith("═")
    assert lines[lines.index("worker thread 1") + 3].strip().startswith("0 ")
    assert lines[lines.index("worker thread 1") + 3].endswith("48.5 ms")


def _runs(bar: str) -> list[str]:
    return [sign for number, sign in enumerate(bar) if number == 0 or bar[number - 1] != sign]


def test_the_legend_holds_what_is_drawn_and_no_more(recording: Recording) -> None:
    """Each sign with its meaning."""
    told = printed(recording)

    drawn = {span.state for span in recording.timeline.spans}
    for state in State:
        assert (f"{state}: {MEANINGS[state]}" in told) == (state in drawn)


def test_the_cost_of_recording_is_told(recording: Recording) -> None:
    """With what it is compared to."""
    assert "37.75 ms with the recorder and 37.50 ms in as many bursts without it" in " ".join(
        printed(recording).split()
    )


def test_colour_only_repeats_the_signs(recording: Recording) -> None:
    """Without colour the text is the same, without a terminal's escape sequences."""
    assert "\x1b[" not in printed(recording)
    assert "\x1b[" in printed(recording, color=True)


def test_a_plain_terminal_gets_ascii(recording: Recording) -> None:
    """Every sign has a replacement in ASCII."""
    told = printed(recording, encoding="ascii")

    assert "V  view running" in told
    assert "?" not in told.replace("?ms=20", "")


@pytest.mark.parametrize("width", [30, 60, 160])
def test_a_terminals_width_is_kept_to(recording: Recording, width: int) -> None:
    """Bars shrink and words wrap."""
    assert all(len(line) <= width for line in printed(recording, width=width).splitlines())


def test_a_request_in_words(timeline: Timeline) -> None:
    """Its latency, and each state once, with all the time in it."""
    assert (
        "27.5 ms: sent 1.00 ms, accepted 1.00 ms, queued for a thread 1.00 ms, view running 2.00 ms, waiting 20.0 ms, "
        "back to the loop 1.00 ms, answering 1.00 ms, answered 0.50 ms."
    ) == describe_request(timeline, 1)


def test_a_span_in_words(timeline: Timeline) -> None:
    """What it is, how long, where, and who is held meanwhile."""
    told = [describe_span(timeline, span) for span in timeline.spans]

    assert "Request 1, view running for 1.00 ms: the view's own code runs (on worker thread 1)." in told
    waits = [each for each in told if "waiting" in each]
    assert waits[0].endswith("; meanwhile the thread was held.")
    assert waits[1].endswith("; meanwhile the event loop was free for others, but the request's thread was held.")


def test_what_a_burst_shows(timeline: Timeline) -> None:
    """Who took part, whether waits overlapped, who queued, and what costs the most beside the wait."""
    assert (
        "The server's event loop read the 2 requests and wrote the answers; 1 worker thread took part.",
        (
            "The 2 waits of 20 ms came one after another: the last answer arrived after 48.5 ms. Meanwhile the event "
            "loop was free for others, but the request's thread was held."
        ),
        "Request 2 was queued for a thread for 23.0 ms, 48 % of its time.",
        (
            "Apart from its wait, a request took 17.8 ms on average, most of it “queued for a thread” with 12.0 ms: "
            "handed to a pool of threads, until a thread takes it."
        ),
    ) == describe_findings(timeline)


def test_what_a_burst_without_a_loop_shows() -> None:
    """A main thread that does everything, one after another; or worker threads alone."""
    alone = built([(at, LOOP, number, what) for at, _, number, what in NOTES], lanes={LOOP: "main"}, is_own=False)
    on_worker = [(at, WORKER, number, what) for at, _, number, what in NOTES]
    workers = built(on_worker, lanes={WORKER: "worker"}, is_own=False)

    assert (
        "One thread did everything: the server's main thread handled the 2 requests one after another."
        == describe_findings(alone)[0]
    )
    assert "1 worker thread handled the 2 requests; no event loop took part." == describe_findings(workers)[0]
    assert "Meanwhile the thread was held." in describe_findings(alone)[1]


def test_what_a_keyword_costs_in_threads_and_loops() -> None:
    """Counted from the spans: what is started for a request, else how often it changes threads, else where it stays."""
    own_loop = built(lanes={LOOP: "loop", WORKER: "own loop"})
    on_loop = [(at_ns, LOOP, request, what) for at_ns, _, request, what in NOTES]
    elsewhere = [(at_ns, WORKER if request == 2 else LOOP, request, what) for at_ns, _, request, what in NOTES]

    assert "changes threads twice per request" == describe_threads(built())
    assert "starts 1 thread and 1 loop for 2 requests" == describe_threads(own_loop)
    assert "stays on the server's event loop" == describe_threads(built(on_loop, lanes={LOOP: "loop"}))
    assert "stays on the server's main thread" == describe_threads(built(on_loop, lanes={LOOP: "main"}))
    assert "stays on one thread" == describe_threads(built(elsewhere))
    each = replace(own_loop, lanes=(*own_loop.lanes, replace(own_loop.lanes[-1], number=9)))
    assert "starts 1 thread and 1 loop per request" == describe_threads(each)


def test_what_a_lane_is_in_addition() -> None:
    """To the burst beside it; without one, what is started for a single request is."""
    worker, own = built(), built(lanes={LOOP: "loop", WORKER: "own loop"})
    alone = built([(at_ns, LOOP, request, what) for at_ns, _, request, what in NOTES], lanes={LOOP: "loop"})

    assert ["", "", "+1 thread"] == [describe_extra(lane, alone) for lane in worker.lanes]
    assert ["", "", "+1 thread, +1 loop"] == [describe_extra(lane, worker) for lane in own.lanes]
    assert ["", "", "+1 thread, +1 loop"] == [describe_extra(lane, None) for lane in own.lanes]
    assert ["", "", ""] == [describe_extra(lane, None) for lane in worker.lanes]
    assert ["", "", ""] == [describe_extra(lane, own) for lane in own.lanes]


def test_waits_that_nobody_asked_for_are_counted() -> None:
    """How long a request waited, in how many waits, and how many did at once."""
    waited = describe_findings(built(wait_ms=0, is_own=False))[1]

    assert waited.startswith("A request waited 20.0 ms on average (2 waits in all); at most 1 request waited at once.")


def test_a_blocked_loop_is_told() -> None:
    """Nothing else can run there, which is what matters."""
    blocking = [
        (at_ns, LOOP, request, State.BLOCKING if what == State.WAITING else what) for at_ns, _, request, what in NOTES
    ]

    assert "blocked the event loop for 40.0 ms in all" in " ".join(describe_findings(built(blocking, is_own=False)))


def test_what_was_not_seen_of_somebodys_app_is_told(timeline: Timeline) -> None:
    """How its server reads, and where its view begins; of the lab's own apps all is seen."""
    as_one = [
        (at_ns, lane, request, State.APP if what == State.VIEW else what)
        for at_ns, lane, request, what in NOTES
        if what != State.ACCEPTED
    ]

    assert () == describe_limits(timeline)
    assert [False, False, True] == limits_told(built(is_own=False))
    assert [True, True, True] == limits_told(built([*as_one, note(1, LOOP, 1, State.APP)], is_own=False))


def limits_told(timeline: Timeline) -> list[bool]:
    """Return whether reading, the view, and waits in C are said not to be seen."""
    (told,) = describe_limits(timeline)
    return [words in told for words in ("reads a request", "the view begins", "sqlite3")]


@pytest.mark.parametrize(
    ("duration_ns", "told"),
    [(3_400, "3 µs"), (99_499, "99 µs"), (99_500, "0.10 ms"), (9_994_000, "9.99 ms"), (9_996_000, "10.0 ms")],
)
def test_milliseconds(duration_ns: int, told: str) -> None:
    """With about three digits at any size."""
    assert told == milliseconds(duration_ns)


def test_the_trace_holds_every_span_on_its_row(timeline: Timeline) -> None:
    """Complete events in microseconds; spans of one row do not overlap, or a viewer would nest them."""
    events = chrome_trace(timeline)["traceEvents"]

    spans = [each for each in events if each["ph"] == "X"]
    assert len(timeline.spans) == len(spans)
    first = spans[0]
    assert ("sent", 0.0, 1_000.0) == (first["name"], first["ts"], first["dur"])
    rows: dict[int, float] = {}
    for span in sorted((each for each in spans if each["cat"] == "request"), key=lambda each: each["ts"]):
        assert rows.get(span["tid"], 0.0) <= span["ts"]
        rows[span["tid"]] = span["ts"] + span["dur"]
    named = {each["tid"]: each["args"]["name"] for each in events if each["name"] == "thread_name"}
    assert set(named) == {span["tid"] for span in spans}
    assert "worker thread 1 · request 2" in named.values()


def test_a_trace_of_two_bursts_has_a_process_of_each(timeline: Timeline) -> None:
    """Whose arrows do not lead to the other's."""
    events = chrome_trace(timeline, timeline)["traceEvents"]
    flows = {pid: {each["id"] for each in events if each["pid"] == pid and "id" in each} for pid in (1, 2)}

    assert chrome_trace(timeline)["traceEvents"] == [each for each in events if each["pid"] == 1]
    assert [2, 2, set()] == [len(flows[1]), len(flows[2]), flows[1] & flows[2]]


def test_the_trace_leads_each_request_from_row_to_row(timeline: Timeline) -> None:
    """By a flow that starts with its first span and ends with its last."""
    events = chrome_trace(timeline)["traceEvents"]
    flow = sorted((each for each in events if each.get("id") == 1), key=lambda each: each["ts"])

    assert ["s", *"ttttttt", "f"] == [each["ph"] for each in flow]
