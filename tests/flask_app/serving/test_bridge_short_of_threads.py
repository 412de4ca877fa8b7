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
    """Workers._watch loops 2**n times when nothing ends: 40 views of 20 s and one that waits stop the event loop."""
    monkeypatch.setattr(workers_module, "STALL_S", 0.05)  # as 0.5, ten times as fast
    app = Flask("long")

    @app.get("/")
    def slow() -> str:
        time.sleep(4)
        return "ok"

    async def main() -> float:
        bridge = EventLoopBridge(app, threads=1)
        asked = [asyncio.create_task(Client().ask(bridge)) for _ in range(2)]
        worst = 0.0
        while not asked[0].done():
            began = time.monotonic()
            await asyncio.sleep(0.01)
            worst = max(worst, time.monotonic() - began)
        await asyncio.wait(asked)
        return worst

    assert run_apart(main(), 30) < 0.5


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
    """_begin_next tries a nested call for ever, with the lock held, when no thread can be started."""
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
    """A request whose async view has run gets a 503, and its teardown is lost, when no thread can be started."""
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
    """One thread that cannot be started makes of 1,000 leases one, for as long as the process lives."""
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
