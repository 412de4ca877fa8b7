"""The bridge serves on when functions take long, and when no thread can be started."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from flask import Flask

from flask_app.serving.bridge import EventLoopBridge
from flask_app.serving.bridge import workers as workers_module
from tests.flask_app.serving.asgi_client import Client, run_apart


def test_views_that_take_long_do_not_block_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long nothing ends, with a request that waits: what looks at a stall begins what may, and no more."""
    monkeypatch.setattr(workers_module, "STALL_S", 0.05)  # as 0.5, ten times as fast
    app = Flask("long")

    @app.get("/")
    def slow() -> str:
        time.sleep(1)
        return "ok"

    async def main() -> int:
        bridge = EventLoopBridge(app, threads=1)
        asked = [asyncio.create_task(Client().ask(bridge)) for _ in range(2)]
        most = 0
        while not asked[0].done():
            await asyncio.sleep(0.01)
            # How many calls the next look at a stall will try to begin, on the loop: there are none that it may.
            most = max(most, *(here.workers._beyond for here in bridge._loops.values()))
        await asyncio.wait(asked)
        return most

    assert 0 == run_apart(main(), 30)


class NoMoreThreads:
    """Threads can be started, until they cannot."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.are_left = True
        start = threading.Thread.start

        def start_if_left(thread: threading.Thread) -> None:
            if not self.are_left and thread.name.startswith("flask-worker"):
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", start_if_left)


def test_a_nested_request_without_a_thread_does_not_block_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request inside another waits when no thread can be started, and others are answered meanwhile."""
    machine = NoMoreThreads(monkeypatch)
    app = Flask("nested")
    app.before_request(lambda: None)

    async def main() -> int:
        bridge = EventLoopBridge(app)

        @app.get("/outer")
        async def outer() -> str:
            machine.are_left = False
            inner = asyncio.create_task(Client("/inner").ask(bridge))
            await asyncio.wait([inner], timeout=0.5)
            machine.are_left = True
            return "ok"

        @app.get("/inner")
        def inner() -> str:
            return "ok"

        return (await Client("/outer").ask(bridge)).status

    assert run_apart(main(), 5) == 200


def test_a_request_that_has_begun_is_torn_down_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request whose async view has run is torn down in the end, though no thread could be started for a while."""
    machine = NoMoreThreads(monkeypatch)
    app = Flask("begun")
    happened = []

    @app.get("/")
    async def view() -> str:
        happened.append("view")
        machine.are_left = False
        return "ok"

    @app.teardown_request
    def teardown(_: Any) -> None:
        happened.append("teardown")

    async def main() -> Client:
        bridge = EventLoopBridge(app)
        task = asyncio.create_task(Client().ask(bridge))
        await asyncio.wait([task], timeout=0.5)
        machine.are_left = True
        return await task

    client = run_apart(main())
    assert (happened, client.status) == (["view", "teardown"], 200)


def test_a_shortage_of_threads_that_has_passed_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a thread could not be started once, as many requests at once have one as before."""
    machine = NoMoreThreads(monkeypatch)
    app = Flask("shortage")
    app.before_request(lambda: None)

    async def main() -> int:
        bridge = EventLoopBridge(app)
        most = now = 0
        go_on = asyncio.Event()

        @app.get("/")
        async def view() -> str:
            nonlocal most, now
            now += 1
            most = max(most, now)
            await go_on.wait()
            now -= 1
            return "ok"

        first = asyncio.create_task(Client().ask(bridge))
        await asyncio.sleep(0.2)
        machine.are_left = False
        second = asyncio.create_task(Client().ask(bridge))
        await asyncio.sleep(0.2)
        machine.are_left = True
        go_on.set()
        await asyncio.wait([first, second])
        most = 0
        go_on.clear()
        many = [asyncio.create_task(Client().ask(bridge)) for _ in range(10)]
        await asyncio.sleep(0.5)
        go_on.set()
        await asyncio.wait(many)
        return most

    assert run_apart(main()) == 10
