"""Behaviour of the event-loop bridge on real servers when clients hang up, in whatever phase of their request."""

import contextlib
import json
import random
import socket
import struct
import time
from collections.abc import Sequence
from urllib.parse import quote

import pytest

from tests.flask_app.serving.hooked_service import KINDS, LEVELS, PART, POINTS
from tests.flask_app.serving.real_server import PATIENCE_S, Connection, Server

PHASES = ["before", "view", "handler", "after"]
# Hooks that wait before the response is made.
WAITING = ("before", "view", "handler", "after this", "after")


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


def hang_up_in_each(server: Server, kind: str, points: Sequence[str], *, how: str = "close") -> dict[str, str]:
    """Hang up in every point at once, each in a request of its own; return their keys."""
    keys = {point: server.key() for point in points}
    with contextlib.ExitStack() as connections:
        for point, key in keys.items():
            level = point.partition(" ")[0]
            leaving = connections.enter_context(server.connect())
            if how == "reset":
                leaving.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            leaving.request(f"/{kind}/{level}?key={key}&wait={quote(point)}")
        until_noted(server, {key: {"waits": 1} for key in keys.values()})
    return keys


def until_noted(server: Server, expected: dict[str, dict[str, int]]) -> None:
    """Wait until that is noted of each key; in less time than ``Server.until``, which counts contexts each time."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        noted = json.loads(server.ask(f"/events/{','.join(expected)}").body)
        if all(noted[key] == noted[key] | events for key, events in expected.items()):
            return
        assert time.monotonic() < deadline, (noted, expected)
        time.sleep(0.02)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_an_async_hook_of_any_level_is_cancelled(hooked: Server, how: str) -> None:
    """Of the app, of a blueprint or of a nested one: what waits is cancelled, and what tears down runs once.

    It is the same whether the client closes its connection in order or resets it.
    """
    points = [point for point in POINTS if point.endswith(WAITING)]
    keys = hang_up_in_each(hooked, "async", points, how=how)
    until_noted(hooked, {key: {"cancelled": 1, **torn_down(point)} for point, key in keys.items()})
    hooked.until("nobody", contexts=0)
    assert b"nested viewed" == hooked.ask("/async/nested").body


def test_a_def_hook_of_any_level_runs_to_its_end(hooked: Server) -> None:
    """No thread can be cancelled: what waits there ends by itself, and what tears down runs once."""
    points = [point for point in POINTS if point.endswith(("value", *WAITING))]
    keys = hang_up_in_each(hooked, "def", points)
    until_noted(hooked, {key: {"waited": 1, **torn_down(point)} for point, key in keys.items()})
    hooked.until("nobody", contexts=0)
    assert b"nested viewed" == hooked.ask("/def/nested").body


@pytest.mark.parametrize("kind", KINDS)
def test_teardown_of_any_level_is_not_cancelled(hooked: Server, kind: str) -> None:
    """A client that leaves while its request is torn down changes nothing for what tears down."""
    points = [point for point in POINTS if point.endswith("teardown")]
    keys = hang_up_in_each(hooked, kind, points)
    until_noted(hooked, {key: {"waited": 1, **torn_down(point)} for point, key in keys.items()})
    hooked.until("nobody", contexts=0)


def torn_down(point: str) -> dict[str, int]:
    """Return what tears down a request to the level of a point, once."""
    levels = LEVELS[: LEVELS.index(point.partition(" ")[0]) + 1]
    return {f"{level} teardown": 1 for level in levels} | {"app context teardown": 1}


@pytest.mark.parametrize("path", ["/def/stream", "/def/pausing", "/async/async_stream", "/async/async_pausing"])
def test_a_generator_that_waits_is_closed(hooked: Server, path: str) -> None:
    """For its client or for something else, as ``def`` or ``async def``: it is closed, and teardown runs once.

    So is the response that it belongs to.
    """
    key = hooked.key()
    with hooked.connect() as leaving:
        leaving.request(f"{path}?key={key}")
        leaving.socket.recv(1_000)

    closed = {"closed": 1} if "async" in path else {"closed": 1, "response closed": 1}
    hooked.until(key, **closed, **torn_down("blueprint"), contexts=0)
    assert b"ok" == hooked.ask("/ok").body


@pytest.mark.parametrize("path", ["/def/stream", "/async/async_stream"])
def test_a_generator_that_fails_when_it_is_closed_leaves_nothing(hooked: Server, path: str) -> None:
    """What it raises is in the log, for there is nobody to be told of it; teardown runs once all the same."""
    key, logged_before = hooked.key(), hooked.log.read_text().count("PointError")
    with hooked.connect() as leaving:
        leaving.request(f"{path}?key={key}&fail=end")
        leaving.socket.recv(1_000)

    hooked.until(key, closed=1, **torn_down("blueprint"), contexts=0)
    assert logged_before < hooked.log.read_text().count("PointError")
    assert b"ok" == hooked.ask("/ok").body


def test_a_client_that_leaves_a_long_answer_unread_leaves_nothing(hooked: Server) -> None:
    """An answer that is whole, but more than fits between the two, is given up with its client."""
    key = hooked.key()
    with hooked.connect() as leaving:
        leaving.request(f"/def/big?key={key}")
        leaving.socket.recv(1_000)
        assert 1 == hooked.told(key)["app context teardown"]

    hooked.until(key, **torn_down("blueprint"), contexts=0)
    assert b"ok" == hooked.ask("/ok").body


@pytest.mark.parametrize("header", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_client_that_leaves_half_a_body_begins_nothing(hooked: Server, header: str) -> None:
    """No hook and no view sees a request whose body never came whole."""
    key = hooked.key()
    with hooked.connect() as leaving:
        leaving.send(f"POST /def/echo?key={key} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode())
        leaving.send(b"64\r\n" + bytes(50))
        hooked.ask("/ok")

    hooked.until(key, contexts=0)
    assert {"contexts": 0} == hooked.told(key)


def test_clients_that_leave_at_any_moment_disturb_nobody(hooked: Server) -> None:
    """Of two hundred at once half leave at random moments; every other gets its own answer, and no context remains."""
    key = hooked.key()
    chance = random.Random(11)  # noqa: S311 - a repeatable order, no secret
    staying: list[tuple[Connection, bytes]] = []
    # When, and who.
    leaving: list[tuple[float, Connection]] = []
    with contextlib.ExitStack() as connections:
        for number in range(200):
            connection = connections.enter_context(hooked.connect())
            stays = number % 2 == 0
            expected = start_one_of_many(connection, number, key, chance, is_whole=stays)
            if stays:
                staying.append((connection, expected))
            else:
                leaving.append((chance.uniform(0.0, 0.6), connection))
        began = time.monotonic()
        for moment_s, connection in sorted(leaving, key=lambda each: each[0]):
            time.sleep(max(0.0, began + moment_s - time.monotonic()))
            connection.hang_up()
        for connection, expected in staying:
            answer = connection.answer()
            assert (200, True, expected) == (answer.status, answer.is_whole, answer.body)

    hooked.until(key, contexts=0)
    told = hooked.told(key)
    assert told["app value"] <= told["app teardown"]
    assert told["app teardown"] == told["app context teardown"] == told["blueprint teardown"]


def start_one_of_many(connection: Connection, number: int, key: str, chance: random.Random, *, is_whole: bool) -> bytes:
    """Begin one of several kinds of requests, and return the body of its answer."""
    kind = number // 2 % 8
    if kind in (0, 1, 2):
        connection.request(f"/async/own?key={key}&name={number}&wait_s={chance.uniform(0.0, 0.6):.3f}")
        return f"{number} {number}".encode()
    if kind in (3, 4, 5):
        body = b"%d " % number * 1_000
        connection.request(f"/def/echo?key={key}", "POST", Content_Length=str(len(body)))
        connection.send(body if is_whole else body[: chance.randrange(len(body) + 1)])
        return body
    connection.request(f"/def/pausing?key={key}" if kind == 6 else f"/async/async_pausing?key={key}")
    return PART * 4
