"""However few threads there are, requests that hold one are served, and others are refused in time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from flask import Blueprint, Flask

from flask_app.serving.bridge import EventLoopBridge
from tests.flask_app.serving.asgi_client import Client
from tests.flask_app.serving.noting_app import PATIENCE_S, Notes, ask, by_bridge, by_wsgi, number

# For what waits inside a request, also on a thread, where nobody can stop it.
HELD_S = 30.0
PATIENCE = "flask_app.serving.bridge.workers.LEASE_PATIENCE_S"
TWO_LEASES: dict[str, Any] = {"leases": 2}
FEW: list[dict[str, Any]] = [
    {"threads": 1},
    {"threads": 1, "leases": 1},
    {"threads": 2, "leases": 4},
    {"threads": 40, **TWO_LEASES},
]


def answered(app: Flask, count: int, few: dict[str, Any] | None) -> list[tuple[int, str]]:
    """Return the answers to so many requests at once, by a bridge with so few threads, or by plain Flask."""
    return by_wsgi(app, "/", count) if few is None else by_bridge(app, "/", count, **few)


class Gauge:
    """How many are in a place at once, now and at most."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition."""

    async def wait() -> None:
        while not condition():
            await asyncio.sleep(0.001)

    await asyncio.wait_for(wait(), PATIENCE_S)


def app_with_async_view(view: Callable[[], Awaitable[str]], notes: Notes) -> Flask:
    """Return an app with a ``def`` function before its async view, and another at the teardown."""
    app = Flask("async view between")
    app.before_request(notes.noting("before"))
    app.teardown_request(notes.noting("teardown"))
    app.add_url_rule("/", view_func=view)
    return app


def test_threads_limits_the_def_functions_and_not_the_requests() -> None:
    """Of 60 requests no more than four run a def function at a time, and many more than four wait in an async view."""
    app = Flask("four threads")
    working, waiting = Gauge(), Gauge()

    @app.before_request
    def begin() -> None:
        with working:
            time.sleep(0.01)

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        with working:
            time.sleep(0.01)

    @app.get("/")
    async def view() -> str:
        with waiting:
            # Until many more wait than there are threads, so that it is no matter of how fast a machine is.
            await until(lambda: waiting.most >= 20)
            await asyncio.sleep(0.02)
        return "ok"

    assert [(200, "ok")] * 60 == by_bridge(app, "/", 60, threads=4)
    assert 2 <= working.most <= 4
    assert waiting.most >= 20


@pytest.mark.parametrize("few", [None, *FEW], ids=str)
def test_more_requests_than_threads_are_all_served(few: dict[str, Any] | None) -> None:
    """Fifty requests at once, each with a thread that it keeps over an async view, are answered, each on its own."""
    notes = Notes()

    async def view() -> str:
        await asyncio.sleep(0.005)
        return "ok"

    assert [(200, "ok")] * 50 == answered(app_with_async_view(view, notes), 50, few)
    assert [] == notes.of_several_threads
    assert [] == notes.on_shared_threads


@pytest.mark.parametrize("few", [None, *FEW], ids=str)
def test_a_def_view_calls_an_async_function_that_calls_a_def_one(few: dict[str, Any] | None) -> None:
    """What a def view awaits by ensure_sync has functions called by asgiref, on the thread that waits for it."""
    app = Flask("there and back")
    notes = Notes()

    async def there() -> str:
        await sync_to_async(notes.note)("back")
        return "ok"

    @app.get("/")
    def view() -> str:
        notes.note("view")
        answer: str = app.ensure_sync(there)()
        return answer

    assert [(200, "ok")] * 10 == answered(app, 10, few)
    assert [{"view", "back"}] * 10 == [notes.called(each) for each in range(10)]
    assert [] == notes.of_several_threads
    assert [] == notes.on_shared_threads


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize("few", FEW, ids=str)
def test_a_view_asks_the_same_bridge(few: dict[str, Any], kind: str) -> None:
    """A view that awaits another path of its own app is answered, though its own request holds the only thread."""
    app = Flask("nested")
    notes = Notes()
    app.before_request(notes.noting("before"))
    app.teardown_request(notes.noting("teardown"))
    bridges: list[EventLoopBridge] = []

    async def outer_async() -> str:
        return (await asyncio.wait_for(Client("/inner").ask(bridges[0]), HELD_S)).text

    def outer() -> str:
        answer: str = app.ensure_sync(outer_async)()
        return answer

    app.add_url_rule("/", "outer", outer if kind == "def" else outer_async)
    app.add_url_rule("/inner", "inner", notes.noting("inner", lambda: "inner"))

    async def main() -> list[tuple[int, str]]:
        bridges.append(EventLoopBridge(app, **few))
        asked = [asyncio.create_task(ask(bridges[0], "/", each)) for each in range(3)]
        return [(client.status, client.text) for client in await asyncio.wait_for(asyncio.gather(*asked), PATIENCE_S)]

    assert [(200, "inner")] * 3 == asyncio.run(main())
    assert [2] * 3 == [sum(call[1:] == (each, "teardown") for call in notes.calls) for each in range(3)]


