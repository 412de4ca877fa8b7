"""Behaviour of the event-loop bridge on real servers when request bodies are slow, long, cut off or odd."""

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.flask_app.serving.faulty_service import LIMIT_BYTES, THREADS
from tests.flask_app.serving.real_server import Connection, Server

VIEWS = ["/echo", "/echo/def"]


def chunked(connection: Connection, path: str, *parts: bytes, last: bool = True) -> None:
    """Send a request in chunks, each on its own."""
    connection.request(path, "POST", Transfer_Encoding="chunked")
    for part in parts:
        connection.send(b"%x\r\n%b\r\n" % (len(part), part))
        time.sleep(0.01)
    if last:
        connection.send(b"0\r\n\r\n")


@pytest.mark.parametrize("path", VIEWS)
def test_a_client_that_falls_silent_gets_a_408_and_holds_up_nobody(server: Server, path: str) -> None:
    """Half a body and then nothing is given up, while others are answered."""
    with server.connect() as silent:
        silent.request(path, "POST", Content_Length="10")
        silent.send(b"01234")
        assert b"ok" == server.ask("/ok").body

        assert 408 == silent.answer().status


@pytest.mark.parametrize("sent", [b"", b"5\r\n01", b"5\r\n01234\r\n"], ids=["nothing", "half a chunk", "a chunk"])
def test_silence_between_chunks_is_a_408_too(server: Server, sent: bytes) -> None:
    """Wherever in its chunks a body stops, it is given up."""
    with server.connect() as silent:
        silent.request("/echo", "POST", Transfer_Encoding="chunked")
        silent.send(sent)

        assert 408 == silent.answer().status


def test_silent_clients_hold_no_threads(server: Server) -> None:
    """More clients that fall silent than there are threads keep no def view from a thread."""
    with contextlib.ExitStack() as connections:
        silent = [connections.enter_context(server.connect()) for _ in range(THREADS + 1)]
        for connection in silent:
            connection.request("/echo/def", "POST", Content_Length="10")
            connection.send(b"01234")
        asking = connections.enter_context(server.connect())
        for _ in silent:
            asking.request("/echo/def", "POST", b"body")
            assert b"body" == asking.answer().body

        assert {408} == {connection.answer().status for connection in silent}


def test_a_client_that_drips_is_given_up(server: Server) -> None:
    """A byte now and then, though never a silence for long, does not hold a request for ever."""
    with server.connect() as dripping:
        dripping.request("/echo", "POST", Content_Length="1000000")
        dripping.socket.settimeout(0.05)
        while True:
            dripping.send(b"x")
            with contextlib.suppress(TimeoutError):
                answered = dripping.socket.recv(1_024)
                break

    assert answered.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("path", VIEWS)
def test_a_slow_body_arrives_whole(server: Server, path: str) -> None:
    """A client that keeps sending is waited for."""
    with server.connect() as slow:
        slow.request(path, "POST", Content_Length="10")
        for number in range(10):
            slow.send(b"%d" % number)
            time.sleep(0.02)

        assert b"0123456789" == slow.answer().body


@pytest.mark.parametrize("path", VIEWS)
def test_a_body_in_chunks_arrives_whole(server: Server, path: str) -> None:
    """A body whose length nobody announced is read to its end."""
    with server.connect() as connection:
        chunked(connection, path, b"first ", b"second ", b"third")

        assert b"first second third" == connection.answer().body


@pytest.mark.parametrize("path", VIEWS)
def test_a_long_body_arrives_whole(server: Server, path: str) -> None:
    """A body that is kept in a file is the same body."""
    body = bytes(range(256)) * 8_000

    assert body == server.ask(path, "POST", body).body


def test_long_bodies_at_once_are_each_their_own(server: Server) -> None:
    """Bodies that go to files side by side, in parts and in turns, are not mixed up."""
    bodies = [bytes([number]) * 2_000_000 for number in range(4)]
    with contextlib.ExitStack() as connections, ThreadPoolExecutor(len(bodies)) as pool:
        clients = [connections.enter_context(server.connect()) for _ in bodies]
        list(pool.map(lambda client, body: chunked(client, "/echo", body[:600_000], body[600_000:]), clients, bodies))

        assert bodies == list(pool.map(lambda client: client.answer().body, clients))


def test_a_client_that_asks_first_is_told_to_go_on(server: Server) -> None:
    """Expect: 100-continue gets its 100, and then the answer."""
    with server.connect() as connection:
        connection.request("/echo", "POST", Content_Length="4", Expect="100-continue")
        interim = connection.socket.recv(1_024)
        assert interim.startswith(b"HTTP/1.1 100 ")
        assert interim.endswith(b"\r\n\r\n")
        connection.send(b"body")

        assert b"body" == connection.answer().body


@pytest.mark.parametrize("path", VIEWS)
def test_too_long_a_body_is_a_413_before_it_is_sent(server: Server, path: str) -> None:
    """A length above the limit is answered without waiting for the body."""
    with server.connect() as connection:
        connection.request(path, "POST", Content_Length=str(LIMIT_BYTES + 1))

        assert 413 == connection.answer().status


@pytest.mark.parametrize("how", ["length", "chunks"])
@pytest.mark.parametrize("path", VIEWS)
def test_too_long_a_body_is_a_413_before_it_has_ended(server: Server, path: str, how: str) -> None:
    """A client that stops to look, with more to send, finds the 413."""
    with server.connect() as connection:
        if how == "length":
            connection.request(path, "POST", Content_Length="5000000")
            connection.send(b"x" * 50_000)
        else:
            # Beyond the limit, so that the server has to read it all, and no last chunk.
            chunked(connection, path, *[b"x" * 1_000_000] * 3, b"x", last=False)

        assert 413 == connection.answer().status


