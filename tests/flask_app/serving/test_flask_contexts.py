"""Contexts, signals and calls between ``def`` and ``async def`` work through the bridge as they do in Flask."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from flask import (
    Flask,
    Response,
    copy_current_request_context,
    current_app,
    flash,
    g,
    got_request_exception,
    message_flashed,
    request,
    request_finished,
    request_started,
    session,
)

from flask_app.serving.bridge import EventLoopBridge
from tests.flask_app.serving.asgi_client import Client, ask
from tests.flask_app.serving.kinds import KINDS, ask_in_turn, of_kind, thread_kind

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@pytest.fixture
def app() -> Flask:
    """A bare app that has sessions."""
    app = Flask(__name__)
    app.secret_key = "test"  # noqa: S105 - nothing is kept under it
    return app


def seen() -> str:
    """Return what a function sees of its request, in one line."""
    return f"{current_app.name} {request.path} {session.get('name')} {g.get('name')}"


def test_a_copied_context_is_had_in_a_thread(app: Flask) -> None:
    """copy_current_request_context takes the request and the session to a thread, from a view of either kind."""

    @app.get("/def")
    def view() -> str:
        session["name"] = "session"
        heard: list[str] = []
        thread = threading.Thread(target=copy_current_request_context(lambda: heard.append(seen())))
        thread.start()
        thread.join()
        return f"{heard[0]}, then {seen()}"

    @app.get("/async")
    async def async_view() -> str:
        session["name"] = "session"
        g.name = "lost"
        # A thread without the view's context variables, as the ones of a pool are.
        loop = asyncio.get_running_loop()
        heard = await loop.run_in_executor(None, copy_current_request_context(seen))
        return f"{heard}, then {request.path} {session['name']}"

    # The copy has no g: Flask makes an app context for it.
    assert f"{app.name} /def session None, then {app.name} /def session None" == ask(app, "/def").text
    assert f"{app.name} /async session None, then /async session" == ask(app, "/async").text


def test_a_copied_context_is_had_in_a_task(app: Flask) -> None:
    """copy_current_request_context of an async function gives a task the request."""

    @app.get("/")
    async def view() -> str:
        session["name"] = "session"

        @copy_current_request_context
        async def work() -> str:
            await asyncio.sleep(0)
            return seen()

        task: asyncio.Task[str] = asyncio.create_task(work())
        return f"{await task}, then {request.path}"

    assert f"{app.name} / session None, then /" == ask(app).text


def test_tasks_of_a_view_have_its_request(app: Flask) -> None:
    """Tasks that a view starts see its request, session and g, one that outlives it too, and each its own variables."""
    late: list[asyncio.Task[str]] = []
    go_on = asyncio.Event()

    async def work(name: str) -> str:
        variable.set(name)
        await asyncio.sleep(0)
        return f"{variable.get()}: {seen()}"

    async def outlive() -> str:
        await go_on.wait()
        return seen()

    @app.get("/<number>")
    async def view(number: str) -> str:
        session["name"] = g.name = number
        variable.set("view's")
        late.append(asyncio.create_task(outlive()))
        said = await asyncio.gather(work("a"), work("b"))
        return "\n".join([*said, variable.get()])

    async def main() -> list[str]:
        bridge = EventLoopBridge(app)
        clients = await asyncio.gather(*(Client(f"/{number}").ask(bridge) for number in range(3)))
        go_on.set()
        said = await asyncio.gather(*late)
        assert "unset" == variable.get()
        assert [f"{app.name} /{number} {number} {number}" for number in range(3)] == said
        return [client.text for client in clients]

    for number, text in enumerate(asyncio.run(main())):
        own = f"{app.name} /{number} {number} {number}"
        assert f"a: {own}\nb: {own}\nview's" == text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("receiver_kind", KINDS)
def test_receivers_of_signals_run_where_they_belong(app: Flask, kind: str, receiver_kind: str) -> None:
    """Receivers get what Flask sends around a view, with the request at hand; async ones are awaited on the loop."""
    app.logger.disabled = True
    heard: list[str] = []

    def note(name: str, what: str) -> Any:
        def receive(sender: Flask, **told: Any) -> None:
            heard.append(f"{name} {type(told.get(what)).__name__} {sender is app} {request.path} {thread_kind()}")

        return of_kind(receiver_kind, receive)

    def view() -> str:
        if request.path == "/fail":
            raise ValueError
        return "text"

    for path in ("/", "/fail"):
        app.add_url_rule(path, path, of_kind(kind, view))
    with (
        request_started.connected_to(note("started", "nothing"), app),
        request_finished.connected_to(note("finished", "response"), app),
        got_request_exception.connected_to(note("failed", "exception"), app),
    ):
        ask_in_turn(app, Client("/"), Client("/fail"))

    assert [
        f"started NoneType True / {receiver_kind}",
        f"finished Response True / {receiver_kind}",
        f"started NoneType True /fail {receiver_kind}",
        f"failed ValueError True /fail {receiver_kind}",
        f"finished Response True /fail {receiver_kind}",
    ] == heard


def test_signals_that_a_view_sends_reach_def_receivers(app: Flask) -> None:
    """What a view's own call sends reaches receivers of its kind and below: async ones from a def view only."""
    heard: list[str] = []

    def receive(sender: Flask, message: str, category: str) -> None:
        heard.append(f"{message} {thread_kind()}")

    async def receive_async(sender: Flask, message: str, category: str) -> None:
        heard.append(f"{message} async {thread_kind()}")

    def view() -> str:
        flash(request.path)
        return request.path

    for kind in KINDS:
        path = f"/{kind.partition(' ')[0]}"
        app.add_url_rule(path, path, of_kind(kind, view))

    with message_flashed.connected_to(receive, app):
        ask_in_turn(app, Client("/def"), Client("/async"))
    assert ["/def def", "/async async def"] == heard
    heard.clear()
    with message_flashed.connected_to(receive_async, app):
        assert "/def" == ask(app, "/def").text
        # A limit that docs/explanation/bridges.md states: flash() cannot await.
        with pytest.warns(RuntimeWarning, match=r"receive_async' was never awaited"):
            assert "/async" == ask(app, "/async").text
    assert ["/def async async def"] == heard