@pytest.mark.parametrize(("few", "count"), [(None, 100), ({"threads": 2}, 20), ({}, 100)], ids=str)
def test_a_lock_that_is_held_over_an_async_view_is_given_back(few: dict[str, Any] | None, count: int) -> None:
    """Requests that block every thread for a lock do not keep the one that has it from giving it back."""
    app = Flask("lock")
    lock = threading.RLock()

    @app.before_request
    def take() -> None:
        assert lock.acquire(timeout=HELD_S)

    @app.teardown_request
    def give_back(_error: BaseException | None) -> None:
        lock.release()

    @app.get("/")
    async def view() -> str:
        await asyncio.sleep(0.002)
        return "ok"

    assert [(200, "ok")] * count == answered(app, count, few)


def test_a_request_that_is_cancelled_while_its_teardown_waits_is_torn_down() -> None:
    """A cancellation, as of a request that another awaits, comes too late for what gives back what it holds."""
    app = Flask("cancelled")
    notes = Notes()
    blocking, unblock = threading.Event(), threading.Event()
    app.before_request(notes.noting("before"))
    app.teardown_request(notes.noting("teardown"))

    @app.get("/block")
    def block() -> str:
        blocking.set()
        unblock.wait(HELD_S)
        return "ok"

    async def main() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        @app.get("/")
        async def view() -> str:
            begun.set()
            await go_on.wait()
            return "ok"

        bridge = EventLoopBridge(app, threads=1)
        cancelled = asyncio.create_task(ask(bridge, "/", 0))
        await asyncio.wait_for(begun.wait(), PATIENCE_S)
        blocked = asyncio.create_task(ask(bridge, "/block", 1))
        await until(blocking.is_set)
        go_on.set()
        # Its teardown waits for the only thread, which the other holds.
        await asyncio.sleep(0.05)
        cancelled.cancel()
        await asyncio.sleep(0.05)
        unblock.set()
        await asyncio.wait_for(asyncio.wait([cancelled, blocked]), PATIENCE_S)

    asyncio.run(main())
    assert {"before", "teardown"} == notes.called(0)


class Full:
    """An app with two leases, and requests that hold both of them.

    Its paths: ``/held`` has a ``def`` function before an async view that waits; ``/def`` has one before a view that is
    ``def`` too; ``/async-first`` has an async function before all that; ``/async`` has only a teardown that is ``def``.

    Attributes:
        notes: Of the ``def`` functions.
        begun: Which async functions of which requests have run.
    """

    def __init__(self) -> None:
        self.notes = Notes()
        self.begun: list[tuple[int, str]] = []
        self.release = asyncio.Event()
        self.app = app = Flask("full")
        for name in ("held", "def", "async-first", "async"):
            blueprint = Blueprint(name, __name__)
            if name == "async-first":
                blueprint.before_request(self.begin)
            if name != "async":
                blueprint.before_request(self.notes.noting("before"))
            blueprint.teardown_request(self.notes.noting("teardown"))
            views = {"held": self.hold, "async": self.answer}
            view = views.get(name) or self.notes.noting("view", lambda: "ok")
            blueprint.add_url_rule(f"/{name}", "view", view)
            app.register_blueprint(blueprint)
        self._bridge = EventLoopBridge(app, **TWO_LEASES)
        self._asked: list[asyncio.Task[Client]] = []

    async def begin(self) -> None:
        """Run before anything else."""
        self.begun.append((number.get(), "before"))

    async def hold(self) -> str:
        """Wait, with a lease."""
        self.begun.append((number.get(), "view"))
        await self.release.wait()
        return "ok"

    async def answer(self) -> str:
        """Answer at once."""
        self.begun.append((number.get(), "view"))
        return "ok"

    def ask(self, path: str) -> asyncio.Task[Client]:
        """Send one more request; they are numbered from 0."""
        self._asked.append(asyncio.create_task(ask(self._bridge, path, len(self._asked))))
        return self._asked[-1]

    async def fill(self) -> list[asyncio.Task[Client]]:
        """Have both leases held."""
        holding = [self.ask("/held") for _ in range(2)]
        await until(lambda: len(self.begun) == 2)
        return holding


