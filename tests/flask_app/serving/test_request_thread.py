"""All ``def`` functions of a request run on one thread, which no other request uses meanwhile, as under plain Flask."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from asgiref.sync import sync_to_async
from flask import Flask, Response, g

from flask_app.serving.bridge import EventLoopBridge, never_blocks
from tests.flask_app.serving.asgi_client import Client
from tests.flask_app.serving.noting_app import (
    PASSAGES,
    PATIENCE_S,
    SIGNALS,
    Notes,
    ask,
    by_bridge,
    noting_app,
    number,
)

Passage = Callable[[Flask, str, int], list[tuple[int, str]]]
# Shorter than what waits for it.
HELD_S = 30.0
WORKER = "flask-worker"
PARTS = {"part", "call_on_close"}
ALWAYS = {
    *("url_value_preprocessor", "before_request", "after_request", "teardown_request", "teardown_appcontext"),
    *("open_session", *SIGNALS),
} - {"got_request_exception"}
# What each path calls, beside its view: status, body, functions.
PATHS = {
    "/ok": (200, "ok", ALWAYS | {"after_this_request", "save_session"}),
    "/failing": (404, "handled", ALWAYS | {"error handler", "save_session"}),
    "/broken": (500, None, ALWAYS | {"got_request_exception", "save_session"}),
    "/stream": (200, "abc", ALWAYS | PARTS | {"save_session"}),
    "/stream-in-context": (200, "abc", ALWAYS | PARTS | {"save_session"}),
}


@pytest.fixture(params=PASSAGES)
def passage(request: pytest.FixtureRequest) -> Passage:
    """Each way in which requests pass through an app; the first is the measure."""
    return PASSAGES[request.param]


@pytest.fixture(params=[name for name in PASSAGES if name != "plain Flask"])
def by_either_bridge(request: pytest.FixtureRequest) -> Passage:
    """The ways that have a loop."""
    return PASSAGES[request.param]


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize("path", PATHS)
def test_all_def_functions_of_a_request_run_on_one_thread(passage: Passage, path: str, kind: str) -> None:
    """Whatever Flask calls for a request runs on one thread, also around an async view, and none other's there."""
    app, notes = noting_app(kind)
    status, body, functions = PATHS[path]
    expected = functions | ({"view"} if kind == "def" else set())

    answers = passage(app, path, 30)

    assert [status] * 30 == [answer[0] for answer in answers]
    assert {body} == {answer[1] for answer in answers} or body is None
    assert [expected] * 30 == [notes.called(each) for each in range(30)]
    assert [] == notes.of_several_threads
    assert [] == notes.on_shared_threads


def test_a_connection_in_g_is_closed_where_it_was_opened(passage: Passage) -> None:
    """SQLite's connection, which knows its thread, is opened by a view and closed at teardown: 20 answers of 200."""
    app = Flask("connection in g")

    @app.get("/")
    def view() -> dict[str, int]:
        g.db = sqlite3.connect(":memory:")
        time.sleep(0.01)
        return {"one": g.db.execute("select 1").fetchone()[0]}

    @app.teardown_appcontext
    def close(_error: BaseException | None) -> None:
        g.pop("db").close()

    assert [(200, '{"one":1}\n')] * 20 == passage(app, "/", 20)


def test_what_teardown_clears_on_its_thread_is_found_by_nobody(passage: Passage) -> None:
    """A threading.local that a view fills and teardown clears, as scoped_session is: 200 requests find it empty."""
    app = Flask("thread-local")
    session = threading.local()

    @app.get("/")
    def view() -> str:
        found = getattr(session, "user", None)
        session.user = number.get()
        time.sleep(0.005)
        return "clean" if found is None else f"{found}'s"

    @app.teardown_appcontext
    def remove(_error: BaseException | None) -> None:
        vars(session).clear()

    assert [(200, "clean")] * 200 == passage(app, "/", 200)


def test_hooks_around_an_async_view_share_a_connection(passage: Passage) -> None:
    """SQLite's connection is opened before an async view that waits, and closed after it: 20 answers of 200."""
    app = Flask("async view between")

    @app.before_request
    def connect() -> None:
        g.db = sqlite3.connect(":memory:")
        time.sleep(0.005)

    @app.teardown_request
    def close(_error: BaseException | None) -> None:
        g.db.close()

    @app.get("/")
    async def view() -> str:
        await asyncio.sleep(0.01)
        return "ok"

    assert [(200, "ok")] * 20 == passage(app, "/", 20)


def test_a_request_without_def_functions_takes_no_thread() -> None:
    """Async functions, and def ones that never block, run on the loop: not one thread is started for 20 requests."""
    app = Flask("no thread")
    app.secret_key = "test"  # noqa: S105 - nothing is kept under it
    threads: set[int] = set()
    before = set(threading.enumerate())
    started: set[str] = set()

    def look() -> None:
        threads.add(threading.get_ident())
        started.update(thread.name for thread in threading.enumerate() if thread not in before)

    @app.before_request
    @never_blocks
    def load() -> None:
        look()

    @app.after_request
    async def say(response: Response) -> Response:
        look()
        return response

    @app.teardown_request
    @never_blocks
    def clear(_error: BaseException | None) -> None:
        look()

    @app.get("/async")
    async def view() -> str:
        await asyncio.sleep(0.001)
        look()
        return "ok"

    @app.get("/def")
    @never_blocks
    def quick() -> str:
        look()
        return "ok"

    assert [(200, "ok")] * 20 == by_bridge(app, "/async", 20)
    assert [(200, "ok")] * 20 == by_bridge(app, "/def", 20)
    assert [] == [name for name in started if name.startswith(WORKER)]
    assert {threading.get_ident()} == threads


