"""The bridge loses nothing and blocks nobody when bodies, hang-ups and cancellations come at the worst moment."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import threading
import time
import weakref
from typing import Any

import pytest
from flask import Flask, g, request
from flask.signals import appcontext_pushed

from flask_app.serving.bridge import EventLoopBridge
from flask_app.serving.bridge import workers as workers_module
from tests.flask_app.serving.asgi_client import Client, run_apart


class Upload(Client):
    """A client that sends a body in parts, with a pause after the first."""

    def __init__(self, parts: list[bytes], pause_s: float) -> None:
        super().__init__(method="POST", transfer_encoding="chunked")
        self._parts, self._pause_s, self._sent = parts, pause_s, 0

    async def receive(self) -> dict[str, Any]:
        """Return the next part."""
        if self._sent == len(self._parts):
            await self.gone.wait()
            return {"type": "http.disconnect"}
        await asyncio.sleep(self._pause_s if self._sent == 1 else 0)
        part = self._parts[self._sent]
        self._sent += 1
        return {"type": "http.request", "body": part, "more_body": self._sent < len(self._parts)}


def test_a_body_that_is_read_while_it_is_watched_arrives_as_it_was_sent() -> None:
    """What a thread reads while a watch receives is whole, and in its order."""
    app = Flask("upload")
    reading = threading.Event()

    @app.post("/")
    def view() -> str:
        time.sleep(0.25)  # by now it is watched
        reading.set()
        parts = []
        while part := request.stream.read(8 * 1024):
            parts.append(part)
        body = b"".join(parts)
        return f"{len(body)} {body == sent}"

    first = bytes(range(256)) * 40_000
    parts = [bytes([i % 251]) * 1024 for i in range(2_000)]
    sent = b"".join([first, *parts])

    class Paced(Upload):
        async def receive(self) -> dict[str, Any]:
            while self._sent == 1 and not reading.is_set():
                await asyncio.sleep(0.001)
            return await super().receive()

    async def main() -> set[str]:
        bridge = EventLoopBridge(app, max_body_bytes=None)
        answers = set()
        for _ in range(2):
            reading.clear()
            answers.add((await Paced([first, *parts], 0.0).ask(bridge)).text)
        return answers

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        assert run_apart(main(), 40) == {f"{len(sent)} True"}
    finally:
        sys.setswitchinterval(interval)


def test_a_long_body_that_nobody_has_read_yet_is_not_kept_in_memory() -> None:
    """While a view computes, little of a body is received that it has not asked for."""
    app = Flask("memory")
    held: list[int] = []

    @app.post("/")
    def view() -> str:
        time.sleep(1.5)
        body = request.environ["wsgi.input"].raw
        kept = body._kept
        held.append(len(kept.getbuffer()) if hasattr(kept, "getbuffer") else 0)
        return "ok"

    async def main() -> None:
        bridge = EventLoopBridge(app, max_body_bytes=None)
        await Upload([b"x" * 1_000_000] * 100, 0).ask(bridge)

    run_apart(main(), 20)
    assert held[0] < 4_000_000


def test_bridges_that_call_each_other_with_one_lease_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where A asks B and B asks A, the last has as much right to a thread as the first."""
    monkeypatch.setattr(workers_module, "LEASE_PATIENCE_S", 0.3)
    apps = [Flask("a"), Flask("b")]

    async def main() -> str:
        bridges = [EventLoopBridge(app, leases=1) for app in apps]
        for app, other in zip(apps, reversed(bridges), strict=True):
            app.before_request(lambda: None)

            async def view(depth: int, other: EventLoopBridge = other) -> str:
                if not depth:
                    return "ok"
                inner = await Client(f"/{depth - 1}").ask(other)
                return f"{inner.status}" if inner.status != 200 else inner.text

            app.add_url_rule("/<int:depth>", view_func=view)
        return (await Client("/2").ask(bridges[0])).text

    assert run_apart(main()) == "ok"


def test_what_was_pushed_is_torn_down_when_the_client_leaves_half_a_body() -> None:
    """Where appcontext_pushed was sent, teardown_appcontext follows."""
    app = Flask("pushed")
    happened = []

    def opened(_: Flask, **__: Any) -> None:
        g.connection = 1
        happened.append("open")

    @app.teardown_appcontext
    def close(_: Any) -> None:
        happened.append("close")

    @app.post("/")
    def view() -> str:
        return request.get_data(as_text=True)

    class Half(Client):
        async def receive(self) -> dict[str, Any]:
            return {"type": "http.disconnect"}

    async def main() -> None:
        with appcontext_pushed.connected_to(opened, app):
            await Half(method="POST", content_length="10").ask(EventLoopBridge(app))

    run_apart(main())
    assert happened == ["open", "close"]