def test_too_long_a_body_that_is_asked_for_first_is_a_413(server: Server) -> None:
    """Expect: 100-continue with a length above the limit ends in a 413.

    uvicorn sends a 100 only to an app that reads, and so none here; Hypercorn sends one before it asks the app.
    """
    with server.connect() as connection:
        connection.request("/echo", "POST", Content_Length=str(LIMIT_BYTES + 1), Expect="100-continue")

        first = b"HTTP/1.1 100 " if server.name == "hypercorn" else b"HTTP/1.1 413 "
        assert first == connection.socket.recv(13, socket.MSG_PEEK)
        assert 413 == connection.answer().status


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_body_is_never_taken_for_a_request(server: Server, method: str) -> None:
    """What follows a 413 on its connection is the rest of the body, or nothing; the key in it tells of a request."""
    key = server.key()
    smuggled = f"GET /wait?key={key} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    rest = (LIMIT_BYTES + 1) * b"x"
    with server.connect() as connection:
        connection.request("/echo/any", method, Content_Length=str(len(smuggled) + len(rest)))
        assert 413 == connection.answer().status
        with contextlib.suppress(ConnectionError):
            connection.send(smuggled + rest)
            connection.request("/ok")
            # Hypercorn closes the connection, uvicorn goes on with it.
            assert b"ok" == connection.answer().body
            assert "uvicorn" == server.name

    assert "begun" not in server.told(key)


@pytest.mark.parametrize("sent", [b"no number\r\n", b"3\r\nabcdef\r\n"], ids=["length", "end"])
def test_chunks_that_are_none_are_a_400_and_leave_nothing(server: Server, sent: bytes) -> None:
    """Bytes that break the framing end the connection, without a view; the server lives on."""
    key = server.key()
    with server.connect() as connection:
        connection.request(f"/echo?key={key}", "POST", Transfer_Encoding="chunked")
        connection.send(b"5\r\n01234\r\n" + sent)
        assert 400 == connection.answer().status
        assert b"" == connection.socket.recv(1)

    server.until(key, contexts=0)
    assert {"contexts": 0} == server.told(key)


def test_a_body_for_which_the_disk_has_no_room_is_a_500(server: Server) -> None:
    """It is the app's error as any other, nothing is left, and the server lives on."""
    key = server.key()
    assert 200 == server.ask("/disk/full", "POST").status
    try:
        with server.connect() as connection, contextlib.suppress(ConnectionError):
            # What the server closes with something unread takes the answer with it.
            connection.request(f"/echo?key={key}", "POST", b"x" * LIMIT_BYTES)
            assert 500 == connection.answer().status
        assert b"short" == server.ask("/echo", "POST", b"short").body
    finally:
        assert 200 == server.ask("/disk/free", "POST").status

    server.until(key, torn_down=1, contexts=0)
    assert LIMIT_BYTES == len(server.ask("/echo", "POST", b"x" * LIMIT_BYTES).body)


@pytest.mark.parametrize(("path", "status"), [("/ok", 200), ("/no-such", 404), ("/told/it", 405), ("/status/204", 405)])
def test_bodies_that_nobody_reads_leave_the_connection_in_order(server: Server, path: str, status: int) -> None:
    """With a length, in chunks or with none, whatever the answer, the next request is answered."""
    with server.connect() as connection:
        for body in (b"not read", b"", b"x" * 1_000_000):
            connection.request(path, "POST", body)
            assert status == connection.answer().status
        chunked(connection, path, b"not ", b"read")
        assert status == connection.answer().status
        connection.request("/echo", "POST", b"read")
        assert b"read" == connection.answer().body


@pytest.mark.parametrize("how", ["length", "chunks"])
def test_too_long_a_body_does_not_hang_a_client_that_keeps_sending(server: Server, how: str) -> None:
    """However much is sent, and whether or not the client reads the 413 first, the connection comes to its end."""
    with server.connect() as connection:
        sent = b"x" * (2 * LIMIT_BYTES)
        try:
            if how == "length":
                connection.request("/echo", "POST", sent)
            else:
                chunked(connection, "/echo", *[sent[:1_000_000]] * 6)
            assert 413 == connection.answer().status
        except ConnectionError:
            # The server has answered and closed; what was sent after that was refused, and the answer went with it.
            pass

    assert b"ok" == server.ask("/ok").body


@pytest.mark.parametrize(("how", "status"), [("refused", 413), ("plain", 200), ("stream", 200), ("error", 500)])
def test_a_body_that_nobody_takes_in_does_not_keep_the_connection(server: Server, how: str, status: int) -> None:
    """However a request ends whose body is too long, what is under way of the body is no reason to wait."""
    key = server.key()
    with server.connect() as connection:
        connection.request(f"/late/{how}?parts=3&key={key}", "POST", Content_Length=str(2 * LIMIT_BYTES))
        with contextlib.suppress(ConnectionError):
            connection.send(b"x" * 2 * LIMIT_BYTES)
        with contextlib.suppress(ConnectionError):
            # What the server closes with something unread takes the answer with it.
            assert status == connection.answer().status

    server.until(key, torn_down=1, contexts=0)


def test_a_client_that_leaves_while_it_sends_leaves_nothing(server: Server) -> None:
    """Half a body and a hang-up: the view never begins, and no context remains."""
    key = server.key()
    with server.connect() as leaving:
        leaving.request(f"/echo?key={key}", "POST", Content_Length="10")
        leaving.send(b"01234")

    server.until(key, contexts=0)
    assert {"contexts": 0} == server.told(key)
