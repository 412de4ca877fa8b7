"""The bridge on real servers reads a body when somebody reads it, and stores only what has to be there at once."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from importlib.metadata import version

import pytest
from flask import Flask, request
from packaging.version import Version

from flask_app.serving.bridge import EventLoopBridge
from tests.flask_app.serving.asgi_client import Client, ask
from tests.flask_app.serving.real_server import SERVERS, Connection, Server
from tests.flask_app.serving.unread_bodies_service import LIMIT_BYTES, PART_BYTES

LONG_BYTES = 300 * 1024 * 1024


@pytest.fixture(params=SERVERS)
def limited(request: pytest.FixtureRequest, start: Callable[[str, str], Server]) -> Server:
    """The app with the limit that nobody set, on each server."""
    return start(request.param, "unread_bodies_service:limited")


@pytest.fixture(params=SERVERS)
def unlimited(request: pytest.FixtureRequest, start: Callable[[str, str], Server]) -> Server:
    """The app with the limit lifted, on each server."""
    return start(request.param, "unread_bodies_service:unlimited")


def stored(server: Server) -> dict[str, int]:
    """Return what the server has stored of bodies since the last time."""
    told: dict[str, int] = json.loads(server.ask("/stored").body)
    return told


def send_chunks(connection: Connection, path: str, size_bytes: int) -> None:
    """Send a body of that size in chunks, or as much of it as the server takes."""
    connection.request(path, "POST", Transfer_Encoding="chunked")
    part = bytes(PART_BYTES)
    with contextlib.suppress(ConnectionError):
        for _ in range(size_bytes // PART_BYTES):
            connection.send(b"%x\r\n%b\r\n" % (len(part), part))
        connection.send(b"0\r\n\r\n")


@pytest.mark.parametrize("how", ["length", "chunks"])
@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/ok", 405), ("/unread/def", 200)])
def test_a_long_body_that_nobody_reads_is_not_stored(unlimited: Server, path: str, status: int, how: str) -> None:
    """Whatever the URL, and with no limit: the answer comes, and nothing was written to a disk for it."""
    stored(unlimited)
    with unlimited.connect() as connection:
        if how == "length":
            connection.request(path, "POST", Content_Length=str(LONG_BYTES))
        else:
            connection.request(path, "POST", Transfer_Encoding="chunked")
        # What is short is waited for where there is a view, and so it must be known to be long.
        with contextlib.suppress(ConnectionError):
            connection.send(bytes(PART_BYTES) if how == "length" else b"%x\r\n%b\r\n" % (PART_BYTES, bytes(PART_BYTES)))
        assert status == connection.answer().status

    assert {"files": 0, "bytes": 0} == stored(unlimited)


def test_300_mebibytes_for_no_view_leave_no_file(unlimited: Server) -> None:
    """All of a long body sent to a URL that is nobody's is taken in and dropped."""
    stored(unlimited)
    with unlimited.connect() as connection:
        send_chunks(connection, "/nowhere", LONG_BYTES)
        with contextlib.suppress(ConnectionError):
            # What the server closes with something unread takes the answer with it.
            assert 404 == connection.answer().status

    assert {"files": 0, "bytes": 0} == stored(unlimited)


def test_a_def_view_reads_a_long_body_as_it_comes(unlimited: Server) -> None:
    """Part by part, with no limit: none of it goes to a disk."""
    stored(unlimited)
    with unlimited.connect() as connection:
        send_chunks(connection, "/parts", 2 * LIMIT_BYTES)
        assert str(2 * LIMIT_BYTES).encode() == connection.answer().body

    assert {"files": 0, "bytes": 0} == stored(unlimited)


def test_a_def_generator_answers_while_the_body_comes(unlimited: Server) -> None:
    """What is longer than what is taken in first is sent back before its end has come."""
    first = bytes(PART_BYTES)
    with unlimited.connect() as connection:
        connection.request("/back", "POST", Transfer_Encoding="chunked")
        connection.send(b"%x\r\n%b\r\n" % (len(first), first))
        assert connection.socket.recv(13).startswith(b"HTTP/1.1 200")
        connection.send(b"4\r\nlast\r\n0\r\n\r\n")
        received = b""
        while not received.endswith(b"\r\n0\r\n\r\n"):
            received += connection.socket.recv(1 << 20)

    assert b"last" in received