def test_a_thread_that_outlives_its_request_calls_async_functions() -> None:
    """A thread that a view left behind may call async functions when the request has ended."""
    app = Flask("after")
    results: list[Any] = []

    async def function() -> str:
        return "called"

    @app.post("/")
    def view() -> str:
        context = contextvars.copy_context()

        def later() -> None:
            time.sleep(0.3)
            try:
                results.append(context.run(app.ensure_sync(function)))
            except Exception as error:  # noqa: BLE001
                results.append(error)

        def in_context() -> None:
            context.run(later_in)

        def later_in() -> None:
            time.sleep(0.3)
            try:
                results.append(app.ensure_sync(function)())
            except Exception as error:  # noqa: BLE001
                results.append(error)

        threading.Thread(target=in_context).start()
        return "ok"

    async def main() -> None:
        client = Upload([b"x" * 600_000, b"x"], 30)
        await client.ask(EventLoopBridge(app))
        client.gone.set()
        client._sent = 2
        await asyncio.sleep(1)

    run_apart(main())
    assert results == ["called"]


def test_a_cancellation_in_an_async_teardown_function_does_not_skip_the_next() -> None:
    """A server that cancels while an async one waits does not keep the def one from giving back."""
    app = Flask("teardown")
    happened: list[str] = []
    waiting = threading.Event()
    app.add_url_rule("/", view_func=lambda: "ok")

    @app.teardown_request
    def give_back(_: Any) -> None:
        happened.append("given back")

    @app.teardown_request
    async def wait(_: Any) -> None:
        waiting.set()
        await asyncio.sleep(0.2)

    async def main() -> None:
        task = asyncio.create_task(Client().ask(EventLoopBridge(app)))
        while not waiting.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])

    run_apart(main())
    assert happened == ["given back"]


def test_a_stream_ends_with_its_client_also_after_part_of_the_body_was_read() -> None:
    """A hang-up is noticed also with a body that nobody reads any further."""
    app = Flask("part")
    closed = threading.Event()

    @app.post("/")
    def view() -> Any:
        request.stream.read(700_000)

        def parts() -> Any:
            try:
                for _ in range(500):
                    yield "part"
                    time.sleep(0.01)
                closed.clear()
            except GeneratorExit:
                closed.set()
                raise

        return parts()

    class Leaving(Upload):
        async def receive(self) -> dict[str, Any]:
            if self._sent == 12:
                await self.gone.wait()
                return {"type": "http.disconnect"}
            return await super().receive()

    async def main() -> None:
        client = Leaving([b"x" * 65_536] * 13, 0)
        task = asyncio.create_task(client.ask(EventLoopBridge(app)))
        while not client.sent:
            await asyncio.sleep(0.01)
        client.gone.set()
        _, left = await asyncio.wait([task], timeout=2)
        assert not left
        assert closed.is_set()

    run_apart(main(), 12)


def test_what_a_request_keeps_in_a_context_variable_goes_with_the_request() -> None:
    """Nothing waits for the collector to be gone."""

    class Kept:
        pass

    app = Flask("kept")
    kept = contextvars.ContextVar[Any]("kept")
    seen: list[Any] = []

    @app.get("/")
    def view() -> str:
        made = Kept()
        seen.append(weakref.ref(made))
        kept.set(made)
        return "ok"

    async def main() -> int:
        bridge = EventLoopBridge(app, threads=1)
        for _ in range(50):
            await asyncio.create_task(Client().ask(bridge))
        await asyncio.sleep(0.05)
        return sum(reference() is not None for reference in seen)

    gc.collect()
    gc.disable()
    try:
        assert run_apart(main()) <= 2
    finally:
        gc.enable()


def test_a_client_that_leaves_before_an_error_is_handled_is_no_error_of_the_server() -> None:
    """A hang-up while the body is taken in for an async handler is a hang-up, and no error."""
    app = Flask("gone")
    app.logger.disabled = True

    @app.post("/")
    def view() -> str:
        raise ValueError

    @app.errorhandler(500)
    async def handle(_: Any) -> Any:
        return "sorry", 500

    class Half(Upload):
        async def receive(self) -> dict[str, Any]:
            if self._sent == 1:
                await asyncio.sleep(0.1)
                return {"type": "http.disconnect"}
            return await super().receive()

    run_apart(Half([b"x" * 600_000, b"x"], 0).ask(EventLoopBridge(app)))