def test_ensure_sync_calls_async_functions_from_def_ones(app: Flask) -> None:
    """A def view calls async functions by ensure_sync, those call def ones in threads, and so on; all on one loop."""
    loops: list[asyncio.AbstractEventLoop] = []

    async def innermost() -> str:
        loops.append(asyncio.get_running_loop())
        await asyncio.sleep(0)
        variable.set("set innermost")
        return f"{thread_kind()} {seen()}"

    def inner() -> str:
        return f"{thread_kind()} {app.ensure_sync(innermost)()}"

    async def outer() -> str:
        loops.append(asyncio.get_running_loop())
        return str(await sync_to_async(inner)())

    @app.get("/")
    def view() -> str:
        session["name"] = "session"
        g.name = "g"
        return f"{app.ensure_sync(outer)()}, {variable.get()}"

    async def main() -> Client:
        client = await Client().ask(EventLoopBridge(app))
        assert {asyncio.get_running_loop()} == set(loops)
        return client

    assert f"def async def {app.name} / session g, set innermost" == asyncio.run(main()).text


def test_ensure_sync_leaves_def_functions_alone(app: Flask) -> None:
    """A def function is what ensure_sync returns of it, and on a loop an async one, for a decorator to await, too."""
    EventLoopBridge(app)

    def function() -> None: ...

    async def async_function() -> str:
        return "awaited"

    async def on_a_loop() -> str:
        assert function is app.ensure_sync(function)
        awaited: Awaitable[str] = app.ensure_sync(async_function)()
        return await awaited

    assert function is app.ensure_sync(function)
    assert "awaited" == asyncio.run(on_a_loop()) == app.ensure_sync(async_function)()


def test_asgirefs_functions_work_in_views(app: Flask) -> None:
    """sync_to_async from an async view, and async_to_sync from a def one, keep the request and the variables set."""

    def blocking() -> str:
        variable.set("set in a thread")
        assert threading.current_thread() is not threading.main_thread()
        return seen()

    async def waiting() -> str:
        await asyncio.sleep(0)
        variable.set("set on the loop")
        return f"{thread_kind()} {seen()}"

    @app.get("/async")
    async def async_view() -> str:
        said = await sync_to_async(blocking)()
        loose = await sync_to_async(blocking, thread_sensitive=False)()
        return f"{said}, {loose}, {variable.get()}"

    @app.get("/def")
    def view() -> str:
        return f"{async_to_sync(waiting)()}, {variable.get()}"

    own = f"{app.name} /async None None"
    assert f"{own}, {own}, set in a thread" == ask(app, "/async").text
    assert f"async def {app.name} /def None None, set on the loop" == ask(app, "/def").text


