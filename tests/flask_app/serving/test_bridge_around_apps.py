"""The bridge takes apps as they come: subclasses, middleware, several at once, one loop after another."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from flask import Flask, Request, Response, current_app, g, request, session
from werkzeug.debug import DebuggedApplication
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_app.serving.bridge import EventLoopBridge
from tests.flask_app.serving.asgi_client import Client, ask
from tests.flask_app.serving.kinds import KINDS, ask_in_turn, header, of_kind, thread_kind

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


class Marking(Flask):
    """An app whose subclasses note what they override."""

    def __init__(self) -> None:
        super().__init__(__name__)
        self.told: list[str] = []
        self.logger.disabled = True
        self.secret_key = "test"  # noqa: S105 - nothing is kept under it


class OwnDispatch(Marking):
    """Looks at a request before its view does."""

    def dispatch_request(self) -> Any:
        """Note it."""
        self.told.append(f"dispatch {thread_kind()}")
        return super().dispatch_request()


class OwnPreprocess(Marking):
    """Answers some requests itself."""

    def preprocess_request(self) -> Any:
        """Answer or not."""
        self.told.append(f"preprocess {thread_kind()}")
        return super().preprocess_request() or ("refused" if request.path == "/refused" else None)


class OwnProcess(Marking):
    """Has a word in every response."""

    def process_response(self, response: Response) -> Response:
        """Add it."""
        self.told.append(f"process {thread_kind()}")
        response.headers["X-Word"] = "yes"
        return super().process_response(response)


class OwnErrors(Marking):
    """Answers errors itself."""

    def handle_user_exception(self, e: Exception) -> Any:
        """Answer."""
        self.told.append(f"handle {thread_kind()}")
        return "handled", 400


class OwnTeardown(Marking):
    """Has something to do at the end."""

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Do it."""
        super().do_teardown_request(exc)
        self.told.append(f"teardown {thread_kind()}")


class OwnWsgiApp(Marking):
    """Has middleware within."""

    def wsgi_app(self, environ: Any, start_response: Any) -> Any:
        """Call the app with another path."""
        self.told.append(f"wsgi_app {thread_kind()}")
        return super().wsgi_app(environ | {"PATH_INFO": "/"}, start_response)


@pytest.mark.parametrize("hook_kind", KINDS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [OwnDispatch, OwnPreprocess, OwnProcess, OwnErrors, OwnTeardown, OwnWsgiApp])
def test_an_app_that_overrides_a_step_takes_it(make: type[Marking], kind: str, hook_kind: str) -> None:
    """An app's own step is taken, in a worker thread; its async functions run on the loop, and the answer is WSGI's."""
    where: list[str] = []

    def made() -> Marking:
        app = make()

        def hook(response: Response | None = None) -> Response | None:
            where.append(thread_kind())
            session["hooks"] = session.get("hooks", 0) + 1
            return response

        def view(name: str) -> str:
            where.append(thread_kind())
            if name == "fail":
                raise ValueError
            return f"{request.path} {session['hooks']}"

        app.before_request(of_kind(hook_kind, hook))
        app.after_request(of_kind(hook_kind, hook))
        app.add_url_rule("/<name>", "view", of_kind(kind, view))
        app.add_url_rule("/", "view", defaults={"name": ""})
        return app

    by_wsgi, by_bridge = made(), made()
    paths = ("/", "/refused", "/fail")
    client = by_wsgi.test_client(use_cookies=False)
    expected = [client.get(path) for path in paths]
    where.clear()

    answers = ask_in_turn(by_bridge, *(Client(path) for path in paths))

    assert [answer.status_code for answer in expected] == [answer.status for answer in answers]
    assert [answer.text for answer in expected] == [answer.text for answer in answers]
    assert [answer.headers.get("X-Word") for answer in expected] == [header(answer, "x-word") for answer in answers]
    assert {kind, hook_kind} == set(where)
    assert [line.split()[0] for line in by_wsgi.told] == [line.split()[0] for line in by_bridge.told]
    assert {"def"} == {line.split()[1] for line in by_bridge.told}


def test_a_step_may_be_patched_until_the_first_request() -> None:
    """What is put on an instance after it was wrapped, as tools that watch apps do, is called."""
    app = Flask(__name__)
    app.add_url_rule("/", view_func=of_kind("async def", lambda: "text"))
    told: list[str] = []
    bridge = EventLoopBridge(app)
    dispatch = app.full_dispatch_request

    def watched(*arguments: Any) -> Response:
        told.append("watched")
        return dispatch(*arguments)

    app.full_dispatch_request = watched  # type: ignore[method-assign]

    assert "text" == ask_in_turn(bridge, Client())[0].text
    assert ["watched"] == told


