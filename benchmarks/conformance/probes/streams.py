"""Answers in parts: sent as they are made, held back for a slow client, ended when the client leaves; files."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.conformance.probe import fail, probe
from benchmarks.conformance.subject import Subject, key, left_open, route
from benchmarks.conformance.wire import NoAnswerError, Wire

_PARTS, _PAUSE_MS = 4, 80
_BIG_PARTS, _BIG_BYTES = 512, 2**16
_WINDOW_BYTES = 2**16
_SLOW_S = 0.8
_ASIDE_PARTS = 80
_TABS = 12
_LEFT_S = 2.0


@probe(
    "A stream is sent as it is made",
    source="PEP 3333, Buffering and Streaming; ASGI, http.response.body; Flask: Streaming Contents",
    effect="Progress, chat and event streams appear all at once, at the end.",
    request="curl -sN '{probes}/stream?parts=5&pause_ms=500'",
    needs="stream",
)
def stream_as_made(on: Subject) -> str:
    answer = on.ask(route("stream", parts=_PARTS, pause_ms=_PAUSE_MS))
    if (count := answer.body.count(b"part ")) != _PARTS:
        fail(f"{count} parts of {_PARTS} arrive.")
    took_ms = 1000 * (answer.arrivals_s[-1] - answer.arrivals_s[0])
    if took_ms < _PAUSE_MS * (_PARTS - 1) / 2:
        fail("All parts arrive together, at the end.")
    return "It is."


@probe(
    "A stream waits for a slow client",
    source="ASGI, http.response.body: send() is the back-pressure; PEP 3333: the server iterates",
    effect="A download by one slow phone fills the server's memory.",
    request="curl -sN --limit-rate 1K '{probes}/stream?parts=512&bytes=65536&key=slow'",
    needs="stream seen",
)
def back_pressure(on: Subject) -> str:
    mine = key()
    with on.wire(_WINDOW_BYTES) as wire:
        wire.ask(route("stream", parts=_BIG_PARTS, bytes=_BIG_BYTES, key=mine), headers=[("Connection", "close")])
        wire.some()
        time.sleep(_SLOW_S)
        # The server is on this machine, and has the same clock.
        goes_on_s = time.time()
        while wire.some():
            pass
    ended = [float(event.split()[1]) for event in on.seen_once(mine, "ended") if event.startswith("ended")]
    if not ended:
        fail("The stream does not come to its end.")
    if ended[0] < goes_on_s:
        fail("The app makes all 32 MB while the client has read next to nothing.")
    return "The app waits."


def _seen(on: Subject, mine: str, event: str) -> list[str]:
    """Return what was noted of a stream whose client has left."""
    try:
        return on.seen_once(mine, event, _LEFT_S)
    except NoAnswerError:
        return fail("When one client has left its stream, no other client is served.")


def _left(on: Subject, leave: Callable[[Wire], None]) -> None:
    mine = key()
    with left_open(on, [route("stream", pause_ms=20, key=mine)]) as (wire,):
        leave(wire)
    events = _seen(on, mine, "closed")
    if "closed" not in events:
        fail(f"The generator still runs {_LEFT_S:g} s after its client has left.")


@probe(
    "When a client leaves, its stream ends",
    source="PEP 3333: close() must be called; ASGI: http.disconnect",
    effect="Each closed tab leaves a generator behind, with its thread, its database connection and its memory.",
    request="curl -sN --max-time 1 '{probes}/stream?pause_ms=20&key=k'; curl -s '{probes}/seen?of=k'",
    needs="stream seen",
)
def stream_left(on: Subject) -> str:
    _left(on, lambda wire: wire.socket.close())
    return "Its generator is closed."


@probe(
    "When a client's connection is reset, its stream ends",
    source="PEP 3333: close() must be called; ASGI: http.disconnect",
    effect="Each phone that loses its network leaves a generator behind, with its thread and its memory.",
    request="curl -sN --max-time 1 '{probes}/stream?pause_ms=20&key=k'; curl -s '{probes}/seen?of=k'",
    needs="stream seen",
)
def stream_reset(on: Subject) -> str:
    _left(on, lambda wire: wire.reset())
    return "Its generator is closed."


@probe(
    "When a client leaves, its request is torn down",
    source="Flask: teardown_request; FastAPI: dependencies with yield",
    effect="Database sessions are not given back: the pool is empty after a few closed tabs.",
    request="curl -sN --max-time 1 '{probes}/stream?pause_ms=20&key=k'; curl -s '{probes}/seen?of=k'",
    needs="stream seen wait error",
)
def stream_left_teardown(on: Subject) -> str:
    mine = key()
    on.ask(route("plain", key=mine))
    if not any(event.startswith("teardown") for event in on.seen_once(mine, "teardown", 1.0)):
        return "An app without a framework has no teardown."
    mine = key()
    with left_open(on, [route("stream", pause_ms=20, key=mine)]) as (wire,):
        wire.socket.close()
    events = _seen(on, mine, "teardown")
    count = sum(event.startswith("teardown") for event in events)
    if count != 1:
        fail(f"Teardown runs {count} times.")
    return "Teardown runs once."


@probe(
    "Twelve abandoned event streams leave a server that answers",
    source="HTML, Server-sent events: tabs are closed at any time",
    effect="A dozen closed tabs take the service down, until somebody restarts it.",
    request=(
        "for i in $(seq 12); do curl -sN --max-time 1 '{probes}/stream?pause_ms=50' & done; wait; "
        "curl -si '{probes}/plain'"
    ),
    needs="stream plain",
)
def tabs_closed(on: Subject) -> str:
    for _ in range(_TABS):
        with on.wire() as wire:
            wire.ask(route("stream", pause_ms=50))
            try:
                wire.some(1.0)
            except NoAnswerError:
                # The threads may be taken by those before.
                continue
    on.check_serves(f"After {_TABS} closed tabs")
    return "The next client is served."


@probe(
    "While one client reads a stream, another is served",
    source="PEP 3333 and ASGI: servers serve several clients",
    effect="One open tab is all that the service can serve.",
    request="curl -sN '{probes}/stream?pause_ms=50' & sleep 1; curl -si --max-time 3 '{probes}/plain'",
    needs="stream plain",
)
def stream_aside(on: Subject) -> str:
    with left_open(on, [route("stream", parts=_ASIDE_PARTS, pause_ms=50)]):
        on.check_serves("While one client reads a stream")
    return "It is."


@probe(
    "A stream that fails half-way is seen to be cut",
    source="RFC 9112, 8: an incomplete answer must not look complete",
    effect="Half an export is kept as a whole one, and no one sees that rows are missing.",
    request="curl -sN '{probes}/stream?parts=5&pause_ms=20&raises-at=2'; echo $?",
    needs="stream plain",
)
def stream_fails(on: Subject) -> str:
    try:
        answer = on.ask(route("stream", parts=5, pause_ms=20, raises_at=2))
    except NoAnswerError as error:
        if "within" in str(error):
            raise
        on.check_serves("After that")
        return "It is cut."
    if answer.status >= 500:
        return f"It answers {answer.status}: nothing was sent before."
    length = answer.header("transfer-encoding") or answer.header("content-length")
    if length is None:
        fail("The answer has no length and no chunks, and ends as a whole one does.")
    return fail(f"The answer ends as a whole one does, with {answer.body.count(b'part ')} parts of 5.")


@probe(
    "The end of a stream calls what waits for it, once",
    source="Werkzeug: Response.call_on_close; PEP 3333: close()",
    effect="Locks, files and metrics that are given back at the end of an answer are not.",
    request="curl -s '{probes}/on-close?key=k'; curl -s '{probes}/seen?of=k'",
    needs="on-close seen",
)
def call_on_close(on: Subject) -> str:
    mine = key()
    on.ask(route("on-close", key=mine))
    on.seen_once(mine, "on-close", 1.0)
    time.sleep(0.05)
    if (count := on.seen(mine).count("on-close")) != 1:
        fail(f"What call_on_close was given runs {count} times.")
    return "It runs once."


@probe(
    "A stream may use the request",
    source="Flask: stream_with_context",
    effect="Streams fail with 'Working outside of request context'.",
    request="curl -sN '{probes}/with-context?key=k'",
    needs="with-context",
)
def stream_with_context(on: Subject) -> str:
    mine = key()
    answer = on.ask(route("with-context", key=mine))
    if answer.body != f"key {mine}".encode():
        fail(f"It answers {answer.status} with {len(answer.body)} bytes in place of {4 + len(mine)}.")
    return "It does."


@probe(
    "A file is sent whole, with its length",
    source="Flask: send_file; Starlette: FileResponse; PEP 3333: wsgi.file_wrapper",
    effect="Downloads are cut, or show no progress.",
    request="curl -si '{probes}/file'",
    needs="file",
)
def file(on: Subject) -> str:
    answer = on.ask(route("file"))
    if answer.status != 200 or not answer.body.startswith(b'"""What probe routes note'):
        fail(f"It answers {answer.status} with {len(answer.body)} bytes.")
    if answer.header("content-length") is None:
        return "It is sent without a length."
    return "It is."


@probe(
    "A part of a file is sent as 206, one that is not there is 416",
    source="RFC 9110, 14.2 and 15.5.17",
    effect="Videos cannot be wound, downloads cannot be resumed.",
    request="curl -si -H 'Range: bytes=3-6' '{probes}/file'",
    needs="file",
)
def file_range(on: Subject) -> str:
    answer = on.ask(route("file"), headers=[("Range", "bytes=3-6")])
    if (answer.status, answer.body) != (206, b"What"):
        fail(f"It answers {answer.status} with {len(answer.body)} bytes.")
    if not (answer.header("content-range") or "").startswith("bytes 3-6/"):
        fail(f"It says Content-Range {answer.header('content-range')}.")
    beyond = on.ask(route("file"), headers=[("Range", "bytes=99999999-")]).status
    if beyond != 416:
        fail(f"A range beyond the end is answered {beyond}.")
    return "It is."
