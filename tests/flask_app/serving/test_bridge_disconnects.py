"""Behaviour of the event-loop bridge on real servers when clients hang up, in whatever phase of their request."""

import random

import pytest

from tests.flask_app.serving.real_server import Server

PHASES = ["before", "view", "handler", "after"]


@pytest.mark.parametrize("phase", PHASES)
def test_a_hang_up_ends_what_waits_and_the_request_is_torn_down(server: Server, phase: str) -> None:
    """Whichever async function waits, it is cancelled; teardown runs once, and no context remains."""
    key = server.key()
    path = "/fails" if phase == "handler" else "/own/it"
    with server.connect() as leaving:
        leaving.request(f"{path}?stall={phase}&key={key}")
        server.until(key, stalled=1)

    server.until(key, cancelled=1, torn_down=1, contexts=0)
    assert b"ok" == server.ask("/ok").body


def test_teardown_is_not_cancelled(server: Server) -> None:
    """What cleans up for a client that has gone runs to its end."""
    key = server.key()
    with server.connect() as leaving:
        leaving.request(f"/own/it?stall=teardown&key={key}")
        server.until(key, stalled=1)

    server.until(key, async_torn_down=1, torn_down=1, contexts=0)


def test_a_def_view_runs_to_its_end(server: Server) -> None:
    """A thread cannot be cancelled: the view ends, then the request is torn down."""
    key = server.key()
    with server.connect() as leaving:
        leaving.request(f"/wait/def?key={key}")
        server.until(key, begun=1)

    server.until(key, ended=1, torn_down=1, contexts=0)


@pytest.mark.parametrize(("path", "teardowns"), [("/stream", 1), ("/stream/def", 2)])
def test_a_stream_ends_with_its_client(server: Server, path: str, teardowns: int) -> None:
    """The generator is closed, so that its finally runs, and the request is torn down."""
    key = server.key()
    with server.connect() as leaving:
        leaving.request(f"{path}?key={key}")
        leaving.socket.recv(1_000)

    # Flask itself tears down a request whose stream has its context twice: before the stream, and after it.
    server.until(key, closed=1, torn_down=teardowns, contexts=0)


def test_those_who_stay_get_their_own_answers(server: Server) -> None:
    """Of two hundred at once half hang up; every other is answered with its own, and no context remains."""
    key = server.key()
    chance = random.Random(7)  # noqa: S311 - a repeatable order, no secret
    connections = {number: server.connect() for number in range(200)}
    for number, connection in connections.items():
        connection.request(f"/own/{number}?key={key}")
    leaving = chance.sample(sorted(connections), 100)
    for number in leaving:
        connections.pop(number).hang_up()
    answers = {number: connection.answer().body for number, connection in connections.items()}
    for connection in connections.values():
        connection.hang_up()

    assert {number: b"%d" % number for number in connections} == answers
    server.until(key, torn_down=200, contexts=0)