def test_an_async_view_has_a_long_body_whole(unlimited: Server) -> None:
    """On the loop nothing can be waited for, so that it is there before; beyond half a mebibyte, on a disk."""
    stored(unlimited)
    with unlimited.connect() as connection:
        send_chunks(connection, "/whole", 2 * LIMIT_BYTES)
        assert str(2 * LIMIT_BYTES).encode() == connection.answer().body

    assert {"files": 1, "bytes": 2 * LIMIT_BYTES} == stored(unlimited)


@pytest.mark.parametrize("path", ["/whole", "/parts"])
def test_there_is_a_limit_where_nobody_set_one(limited: Server, path: str) -> None:
    """Beyond 16 MiB a body is a 413 for who reads it, announced or not, and at the limit it is not."""
    with limited.connect() as connection:
        connection.request(path, "POST", Content_Length=str(LIMIT_BYTES + 1))
        # So much that it is not waited for; the answer may be there, and the connection closed, before it is sent.
        with contextlib.suppress(ConnectionError):
            connection.send(bytes(PART_BYTES))
        assert 413 == connection.answer().status
    with limited.connect() as connection, contextlib.suppress(ConnectionError):
        send_chunks(connection, path, LIMIT_BYTES + PART_BYTES)
        assert 413 == connection.answer().status
    with limited.connect() as connection:
        send_chunks(connection, path, LIMIT_BYTES)
        assert str(LIMIT_BYTES).encode() == connection.answer().body


own_limit = pytest.mark.skipif(
    Version(version("flask")) < Version("3.1"), reason="a request has no limit of its own before 3.1"
)


@own_limit
def test_a_def_view_may_raise_the_limit_of_its_request(limited: Server) -> None:
    """It says so before it reads, and Flask's own count is what holds."""
    with limited.connect() as connection:
        send_chunks(connection, "/raised", 2 * LIMIT_BYTES)
        assert str(2 * LIMIT_BYTES).encode() == connection.answer().body


@own_limit
@pytest.mark.parametrize("framed_by", ["length", "chunks"])
@pytest.mark.parametrize("limit_of", ["app", "bridge"])
@pytest.mark.parametrize("raised_by", ["view", "hook", "hook of an async view", "nobody"])
def test_a_limit_holds_for_who_reads(raised_by: str, limit_of: str, framed_by: str) -> None:
    """What is taken in before a function is called refuses nothing: a function may give its request another limit."""
    app = Flask(__name__)
    if limit_of == "app":
        app.config["MAX_CONTENT_LENGTH"] = 100

    def raise_limit() -> None:
        request.max_content_length = 5_000

    def view() -> str:
        if raised_by == "view":
            raise_limit()
        return str(len(request.get_data()))

    async def async_view() -> str:
        return view()

    if raised_by.startswith("hook"):
        app.before_request(raise_limit)
    app.add_url_rule("/", view_func=async_view if "async" in raised_by else view, methods=["POST"])
    client = Client(method="POST", body=bytes(2_000))
    if framed_by == "chunks":
        client.scope["headers"] = [(b"transfer-encoding", b"chunked")]
    bridge = EventLoopBridge(app, max_body_bytes=100 if limit_of == "bridge" else 10_000)

    asyncio.run(client.ask(bridge))

    assert (413 if raised_by == "nobody" else 200) == client.status
    assert raised_by == "nobody" or "2000" == client.text


def test_the_limit_may_be_lifted_by_the_apps_own() -> None:
    """An app that has a limit is asked for no other, whether its own is lower or higher."""
    for limit_bytes, status in ((LIMIT_BYTES, 413), (2 * LIMIT_BYTES, 200)):
        app = Flask(__name__)
        app.config["MAX_CONTENT_LENGTH"] = limit_bytes
        app.add_url_rule("/", view_func=lambda: str(len(request.get_data())), methods=["POST"])

        assert status == ask(app, method="POST", body=bytes(LIMIT_BYTES + 1)).status
