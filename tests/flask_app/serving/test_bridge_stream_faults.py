"""Behaviour of the event-loop bridge on real servers: what apps of each make are told of streams, and what is left."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response

from flask_app.serving.bridge import EventLoopBridge
from tests.flask_app.serving.both_passages import Asked, scope_of
from tests.flask_app.serving.bridge_service import LIMIT_BYTES, PART, WIDE, async_parts
from tests.flask_app.serving.real_server import PATIENCE_S, Server
from tests.flask_app.serving.test_bridge_faults import NOTHING_LEFT, path_of

# Of an async generator only the bridge knows, and it calls an app behind middleware as WSGI does.
STREAMS = [
    (make, view)
    for make in WIDE
    for view in ("stream", "context_stream", "async_stream")
    if (make, view) != ("behind", "async_stream")
]
BOUNDARY = "boundary"


def told_errors(makes: Server, key: str) -> list[str]:
    """Return what the teardown functions of a key's requests were told of, without repeats."""
    return sorted({event.partition(" for ")[2] for event in makes.told(key) if event.startswith("teardown")})


def test_slow_streams_that_are_sent_whole_are_no_hang_ups(makes: Server) -> None:
    """A server tells of a response's end as of a hang-up; teardown is told of no error, and all is closed."""
    keys = {stream: makes.key() for stream in STREAMS}
    with contextlib.ExitStack() as connections:
        asking = {}
        for (make, view), key in keys.items():
            asking[key] = connections.enter_context(makes.connect())
            # Slow enough for the bridge to watch for the client.
            asking[key].request(path_of(make, view, parts=4, pause_s=0.1, key=key))
        for key, connection in asking.items():
            answer = connection.answer()
            assert (True, 4 * len(PART)) == (answer.is_whole, len(answer.body))
            makes.until(key, parts=4, generator_closed=1, response_closed=1)
        makes.until("nobody", **NOTHING_LEFT)

    assert {"NoneType"} == {error for key in keys.values() for error in told_errors(makes, key)}


@pytest.mark.parametrize("pause_s", [0.02, 0.5], ids=["between parts", "before the first part"])
def test_generators_that_pause_end_with_their_clients(makes: Server, pause_s: float) -> None:
    """Those that would go on for ever are closed, however long it takes them to their next part; nothing is left."""
    keys = {stream: makes.key() for stream in STREAMS}
    with contextlib.ExitStack() as connections:
        for (make, view), key in keys.items():
            leaving = connections.enter_context(makes.connect())
            leaving.request(path_of(make, view, pause_s=pause_s, key=key))
        makes.until("nobody", watches=len(keys))
    for key in keys.values():
        makes.until(key, generator_closed=1, response_closed=1)
    makes.until("nobody", **NOTHING_LEFT)

    # An async generator has the request to its end; what the others have is torn down before their first part, and once
    # more after the last by Flask's stream_with_context, which is told of what closes a generator.
    expected = {
        "stream": ["NoneType"],
        "context_stream": ["GeneratorExit", "NoneType"],
        "async_stream": ["CancelledError"],
    }
    assert {(make, view): expected[view] for make, view in STREAMS} == {
        stream: told_errors(makes, key) for stream, key in keys.items()
    }


def test_head_of_a_stream_closes_what_it_does_not_begin(makes: Server) -> None:
    """A stream that is not sent is closed all the same, and its generator makes nothing."""
    for make, view in STREAMS:
        key = makes.key()
        assert 200 == makes.ask(path_of(make, view, key=key), "HEAD").status
        makes.until(key, response_closed=1)
        assert "parts" not in makes.told(key)
    makes.until("nobody", **NOTHING_LEFT)