@pytest.mark.parametrize("kind", KINDS)
def test_classes_of_the_apps_own_are_used(kind: str) -> None:
    """An app's classes for requests, responses and g are those that its views get, and make_response is its own."""

    class OwnRequest(Request):
        word = "request"

    class OwnResponse(Response):
        default_mimetype = "text/x-own"

    class OwnGlobals:
        word = "globals"

    class App(Flask):
        request_class = OwnRequest
        response_class = OwnResponse
        app_ctx_globals_class = OwnGlobals  # type: ignore[assignment]  # any class will do

        def make_response(self, rv: Any) -> Response:
            return super().make_response(f"<{rv}>" if isinstance(rv, str) else rv)

    app = App(__name__)
    app.add_url_rule("/", view_func=of_kind(kind, lambda: f"{request.word} {g.word}"))  # type: ignore[attr-defined]
    client = ask(app)

    assert "<request globals>" == client.text
    assert "text/x-own; charset=utf-8" == header(client, "content-type")


def _with_variable(application: Any) -> Callable[..., Iterator[bytes]]:
    # Middleware that a generator function is: what it sets around the app is there in the view.
    def middleware(environ: Any, start_response: Any) -> Iterator[bytes]:
        variable.set("middleware's")
        yield from application(environ, start_response)
        yield b"!"

    return middleware


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("around", ["generator", "dispatcher", "proxy in dispatcher", "debugger"])
def test_any_middleware_is_called(kind: str, around: str) -> None:
    """Middleware around an app acts as under WSGI; the app within runs in a worker thread, async views on the loop."""
    app = Flask(__name__)

    def view() -> str:
        return ", ".join([thread_kind(), request.script_root, str(request.remote_addr), variable.get()])

    app.add_url_rule("/", view_func=of_kind(kind, view))
    inner: Any = app.wsgi_app
    middleware: dict[str, Callable[[], Any]] = {
        "generator": lambda: _with_variable(inner),
        "dispatcher": lambda: DispatcherMiddleware(_not_here, {"/app": inner}),
        "proxy in dispatcher": lambda: DispatcherMiddleware(_not_here, {"/app": ProxyFix(inner)}),
        "debugger": lambda: DebuggedApplication(inner),
    }
    app.wsgi_app = middleware[around]()  # type: ignore[method-assign]
    path = "/app/" if "dispatcher" in around else "/"
    here, elsewhere = ask_in_turn(app, Client(path, X_Forwarded_For="10.0.0.1"), Client("/elsewhere"))

    assert [200, 404] == [here.status, elsewhere.status]
    said, root, address, seen = here.text.split(", ")
    assert kind == said
    assert ("/app" if "dispatcher" in around else "") == root
    assert ("10.0.0.1" if around == "proxy in dispatcher" else "127.0.0.1") == address
    assert ("middleware's!" if around == "generator" else "unset") == seen


def _not_here(environ: Any, start_response: Any) -> list[bytes]:
    start_response("404 NOT FOUND", [])
    return []


def test_a_lifespan_that_fails_to_start_tells_the_server() -> None:
    """Where the app cannot be started, the server learns why, and nothing is served."""
    told: list[str] = []

    @contextlib.asynccontextmanager
    async def lifespan(app: Flask) -> AsyncIterator[None]:
        told.append(app.name)
        if told:
            raise ConnectionError("no database")
        yield

    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    bridge = EventLoopBridge(Flask(__name__), lifespan=lifespan)
    with pytest.raises(ConnectionError):
        asyncio.run(bridge({"type": "lifespan"}, receive, send))

    assert [{"type": "lifespan.startup.failed", "message": "ConnectionError: no database"}] == sent
    assert [__name__] == told


def test_a_websocket_is_refused() -> None:
    """A WebSocket is closed before it is accepted, without a look at the app."""
    client = Client()
    client.scope["type"] = "websocket"
    ask_in_turn(Flask(__name__), client)

    assert [{"type": "websocket.close", "code": 1000, "reason": ""}] == client.sent


def test_a_scope_of_another_type_is_an_error() -> None:
    """What ASGI may yet invent is no Flask app's to serve, and the error says so."""
    client = Client()
    client.scope["type"] = "webtransport"
    with pytest.raises(ValueError, match="'webtransport'"):
        ask_in_turn(Flask(__name__), client)
    assert [] == client.sent