async def answers(*asked: asyncio.Task[Client]) -> list[tuple[int, str]]:
    """Return the answers to requests that were sent."""
    return [(client.status, client.text) for client in await asyncio.wait_for(asyncio.gather(*asked), PATIENCE_S)]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No request waits long for a lease."""
    monkeypatch.setattr(PATIENCE, 0.2)


@pytest.mark.usefixtures("impatient")
def test_a_request_for_which_there_is_no_thread_is_refused() -> None:
    """With all leases taken, a request of which nothing has run gets a 503 that says when to come again."""

    async def main() -> None:
        full = Full()
        holding = await full.fill()
        refused = await asyncio.wait_for(full.ask("/def"), PATIENCE_S)
        assert 503 == refused.status
        assert int(dict(refused.sent[0]["headers"])[b"retry-after"]) >= 1
        assert set() == full.notes.called(2)
        full.release.set()
        assert [(200, "ok")] * 2 == await answers(*holding)
        assert [(200, "ok")] == await answers(full.ask("/def"))
        assert set() == full.notes.called(2)

    asyncio.run(main())


def test_a_request_that_waits_for_a_thread_is_served_when_there_is_one() -> None:
    """Whoever waits with patience for one of those that hold all leases to end is answered."""

    async def main() -> None:
        full = Full()
        holding = await full.fill()
        patient = full.ask("/def")
        await asyncio.sleep(0.05)
        assert not patient.done()
        assert set() == full.notes.called(2)
        full.release.set()
        assert [(200, "ok")] * 3 == await answers(*holding, patient)

    asyncio.run(main())


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("path", ["/async-first", "/async"])
def test_a_request_of_which_a_function_has_run_is_never_refused(path: str) -> None:
    """What has begun is finished, be it the next function or the teardown that waits for a lease."""

    async def main() -> None:
        full = Full()
        holding = await full.fill()
        begun = full.ask(path)
        await until(lambda: len(full.begun) == 3)
        # Much longer than the patience, in which a request is refused of which nothing has run.
        assert 503 == (await asyncio.wait_for(full.ask("/def"), PATIENCE_S)).status
        assert 503 == (await asyncio.wait_for(full.ask("/def"), PATIENCE_S)).status
        full.release.set()
        assert [(200, "ok")] * 3 == await answers(*holding, begun)
        assert "teardown" in full.notes.called(2)
        assert [] == full.notes.of_several_threads

    asyncio.run(main())


def test_an_app_that_keeps_nothing_on_a_thread_may_say_so() -> None:
    """With BRIDGE_THREAD_PER_REQUEST off a request holds none between its def functions: one thread serves ten."""
    waiting = Gauge()
    notes = Notes()

    async def view() -> str:
        with waiting:
            await until(lambda: waiting.most == 10)
        return "ok"

    app = app_with_async_view(view, notes)
    app.config["BRIDGE_THREAD_PER_REQUEST"] = False

    assert [(200, "ok")] * 10 == by_bridge(app, "/", 10, threads=1, leases=1)
    assert [{"before", "teardown"}] * 10 == [notes.called(each) for each in range(10)]
