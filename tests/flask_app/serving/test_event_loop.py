"""Behaviour of the event-loop bridge, in process: a fake server on one side, Flask apps on the other."""

import asyncio
import contextvars
import gc
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask, Response, abort, g, request, session, stream_with_context
from flask.views import MethodView
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_app.serving import event_loop
from flask_app.serving.bridge import EventLoopBridge, never_blocks
from tests.flask_app.serving.asgi_client import Client, ask


def test_the_service_is_served() -> None:
    """Both twins of the service answer as they do under WSGI."""

    async def main() -> list[Client]:
        return [await Client(f"/health/{variant}").ask(event_loop.app) for variant in ("sync", "async")]

    for client in asyncio.run(main()):
        assert 200 == client.status
        assert '{"api":"health","version":1}\n' == client.text


def test_an_async_view_runs_on_the_servers_loop() -> None:
    """An async view, in a function or a class, is awaited by the thread that serves."""
    app = Flask(__name__)
    where: list[threading.Thread] = []

    @app.get("/")
    async def view() -> str:
        where.append(threading.current_thread())
        return "ok"

    class Items(MethodView):
        async def get(self) -> str:
            where.append(threading.current_thread())
            return "ok"

    app.add_url_rule("/items", view_func=Items.as_view("items"))

    assert "ok" == ask(app).text
    assert "ok" == ask(app, "/items").text
    assert [threading.main_thread()] * 2 == where


def test_a_def_view_runs_in_a_worker_thread() -> None:
    """A def view runs beside the loop, and async functions that it asks for are awaited on the loop."""
    app = Flask(__name__)

    async def inner() -> str:
        return threading.current_thread().name

    @app.get("/")
    def view() -> str:
        return f"{threading.current_thread().name} {app.ensure_sync(inner)()}"

    outer, within = ask(app).text.split()
    assert outer.startswith("flask-worker")
    assert threading.main_thread().name == within


def test_hooks_of_both_kinds_share_the_requests_context() -> None:
    """Hooks that are def and async def see what each other set, in Flask's order, teardown last."""
    app = Flask(__name__)
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    order: list[str] = []

    @app.before_request
    def first() -> None:
        variable.set("set by a thread")
        g.order = ["first"]

    @app.before_request
    async def second() -> None:
        g.order.append("second")

    @app.get("/")
    async def view() -> str:
        return f"{variable.get()}: {', '.join(g.order)}"

    @app.after_request
    @never_blocks
    def after(response: Response) -> Response:
        response.headers["X-After"] = "yes"
        return response

    @app.teardown_request
    async def teardown_request(error: BaseException | None) -> None:
        order.append(request.path)

    @app.teardown_appcontext
    def teardown_app(error: BaseException | None) -> None:
        order.append("app")

    client = ask(app)

    assert "set by a thread: first, second" == client.text
    assert (b"x-after", b"yes") in client.sent[0]["headers"]
    assert ["/", "app"] == order


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_error_handlers_answer(kind: str) -> None:
    """An error handler of either kind answers for an error of either kind of view."""
    app = Flask(__name__)

    @app.get("/def")
    def failing() -> str:
        abort(418)

    @app.get("/async")
    async def failing_async() -> str:
        abort(418)

    def handler(error: Exception) -> tuple[str, int]:
        return "handled", 418

    async def async_handler(error: Exception) -> tuple[str, int]:
        return "handled", 418

    app.register_error_handler(418, handler if kind == "def" else async_handler)

    for path in ("/def", "/async"):
        client = ask(app, path)
        assert 418 == client.status
        assert "handled" == client.text


def test_an_uncaught_error_is_a_500() -> None:
    """An error that nothing handles is logged and answered as Flask does."""
    app = Flask(__name__)
    app.logger.disabled = True

    @app.get("/")
    async def view() -> str:
        raise ValueError

    assert 500 == ask(app).status
    assert 404 == ask(app, "/nowhere").status