@pytest.mark.parametrize("kind", KINDS)
def test_two_apps_are_served_on_one_loop(kind: str) -> None:
    """Requests of two bridges that wait at the same time each see their own app, request and g."""

    def make(name: str) -> Flask:
        app = Flask(name)

        @app.before_request
        async def before() -> None:
            g.name = current_app.name

        def view(number: int) -> str:
            return f"{current_app.name} {g.name} {request.path}"

        async def waiting_view(number: int) -> str:
            await asyncio.sleep(0.001)
            return view(number)

        app.add_url_rule("/<int:number>", view_func=view if kind == "def" else waiting_view)
        return app

    async def main() -> list[str]:
        bridges = [EventLoopBridge(make(name)) for name in ("one", "two")]
        clients = (Client(f"/{number}").ask(bridges[number % 2]) for number in range(100))
        return [client.text for client in await asyncio.gather(*clients)]

    names = ["one", "two"] * 50
    assert [f"{name} {name} /{number}" for number, name in enumerate(names)] == asyncio.run(main())


@pytest.mark.parametrize("kind", KINDS)
def test_one_app_calls_another(kind: str) -> None:
    """A view may call another app by the bridge, as a gateway does, and finds its own request afterwards."""
    inner = Flask("inner")
    inner.add_url_rule("/inner", view_func=of_kind(kind, lambda: f"{current_app.name} {request.path}"))
    inner_bridge = EventLoopBridge(inner)
    outer = Flask("outer")

    @outer.get("/outer")
    async def view() -> str:
        client = await Client("/inner").ask(inner_bridge)
        return f"{client.text}, {current_app.name} {request.path}"

    assert "inner /inner, outer /outer" == ask(outer, "/outer").text


@pytest.mark.parametrize("kind", KINDS)
def test_one_bridge_serves_on_one_loop_after_another(kind: str) -> None:
    """A bridge belongs to no loop: threads and async functions follow the one that runs."""
    app = Flask(__name__)
    loops: list[asyncio.AbstractEventLoop] = []

    async def inner() -> str:
        loops.append(asyncio.get_running_loop())
        return "text"

    async def async_view() -> str:
        return await inner()

    def view() -> str:
        return str(app.ensure_sync(inner)())

    app.add_url_rule("/", "view", view if kind == "def" else async_view)
    bridge = EventLoopBridge(app)

    for count in (1, 2):
        clients = ask_in_turn(bridge, Client(), Client())
        assert ["text", "text"] == [client.text for client in clients]
        assert count == len(set(loops))


@pytest.mark.parametrize("kind", KINDS)
def test_the_test_client_works_after_and_between(kind: str) -> None:
    """An app that is being served is still a WSGI application to its test client, from any thread without a loop."""
    app = Flask(__name__)
    app.secret_key = "test"  # noqa: S105 - nothing is kept under it

    def view() -> str:
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    app.before_request(of_kind(kind, lambda: None))
    app.add_url_rule("/", view_func=of_kind(kind, view))

    def by_test_client() -> list[str]:
        with app.test_client() as client:
            texts = [client.get("/").text for _ in range(2)]
            assert 2 == session["count"]
            return texts

    async def main() -> list[str]:
        bridge = EventLoopBridge(app)
        first = await Client().ask(bridge)
        return [first.text, *await asyncio.to_thread(by_test_client), (await Client().ask(bridge)).text]

    assert ["1", "1", "2", "1"] == asyncio.run(main())
    assert ["1", "2"] == by_test_client()


def test_def_views_wait_for_a_thread_and_async_ones_do_not() -> None:
    """With all threads taken a def view waits for one, while async views are answered."""
    app = Flask(__name__)
    begun, go_on = threading.Semaphore(0), threading.Event()

    @app.get("/def")
    def view() -> str:
        begun.release()
        assert go_on.wait(60)
        return "def"

    app.add_url_rule("/async", view_func=of_kind("async def", lambda: "async"))

    async def main() -> None:
        bridge = EventLoopBridge(app, threads=2)
        waiting = [asyncio.create_task(Client("/def").ask(bridge)) for _ in range(3)]
        for _ in range(2):
            await asyncio.to_thread(begun.acquire, timeout=60)
        assert "async" == (await Client("/async").ask(bridge)).text
        assert not begun.acquire(blocking=False)
        go_on.set()
        assert ["def"] * 3 == [client.text for client in await asyncio.gather(*waiting)]

    asyncio.run(main())
