"""Behaviour of the event-loop bridge on real servers when request bodies are slow, long, cut off or odd."""

import time

import pytest

from tests.flask_app.serving.faulty_service import LIMIT_BYTES
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


def test_a_view_that_wants_no_body_is_not_concerned_with_it(server: Server) -> None:
    """A body that nobody reads leaves the connection in order for the next request."""
    with server.connect() as connection:
        connection.request("/ok", "POST", b"not read")
        assert b"ok" == connection.answer().body
        connection.request("/ok")
        assert b"ok" == connection.answer().body


def test_a_client_that_leaves_while_it_sends_leaves_nothing(server: Server) -> None:
    """Half a body and a hang-up: the view never begins, and no context remains."""
    key = server.key()
    with server.connect() as leaving:
        leaving.request(f"/echo?key={key}", "POST", Content_Length="10")
        leaving.send(b"01234")

    server.until(key, contexts=0)
    assert {"contexts": 0} == server.told(key)
