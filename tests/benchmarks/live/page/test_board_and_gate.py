from __future__ import annotations

import asyncio
import zlib
from typing import Any

import pytest

from benchmarks.live.page import gate as gates
from benchmarks.live.page.board import Board
from benchmarks.live.page.gate import Gate
from tests.benchmarks.live.page.fake_connections import FakeConnections
from tests.benchmarks.live.page.reading import take, told


def board(connections: FakeConnections | None = None) -> Board:
    """A board whose changes of followers are ignored."""
    return Board(connections or FakeConnections(), lambda: None)


def test_who_comes_late_gets_every_part_as_it_is() -> None:
    """The current state, not its history: an event is a whole part."""

    async def story() -> None:
        shown = board()
        await shown.publish("state", {"n": 1})
        await shown.publish("race", {"html": "<p>\n</p>"})
        await shown.publish("state", {"n": 2})

        data = await take(shown.follow(None, compressed=False), 2)
        assert data.startswith(b"retry: 1000\n\n")
        assert [("race", {"html": "<p>\n</p>"}), ("state", {"n": 2})] == told(data)

    asyncio.run(story())


def test_who_comes_back_gets_what_has_changed() -> None:
    """The id of the last event says what a viewer has; an id of another process says nothing."""

    async def story() -> None:
        shown = board()
        await shown.publish("race", {})
        await shown.publish("state", {"n": 1})
        last_id = (await take(shown.follow(None, compressed=False), 2)).decode().rsplit("id: ", 1)[1].split("\n")[0]
        await shown.publish("state", {"n": 2})

        assert [("state", {"n": 2})] == told(await take(shown.follow(last_id, compressed=False), 2))
        for unknown in ("0bad0bad-1", last_id + "0" * 20, "-", "x", f"{last_id.split('-')[0]}-²"):
            assert 2 == len(told(await take(shown.follow(unknown, compressed=False), 2)))

    asyncio.run(story())


def test_one_compression_serves_all() -> None:
    """Whenever a stream was begun, what it gets can be unpacked as one gzip stream, piece by piece."""

    async def story() -> None:
        shown = board()
        await shown.publish("race", {"html": "x" * 5_000})
        early, late = shown.follow(None, compressed=True), None
        unpacked = zlib.decompressobj(31)
        pieces = [await take(early, 2)]
        assert len(pieces[0]) < 500
        assert [("race", {"html": "x" * 5_000})] == told(unpacked.decompress(pieces[0]))
        await shown.publish("state", {"n": 1})
        late = shown.follow(None, compressed=True)
        assert 2 == len(told(zlib.decompressobj(31).decompress(await take(late, 2))))
        assert [("state", {"n": 1})] == told(unpacked.decompress(await take(early, 1)))

    asyncio.run(story())


def test_a_slow_viewer_holds_nobody_up_and_misses_only_what_is_old() -> None:
    """A slow viewer gets the newest state when it can be sent."""

    async def story() -> None:
        shown = board()
        slow = shown.follow(None, compressed=False)
        await anext(slow)
        for number in range(5):
            await shown.publish("state", {"n": number})
        await asyncio.wait_for(shown.settle(0.05), 5)

        assert [("state", {"n": 4})] == told(await anext(slow))

    asyncio.run(story())


def test_the_board_is_settled_when_all_have_asked_for_more() -> None:
    """It returns when everybody has been sent what was published."""

    async def story() -> None:
        shown = board()
        got: list[bytes] = []

        async def watch() -> None:
            got.extend([piece async for piece in shown.follow(None, compressed=False)])

        watching = [asyncio.create_task(watch()) for _ in range(3)]
        await shown.publish("state", {})
        await asyncio.sleep(0)
        await shown.settle(60)
        assert 3 == shown.viewers
        await shown.close()
        await asyncio.gather(*watching)
        assert 3 == sum(b"data" in piece for piece in got)
        assert 0 == shown.viewers

    asyncio.run(story())