@pytest.fixture(scope="module")
def big_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file that does not fit between a server and a client that does not read."""
    path = tmp_path_factory.mktemp("files") / "file"
    path.write_bytes(bytes(range(256)) * 80_000)
    yield path
    path.unlink()


@pytest.mark.parametrize("make", WIDE)
def test_files_are_closed_however_they_are_sent(makes: Server, make: str, big_file: Path) -> None:
    """Whole, in part, not at all, or to a client that hangs up half-way: no file stays open."""
    path = path_of(make, "file", path=big_file)
    assert "20480000" == dict(makes.ask(path, "HEAD").headers)["content-length"]
    assert (206, b"\x01\x02") == ((part := makes.ask(path, Range="bytes=1-2")).status, part.body)
    assert 304 == makes.ask(path, If_None_Match='"same"').status
    assert 416 == makes.ask(path, Range="bytes=20480000-").status
    assert 20_480_000 == len(makes.ask(path).body)
    with makes.connect() as leaving:
        leaving.request(path)
        leaving.socket.recv(1_000)

    makes.until("nobody", **NOTHING_LEFT)


def test_uploads_leave_no_file(makes: Server) -> None:
    """A body that goes to a file, and the form's file that the view makes of it, are gone with the request."""
    form = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="it"\r\n\r\n'.encode()
        + b"x" * 1_000_000
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )
    content_type = f"multipart/form-data; boundary={BOUNDARY}"
    with contextlib.ExitStack() as connections:
        silent = [connections.enter_context(makes.connect()) for _ in WIDE]
        for make, connection in zip(WIDE, silent, strict=True):
            path = path_of(make, "upload")
            connection.request(path, "POST", Content_Length=str(len(form)), Content_Type=content_type)
            connection.send(form[:-10])
            assert b"1000000" == makes.ask(path, "POST", form, Content_Type=content_type).body
            # The app handles every LookupError so, and a form that lacks a key is one.
            lacking = form.replace(b'"file"', b'"other"')
            assert b"handled" == makes.ask(path, "POST", lacking, Content_Type=content_type).body
            for body_bytes in (len(form), LIMIT_BYTES + 1):
                # The longer one is refused at once, and its connection perhaps closed.
                with makes.connect() as leaving, contextlib.suppress(ConnectionError):
                    leaving.request(path, "POST", Content_Length=str(body_bytes), Content_Type=content_type)
                    leaving.send(form[:-10])
        assert [408] * len(WIDE) == [connection.answer().status for connection in silent]

    makes.until("nobody", **NOTHING_LEFT)


@pytest.mark.parametrize("make", WIDE)
def test_a_hang_up_after_a_refused_body_leaves_nobody_who_waits_for_its_rest(makes: Server, make: str) -> None:
    """A server tells of a hang-up once only, and whoever hears of it may not be the one who takes in the rest."""
    key = makes.key()
    with makes.connect() as leaving:
        leaving.request(path_of(make, "stubborn", key=key), "POST", Content_Length=str(LIMIT_BYTES + 1))
        makes.until(key, view_began=1)

    makes.until(key, view_cancelled=1, **NOTHING_LEFT)


@pytest.mark.parametrize(("returns", "told"), [(True, type(None)), (False, asyncio.CancelledError)])
def test_a_hang_up_while_the_last_is_sent_counts_if_the_server_does_not_return(returns: bool, told: type) -> None:
    """A server that tells of an end returns from sending soon; one that does not has nobody to send it to.

    So it is with Hypercorn and HTTP/2, when a stream is reset that was not read to its end.
    """
    errors: list[BaseException | None] = []
    app = Flask(__name__)
    app.teardown_request(errors.append)
    # For so long that the bridge watches; Flask's types know no async body.
    parts = {"key": "", "parts": "1", "pause_s": "0.3"}
    app.add_url_rule("/", view_func=lambda: Response(async_parts(parts)))  # type: ignore[arg-type]
    told_of_end = asyncio.Event()

    async def receive() -> dict[str, str]:
        await told_of_end.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message.get("more_body") is False:
            told_of_end.set()
            # Long enough for whoever watches to hear of it.
            await (asyncio.sleep(0.01) if returns else asyncio.Event().wait())

    asyncio.run(asyncio.wait_for(EventLoopBridge(app)(scope_of(Asked()), receive, send), PATIENCE_S))

    assert [told] == [type(error) for error in errors]
