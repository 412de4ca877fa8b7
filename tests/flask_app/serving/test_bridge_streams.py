"""Behaviour of the event-loop bridge on real servers: what is sent in parts, and what follows on a connection."""

import resource
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.flask_app.serving.faulty_service import FILE, PART
from tests.flask_app.serving.real_server import Server

STREAMS = ["/stream", "/stream/def"]
# Flask itself tears down a request whose stream has its context twice: before the stream, and after it.
TEARDOWNS = {"/stream": 1, "/stream/def": 2}
# Sockets hold a few megabytes between them; a generator that runs ahead makes these in a second or two.
FAR_AHEAD_PARTS = 1_000


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_arrives_whole(server: Server, path: str) -> None:
    """All parts come, and the generator is closed once."""
    key = server.key()

    answer = server.ask(f"{path}?parts=40&key={key}")

    assert answer.is_whole
    assert 40 * PART == answer.body
    server.until(key, parts=40, closed=1, torn_down=TEARDOWNS[path], contexts=0)


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_that_fails_before_its_first_part_is_a_500(server: Server, path: str) -> None:
    """As long as nothing was sent, an error can still be answered."""
    key = server.key()

    assert 500 == server.ask(f"{path}?raise=0&key={key}").status
    server.until(key, closed=1, torn_down=TEARDOWNS[path], contexts=0)


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_that_fails_half_way_is_seen_to_be_broken_off(server: Server, path: str) -> None:
    """The client can tell that there should be more, and the server lives on."""
    key = server.key()

    answer = server.ask(f"{path}?raise=3&key={key}")

    assert not answer.is_whole
    server.until(key, parts=3, closed=1, torn_down=TEARDOWNS[path], contexts=0)


@pytest.mark.parametrize("path", STREAMS)
def test_a_client_that_does_not_read_holds_the_generator(server: Server, path: str) -> None:
    """The generator makes no more than fits between the two, goes on when the client reads, and all arrives."""
    key = server.key()
    with server.connect() as slow:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        slow.request(f"{path}?parts={FAR_AHEAD_PARTS}&key={key}")
        before, now = -1, 0
        # Until it makes no more.
        while before < now:
            time.sleep(0.1)
            before, now = now, server.told(key).get("parts", 0)
        assert now < FAR_AHEAD_PARTS / 2
        answer = slow.answer()

    assert answer.is_whole
    assert FAR_AHEAD_PARTS * len(PART) == len(answer.body)


@pytest.mark.parametrize("status", [200, 204, 304, 418])
def test_a_connection_is_in_order_for_the_next_request(server: Server, status: int) -> None:
    """After any answer, with a body or without, the next request on the connection is answered; HEAD has no body."""
    with server.connect() as connection:
        for method in ("GET", "HEAD", "GET"):
            connection.request(f"/status/{status}", method)
            answer = connection.answer(method)
            assert status == answer.status
            assert (b"body" if method == "GET" and status in (200, 418) else b"") == answer.body
            assert ["1", "2"] == [value for name, value in answer.headers if name.lower() == "x-twice"]
        connection.request("/ok")
        assert b"ok" == connection.answer().body


def test_requests_sent_at_once_are_answered_in_order(server: Server) -> None:
    """A client that does not wait for one answer before it sends the next request gets each its own."""
    with server.connect() as connection:
        for name in ("first", "second", "third"):
            connection.request(f"/own/{name}")

        assert [b"first", b"second", b"third"] == [connection.answer().body for _ in range(3)]


def test_a_file_is_sent_whole_in_part_and_not_again(server: Server) -> None:
    """A range is a 206, and a file that the client has already a 304."""
    whole = server.ask("/file")
    part = server.ask("/file", Range="bytes=1000-1999")
    again = server.ask("/file", If_None_Match='"same"')

    assert (200, FILE) == (whole.status, whole.body)
    assert (206, FILE[1_000:2_000]) == (part.status, part.body)
    assert (304, b"") == (again.status, again.body)


def test_a_path_that_is_no_utf8_reaches_the_view_as_it_is(server: Server) -> None:
    """Bytes of a path are the view's to read, whatever they are."""
    assert b"/path/\xff/\xc3\xa9" == server.ask("/path/%ff/%c3%a9").body


def test_a_websocket_is_refused_and_the_server_lives_on(server: Server) -> None:
    """The handshake ends in a refusal, not in a hang."""
    with server.connect() as connection:
        connection.request(
            "/ok",
            Connection="Upgrade",
            Upgrade="websocket",
            Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
            Sec_WebSocket_Version="13",
        )
        assert 403 == connection.answer().status

    assert b"ok" == server.ask("/ok").body


def test_a_thousand_connections_at_once_are_answered(server: Server) -> None:
    """Each of a thousand views that wait at once gives its own answer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2_000:
        resource.setrlimit(resource.RLIMIT_NOFILE, (2_000, hard))
    connections = [server.connect() for _ in range(1_000)]
    try:
        for number, connection in enumerate(connections):
            connection.request(f"/own/{number}")
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda connection: connection.answer(), connections))
    finally:
        for connection in connections:
            connection.hang_up()

    assert [(200, b"%d" % number) for number in range(1_000)] == [(answer.status, answer.body) for answer in answers]