def test_who_takes_nothing_from_one_wait_to_the_next_is_let_go() -> None:
    """After two waits in vain; a viewer who has taken anything meanwhile stays."""

    async def story() -> None:
        connections = FakeConnections()
        shown = board(connections)
        streams = [shown.follow(None, compressed=False, client=("here", port)) for port in (1, 2)]
        for stream in streams:
            await anext(stream)
        await shown.publish("state", {"n": 1})
        await shown.settle(0)
        assert [] == connections.dropped

        awake = asyncio.create_task(take(streams[1], 3))
        await asyncio.sleep(0)
        await shown.publish("state", {"n": 2})
        await asyncio.sleep(0)
        await shown.settle(0)
        awake.cancel()
        assert [("here", 1)] == connections.dropped

    asyncio.run(story())


def test_a_viewer_who_tells_what_he_read_keeps_the_stream_that_he_began_last() -> None:
    """Only with the id of an event, and only the viewer's own stream."""

    async def story() -> None:
        connections = FakeConnections()
        shown = board(connections)
        await shown.publish("state", {})
        streams = [
            shown.follow(None, compressed=False, viewer=viewer, client=(viewer, port))
            for viewer, port in (("he", 1), ("she", 2), ("he", 3))
        ]
        read = [(await take(stream, 2)).decode() for stream in streams]
        event = read[0].rsplit("id: ", 1)[1].split("\n")[0]

        for viewer, told_event in (("he", ""), ("he", "None"), ("he", "0bad0bad-1"), ("nobody", event)):
            assert not shown.confirm(viewer, told_event)
        assert not shown.is_confirmed("he")
        assert shown.confirm("he", event)
        assert [("he", 3)] == connections.confirmed
        assert (True, False) == (shown.is_confirmed("he"), shown.is_confirmed("she"))

    asyncio.run(story())


class _Application:
    """Answers when it is allowed to, and notes which paths were served."""

    def __init__(self) -> None:
        self.served: list[str] = []
        self.may_end = asyncio.Event()

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        self.served.append(scope["path"])
        await send({"type": "http.response.start"})
        await send({"type": "http.response.body", "more_body": True})
        await self.may_end.wait()


async def _send(_message: Any) -> None:
    pass


async def _receive() -> Any:
    return {"type": "http.request"}


def test_a_shut_gate_lets_only_the_brake_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests during a trial are served after it, in their order."""
    monkeypatch.setattr(gates, "QUIET_S", 0.0)

    async def story() -> None:
        gate, application = Gate(always=["/stop"]), _Application()
        application.may_end.set()
        guarded = gate.around(application)
        await gate.shut_when_quiet()
        assert gate.is_shut
        waiting = [
            asyncio.create_task(guarded({"type": "http", "path": path}, _receive, _send)) for path in ("/1", "/2")
        ]
        await guarded({"type": "http", "path": "/stop"}, _receive, _send)
        await guarded({"type": "lifespan", "path": "life"}, _receive, _send)
        assert ["/stop", "life"] == application.served

        gate.open()
        await asyncio.gather(*waiting)
        assert ["/stop", "life", "/1", "/2"] == application.served

    asyncio.run(story())


def test_a_stream_without_an_end_keeps_no_gate_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts as served once it has begun; only unanswered requests keep the gate open."""
    monkeypatch.setattr(gates, "QUIET_S", 0.0)
    monkeypatch.setattr(gates, "LONGEST_PAUSE_S", 60.0)

    async def story() -> None:
        gate, application = Gate(always=[]), _Application()
        stream = asyncio.create_task(gate.around(application)({"type": "http", "path": "/events"}, _receive, _send))
        await asyncio.sleep(0)
        await asyncio.wait_for(gate.shut_when_quiet(), 30)
        assert not stream.done()
        application.may_end.set()
        await stream

    asyncio.run(story())