def test_a_def_view_takes_a_thread() -> None:
    """What the test above looks for is there when a view may block."""
    app = Flask("a thread")
    app.add_url_rule("/", "view", lambda: threading.current_thread().name)

    [(status, name)] = by_bridge(app, "/", 1)

    assert 200 == status
    assert name.startswith(WORKER)


def app_with_sync_to_async(notes: Notes, function: Callable[[], None], *, hooks: bool, calls: int = 1) -> Flask:
    """Return an app whose async view has a ``def`` function called by asgiref, so many times at once."""
    app = Flask("sync_to_async")
    if hooks:
        app.before_request(notes.noting("before"))
        app.teardown_request(notes.noting("teardown"))

    @app.get("/")
    async def view() -> str:
        def called() -> None:
            function()
            notes.note("called")

        await asyncio.gather(*(sync_to_async(called)() for _ in range(calls)))
        return "ok"

    return app


@pytest.mark.parametrize("hooks", [True, False])
def test_sync_to_async_runs_on_the_requests_own_thread(passage: Passage, *, hooks: bool) -> None:
    """What an async view has called by asgiref runs where the hooks do, and that of 20 requests at once."""
    notes = Notes()
    all_at_once = threading.Barrier(20, timeout=HELD_S)
    app = app_with_sync_to_async(notes, lambda: (all_at_once.wait(), None)[1], hooks=hooks)

    assert [(200, "ok")] * 20 == passage(app, "/", 20)
    assert [{"called", *(["before", "teardown"] * hooks)}] * 20 == [notes.called(each) for each in range(20)]
    assert [] == notes.of_several_threads
    assert [] == notes.on_shared_threads


def test_two_calls_of_one_request_by_sync_to_async_never_overlap(passage: Passage) -> None:
    """A request has one thread, and so its functions run one after the other, however they are awaited."""
    notes = Notes()
    inside: set[int] = set()
    met: list[int] = []

    def call() -> None:
        if number.get() in inside:
            met.append(number.get())
        inside.add(number.get())
        time.sleep(0.005)
        inside.discard(number.get())

    app = app_with_sync_to_async(notes, call, hooks=True, calls=4)

    assert [(200, "ok")] * 10 == passage(app, "/", 10)
    assert [] == met
    assert [] == notes.of_several_threads
    assert [] == notes.on_shared_threads


@pytest.mark.parametrize("hooks", [True, False])
def test_a_task_that_outlives_its_request_still_has_functions_called(*, hooks: bool) -> None:
    """Asgiref's sync_to_async works in a task whose request, and its thread, are gone; no thread is shared for it."""
    app = Flask("outlived")
    notes = Notes()
    tasks: list[asyncio.Task[None]] = []

    if hooks:
        app.before_request(notes.noting("before"))
        app.teardown_request(notes.noting("teardown"))

    async def main() -> None:
        answered = asyncio.Event()

        async def later() -> None:
            await answered.wait()
            await sync_to_async(notes.note)("later")

        @app.get("/")
        async def view() -> str:
            tasks.append(asyncio.create_task(later()))
            return "ok"

        bridge = EventLoopBridge(app)
        clients = await asyncio.gather(*(ask(bridge, "/", each) for each in range(10)))
        assert [200] * 10 == [client.status for client in clients]
        answered.set()
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_S)
        assert [200] == [(await ask(bridge, "/", 10)).status]
        await asyncio.wait_for(tasks[-1], PATIENCE_S)

    asyncio.run(main())
    assert [True] * 11 == ["later" in notes.called(each) for each in range(11)]


def test_a_blocked_loop_keeps_no_request_from_its_teardown() -> None:
    """A request of def functions alone gives back what it holds, though the loop stands still meanwhile."""
    app = Flask("blocked loop")
    begun, release, torn_down = threading.Event(), threading.Event(), threading.Event()

    @app.teardown_request
    def give_back(_error: BaseException | None) -> None:
        torn_down.set()

    @app.get("/")
    def view() -> str:
        begun.set()
        release.wait(HELD_S)
        return "ok"

    async def main() -> bool:
        asked = asyncio.create_task(Client().ask(EventLoopBridge(app)))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        release.set()
        in_time = torn_down.wait(HELD_S)
        assert 200 == (await asyncio.wait_for(asked, PATIENCE_S)).status
        return in_time

    assert asyncio.run(main())


def test_a_generator_of_empty_parts_notices_that_its_client_left(by_either_bridge: Passage) -> None:
    """A def generator that has nothing to say is closed when nobody is there to hear it."""
    app = Flask("empty parts")
    begun, closed = threading.Event(), threading.Event()

    @app.get("/")
    def view() -> Iterator[str]:
        until = time.monotonic() + HELD_S
        try:
            while time.monotonic() < until:
                begun.set()
                time.sleep(0.002)
                yield ""
        except GeneratorExit:
            closed.set()
            raise

    if by_either_bridge is not by_bridge:
        inner = app.wsgi_app
        app.wsgi_app = lambda environ, start: inner(dict(environ), start)  # type: ignore[method-assign, assignment]

    async def main() -> None:
        client = Client()
        asked = asyncio.create_task(client.ask(EventLoopBridge(app)))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        client.gone.set()
        await asyncio.wait_for(asked, PATIENCE_S)

    asyncio.run(main())
    assert closed.is_set()