def test_an_apps_own_way_to_call_async_functions_is_used() -> None:
    """An app that overrides async_to_sync calls async functions by it, as under WSGI, its views too."""
    called: list[str] = []

    class App(Flask):
        def async_to_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
            called.append(func.__name__)
            return super().async_to_sync(func)

    app = App(__name__)

    async def inner() -> str:
        return "inner"

    @app.get("/async")
    async def async_view() -> str:
        return await inner()

    @app.get("/def")
    def view() -> str:
        return str(app.ensure_sync(inner)())

    assert ["inner"] * 2 == [client.text for client in ask_in_turn(app, Client("/async"), Client("/def"))]
    assert ["async_view", "inner"] == called


@pytest.mark.parametrize("hook_kind", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_variables_go_through_a_request(app: Flask, kind: str, hook_kind: str) -> None:
    """A context variable set around the bridge or by a hook is there in what follows, and gone after the request."""
    told: list[str] = []

    def before() -> None:
        told.append(f"before: {variable.get()}")
        variable.set("hook's")

    def view() -> str:
        told.append(f"view: {variable.get()}")
        variable.set("view's")
        return ""

    def after(response: Response) -> Response:
        told.append(f"after: {variable.get()}")
        variable.set("after's")
        return response

    def teardown(error: BaseException | None) -> None:
        told.append(f"teardown: {variable.get()}")

    app.before_request(of_kind(hook_kind, before))
    app.after_request(of_kind(hook_kind, after))
    app.teardown_request(of_kind(hook_kind, teardown))
    app.add_url_rule("/", view_func=of_kind(kind, view))

    async def main() -> None:
        bridge = EventLoopBridge(app)
        for _ in range(2):
            # As ASGI middleware around the bridge does.
            variable.set("server's")
            await Client().ask(bridge)
            assert "server's" == variable.get()

    asyncio.run(main())
    assert ["before: server's", "view: hook's", "after: view's", "teardown: after's"] * 2 == told


@pytest.mark.parametrize("hook_kind", KINDS)
def test_a_hook_may_take_back_what_another_set(app: Flask, hook_kind: str) -> None:
    """All functions of a request share one context, so that a token of one is good in another, of whatever kind."""

    def before() -> None:
        g.token = variable.set("set")

    def teardown(error: BaseException | None) -> None:
        variable.reset(g.token)
        app.extensions["seen"] = variable.get()

    app.before_request(of_kind(hook_kind, before))
    app.teardown_request(of_kind("def" if hook_kind == "async def" else "async def", teardown))
    app.add_url_rule("/", view_func=of_kind("async def", variable.get))

    assert "set" == ask(app).text
    assert "unset" == app.extensions["seen"]


def test_async_views_cancel_and_group_as_they_like(app: Flask) -> None:
    """Timeouts and task groups of asyncio, which cancel the task that they are in, work in views and hooks."""

    async def fail() -> None:
        raise LookupError

    @app.before_request
    async def before() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.001)

    @app.get("/")
    async def view() -> str:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                group.create_task(asyncio.Event().wait())
        except* LookupError:
            pass
        return request.path

    assert "/" == ask(app).text


@pytest.mark.parametrize("kind", KINDS)
def test_an_inner_context_is_a_views_to_push(app: Flask, kind: str) -> None:
    """A view may push an app context or the request of another URL, and finds its own afterwards."""
    other = Flask("other")

    def view() -> str:
        g.name = "g"
        with other.app_context():
            inner = f"{current_app.name} {g.get('name')}"
        with app.test_request_context("/inner"):
            innermost = request.path
        return f"{inner} {innermost} {seen()}"

    app.add_url_rule("/", view_func=of_kind(kind, view))

    assert f"other None /inner {app.name} / None g" == ask(app).text