def test_bodies_reach_the_view() -> None:
    """A view reads the request's body, and a body beyond the limit is a 413 when it does."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 10

    @app.post("/")
    async def view() -> bytes:
        return request.get_data()

    assert "0123456789" == ask(app, method="POST", body=b"0123456789").text
    assert 413 == ask(app, method="POST", body=b"0123456789a").status


def test_streams_are_sent_part_by_part() -> None:
    """Generators of both kinds are sent in their parts, with the request at hand."""
    app = Flask(__name__)

    @app.get("/def")
    def view() -> Response:
        def parts() -> Iterator[str]:
            yield request.path
            yield "!"

        return Response(stream_with_context(parts()))

    @app.get("/async")
    async def async_view() -> Any:
        async def parts() -> AsyncIterator[str]:
            yield request.path
            yield "!"

        return parts()

    for path in ("/def", "/async"):
        client = ask(app, path)
        assert f"{path}!" == client.text
        assert 4 == len(client.sent)


def test_a_client_that_hangs_up_cancels_the_view() -> None:
    """The view is cancelled when its client goes, its teardown runs, and nothing is answered."""
    app = Flask(__name__)
    told: list[str] = []

    @app.get("/")
    async def view() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append("cancelled")
            raise
        return "never"

    @app.teardown_request
    def teardown(error: BaseException | None) -> None:
        told.append("torn down")

    async def main() -> Client:
        client = Client()
        asyncio.get_running_loop().call_later(0.01, client.gone.set)
        return await client.ask(EventLoopBridge(app))

    assert [] == asyncio.run(main()).sent
    assert ["cancelled", "torn down"] == told


def test_requests_at_once_never_see_each_other() -> None:
    """Of two thousand requests at once, each sees its own g, session and context variable, at the end as at first."""
    app = Flask(__name__)
    app.secret_key = "test"  # noqa: S105 - nothing is kept under it
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    @app.get("/<number>")
    async def view(number: str) -> str:
        g.number = number
        session["number"] = number
        variable.set(number)
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        return " ".join({g.number, session["number"], variable.get(), request.path[1:]})

    async def main() -> list[Client]:
        bridge = EventLoopBridge(app)
        return await asyncio.gather(*(Client(f"/{number}").ask(bridge) for number in range(2_000)))

    assert [str(number) for number in range(2_000)] == [client.text for client in asyncio.run(main())]


def test_requests_leave_nothing_behind() -> None:
    """After thousands of requests, to views of both kinds, there are as many objects as before."""
    app = Flask(__name__)
    app.add_url_rule("/def", view_func=lambda: "ok")

    @app.get("/<number>")
    async def view(number: str) -> str:
        await asyncio.sleep(0)
        return number

    async def objects_after(requests: int, bridge: EventLoopBridge) -> int:
        for number in range(requests):
            await Client("/def" if number % 10 == 0 else f"/{number}").ask(bridge)
        gc.collect()
        return len(gc.get_objects())

    async def main() -> list[int]:
        # One worker, for a pool starts a further one now and then until it has all that it may have.
        bridge = EventLoopBridge(app, threads=1)
        counts = [await objects_after(1_000, bridge) for _ in range(4)]
        return [after - before for before, after in pairwise(counts)]

    # What is left behind is so in each round; another test's thread that ends, in one.
    assert 50 > min(asyncio.run(main()))


def test_proxy_fix_is_kept_and_other_middleware_is_called() -> None:
    """Middleware around the app acts as under WSGI, whatever it is, and async views still run on the loop."""
    where: list[threading.Thread] = []

    def make() -> Flask:
        app = Flask(__name__)

        @app.get("/")
        async def view() -> str:
            where.append(threading.current_thread())
            return str(request.remote_addr)

        return app

    fixed, wrapped = make(), make()
    fixed.wsgi_app = ProxyFix(fixed.wsgi_app)  # type: ignore[method-assign]
    inner = wrapped.wsgi_app
    wrapped.wsgi_app = lambda environ, start: inner(environ | {"REMOTE_ADDR": "10.0.0.2"}, start)  # type: ignore[method-assign, assignment]

    assert "10.0.0.1" == ask(fixed, X_Forwarded_For="10.0.0.1").text
    assert "10.0.0.2" == ask(wrapped).text
    assert [threading.main_thread()] * 2 == where


def test_the_lifespan_is_the_apps_to_use() -> None:
    """What the app opens at the server's start is closed at its end."""
    told: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Flask) -> AsyncIterator[None]:
        told.append("opened")
        yield
        told.append("closed")

    async def main() -> list[str]:
        sent: list[str] = []
        phases = iter(["lifespan.startup", "lifespan.shutdown"])

        async def receive() -> dict[str, Any]:
            return {"type": next(phases)}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message["type"])

        await EventLoopBridge(Flask(__name__), lifespan=lifespan)({"type": "lifespan"}, receive, send)
        return sent

    assert ["lifespan.startup.complete", "lifespan.shutdown.complete"] == asyncio.run(main())
    assert ["opened", "closed"] == told


def test_the_app_stays_a_wsgi_application() -> None:
    """An app under the bridge is served by WSGI as before."""
    app = Flask(__name__)

    @app.get("/")
    async def view() -> str:
        return "ok"

    EventLoopBridge(app)

    assert "ok" == app.test_client().get("/").text


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_client_that_falls_silent_gets_a_408(wrapped: bool) -> None:
    """A view that reads the body of a client that fell silent ends in a 408, behind middleware too."""
    app = Flask(__name__)
    if wrapped:
        inner = app.wsgi_app
        app.wsgi_app = lambda environ, start: inner(environ | {"seen": True}, start)  # type: ignore[method-assign, assignment]

    @app.post("/")
    async def view() -> bytes:
        return request.get_data()

    async def main() -> Client:
        client = Client(method="POST", content_length="10")
        return await client.ask(EventLoopBridge(app, body_silence_s=0.01))

    assert 408 == asyncio.run(main()).status


def test_what_a_def_view_made_for_a_client_that_has_gone_is_closed() -> None:
    """The response of a def view whose client hung up meanwhile is closed, as every response is."""
    app = Flask(__name__)
    begun, gone, closed = threading.Event(), threading.Event(), threading.Event()

    @app.get("/")
    def view() -> Response:
        begun.set()
        gone.wait(10)
        response = Response("too late")
        response.call_on_close(closed.set)
        return response

    async def main() -> Client:
        client = Client()
        asked = asyncio.create_task(client.ask(EventLoopBridge(app)))
        await asyncio.to_thread(begun.wait, 10)
        client.gone.set()
        # Until the watch for hang-ups has begun and seen it.
        await asyncio.sleep(0.3)
        gone.set()
        return await asked

    assert [] == asyncio.run(main()).sent
    assert closed.is_set()


def test_an_app_that_calls_async_functions_in_its_own_way_does_so_behind_the_bridge_too() -> None:
    """What a subclass does in ensure_sync is done, in a worker thread, as under WSGI."""
    seen: list[str] = []

    class Telling(Flask):
        def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
            seen.append(func.__name__)
            return super().ensure_sync(func)

    app = Telling(__name__)

    @app.get("/")
    async def view() -> str:
        return "ok"

    assert "ok" == ask(app).text
    assert "view" in seen
