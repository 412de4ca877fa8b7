"""Behaviour of the event-loop bridge on real servers: what is sent in parts, and what follows on a connection."""

import contextlib
import resource
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.flask_app.serving.faulty_service import FILE, PART, THREADS
from tests.flask_app.serving.real_server import Server

STREAMS = ["/stream", "/stream/def"]
# Flask itself tears down a request whose stream has its context twice: before the stream, and after it.
TEARDOWNS = {"/stream": 1, "/stream/def": 2}
# Sockets hold a few megabytes between them; a generator that runs ahead makes these in a second or two.
FAR_AHEAD_PARTS = 600


def parts_until_held(server: Server, *keys: str) -> int:
    """Return how many parts the generators of keys have made once all have begun and none makes any more."""
    now, polls_alike = [0], 0
    while polls_alike < 5:
        time.sleep(0.02)
        before, now = now, [server.told(key).get("parts", 0) for key in keys]
        polls_alike = polls_alike + 1 if before == now and 0 not in now else 0
        assert max(now) < FAR_AHEAD_PARTS
    return max(now)


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


@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_of_another_length_than_it_said_is_contained(server: Server, path: str, parts: int) -> None:
    """A client gets no whole answer of too few parts, and nothing of too many after one; the server lives on."""
    key = server.key()
    with server.connect() as connection:
        connection.request(f"{path}?parts={parts}&length={3 * len(PART)}&key={key}")
        answer = connection.answer()
        assert b"" == connection.makefile("rb").read(1)

    assert answer.is_whole is (parts > 3)
    assert min(3, parts) * PART == answer.body
    server.until(key, closed=1, torn_down=TEARDOWNS[path], contexts=0)


@pytest.mark.parametrize("path", STREAMS)
def test_a_client_that_does_not_read_holds_the_generator(server: Server, path: str) -> None:
    """The generator makes no more than fits between the two, goes on when the client reads, and all arrives."""
    key = server.key()
    with server.connect() as slow:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        slow.request(f"{path}?parts={FAR_AHEAD_PARTS}&key={key}")
        made = parts_until_held(server, key)
        assert made < FAR_AHEAD_PARTS / 2
        answer = slow.answer()

    assert answer.is_whole
    assert FAR_AHEAD_PARTS * len(PART) == len(answer.body)
    server.until(key, parts=FAR_AHEAD_PARTS, closed=1, torn_down=TEARDOWNS[path], contexts=0)


@pytest.mark.parametrize("path", STREAMS)
def test_a_generator_that_is_held_is_closed_when_its_client_hangs_up(server: Server, path: str) -> None:
    """What waits for a client to read does not wait for one that has gone."""
    key = server.key()
    with server.connect() as slow:
        slow.request(f"{path}?key={key}")
        parts_until_held(server, key)

    server.until(key, closed=1, torn_down=TEARDOWNS[path], contexts=0)


def test_clients_that_do_not_read_hold_no_threads(server: Server) -> None:
    """With more streams held than there are threads, def views and generators have a thread to run in."""
    keys = [server.key() for _ in range(THREADS + 1)]
    with contextlib.ExitStack() as connections:
        for key in keys:
            connections.enter_context(server.connect()).request(f"/stream/def?key={key}")
        parts_until_held(server, *keys)
        assert b"body" == server.ask("/echo/def", "POST", b"body").body
        assert 2 * PART == server.ask("/stream/def?parts=2").body

    for key in keys:
        server.until(key, closed=1)
    server.until(keys[0], contexts=0)


@pytest.mark.parametrize("path", [*STREAMS, "/file", "/file/def"])
def test_head_has_no_body_and_runs_no_generator(server: Server, path: str) -> None:
    """HEAD of what is sent in parts is its headers, and then the connection's next request is answered."""
    key = server.key()
    with server.connect() as connection:
        connection.request(f"{path}?parts=3&key={key}", "HEAD")
        answer = connection.answer("HEAD")
        assert (200, b"") == (answer.status, answer.body)
        connection.request("/ok")
        assert b"ok" == connection.answer().body

    server.until(key, contexts=0)
    assert "parts" not in server.told(key)


@pytest.mark.parametrize("path", STREAMS)
def test_an_old_client_gets_a_stream_until_the_connection_closes(server: Server, path: str) -> None:
    """HTTP/1.0 knows no chunks: the parts come as they are, and the connection's end is theirs.

    uvicorn sends chunks all the same, whatever app it serves; there they are whole, and the connection closes.
    """
    with server.connect() as old:
        old.send(f"GET {path}?parts=3 HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
        answer = old.answer()
        assert b"" == old.makefile("rb").read()

    in_chunks = "transfer-encoding" in {name.lower() for name, _ in answer.headers}
    assert in_chunks is (server.name == "uvicorn")
    assert (True, 3 * PART) == (answer.is_whole, answer.body)


def test_a_client_that_asks_for_it_has_its_connection_closed(server: Server) -> None:
    """Connection: close is heeded after a stream and after a plain answer."""
    for path in ("/ok", "/stream?parts=2", "/stream/def?parts=2"):
        with server.connect() as connection:
            connection.request(path, Connection="close")
            assert connection.answer().is_whole
            assert b"" == connection.makefile("rb").read()


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


def test_requests_of_all_kinds_sent_at_once_are_answered_in_order(server: Server) -> None:
    """Bodies, streams, files and answers without a body keep their order and their bounds on one connection."""
    asked = [
        ("/echo/def", "POST", b"one"),
        ("/stream/def?parts=2", "GET", 2 * PART),
        ("/status/204", "GET", b""),
        ("/ok", "HEAD", b""),
        ("/stream?parts=3", "GET", 3 * PART),
        ("/echo", "POST", b"two"),
        ("/file/def", "GET", FILE),
        ("/status/304", "GET", b""),
        ("/own/last", "GET", b"last"),
    ]
    with server.connect() as connection:
        for path, method, body in asked:
            connection.request(path, method, body if method == "POST" else None)

        assert [body for _, _, body in asked] == [connection.answer(method).body for _, method, _ in asked]


@pytest.mark.parametrize("path", ["/file", "/file/def"])
def test_a_file_is_sent_whole_in_part_and_not_again(server: Server, path: str) -> None:
    """A range is a 206, one beyond the end a 416, and a file that the client has already a 304, on one connection."""
    ranges: list[tuple[dict[str, str], int, bytes | None]] = [
        ({}, 200, FILE),
        ({"Range": "bytes=1000-1999"}, 206, FILE[1_000:2_000]),
        ({"Range": "bytes=-300000"}, 206, FILE[-300_000:]),
        ({"Range": f"bytes={len(FILE)}-"}, 416, None),
        ({"If_None_Match": '"same"'}, 304, b""),
        ({"Range": "bytes=0-9", "If_Range": '"other"'}, 200, FILE),
    ]
    with server.connect() as connection:
        for headers, status, body in ranges:
            connection.request(path, "GET", None, **headers)
            answer = connection.answer()
            assert status == answer.status
            assert body is None or body == answer.body


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
