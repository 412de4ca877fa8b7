"""What an app does at the edges of Flask's own steps, the bridge does as plain Flask does it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from typing import Any

import pytest
from flask import Flask, Request, request
from flask.sessions import SecureCookieSessionInterface
from flask.views import MethodView
from werkzeug.routing import Map, Rule

from flask_app.serving.bridge import EventLoopBridge
from flask_app.serving.bridge import workers as workers_module
from tests.flask_app.serving.asgi_client import Client, ask, run_apart


def both(app: Flask, path: str = "/", **options: Any) -> tuple[Any, Any]:
    """Return what plain Flask answers, and what the bridge does."""
    plain = app.test_client().open(path, **options)
    options.pop("headers", None)
    client = ask(app, path, **options)
    return (plain.status_code, plain.text), (client.status, client.text)


@pytest.mark.parametrize("place", ["view", "before"])
def test_a_stop_iteration_is_handled_as_one(place: str) -> None:
    """A handler for it is called, though none may leave a coroutine."""
    app = Flask("stop")

    def stop() -> str:
        return next(iter(()))

    app.add_url_rule("/", view_func=stop)
    if place == "before":
        app.before_request(stop)
    app.register_error_handler(StopIteration, lambda _: ("stopped", 400))
    plain, bridged = both(app)
    assert bridged == plain == (400, "stopped")


def test_an_endpoint_without_a_view_is_answered_by_a_hook() -> None:
    """Before a view is missed, a hook may answer."""
    app = Flask("no view")
    app.url_map.add(Rule("/", endpoint="no view"))
    app.before_request(lambda: "hook")
    plain, bridged = both(app)
    assert bridged == plain == (200, "hook")


def test_a_view_that_a_hook_loads_is_called() -> None:
    """The view is looked up after the hooks, which may have put it there."""

    def make() -> Flask:
        app = Flask("lazy")
        app.add_url_rule("/", "lazy", lambda: "stub")

        @app.before_request
        def load() -> None:
            app.view_functions["lazy"] = lambda: "real"

        return app

    plain = make().test_client().get("/").text
    assert ask(make()).text == plain == "real"


def test_a_hook_may_choose_another_endpoint() -> None:
    """Flask dispatches request.url_rule as the hooks leave it."""
    app = Flask("rule")
    app.add_url_rule("/", "one", lambda: "one")
    app.add_url_rule("/two", "two", lambda: "two")

    @app.before_request
    def choose() -> None:
        request.url_rule = next(app.url_map.iter_rules("two"))

    plain, bridged = both(app)
    assert bridged == plain == (200, "two")


def test_a_view_class_is_made_on_the_requests_thread() -> None:
    """Its __init__ is a def function, also with an async handler."""
    app = Flask("class")
    threads = set()
    app.teardown_request(lambda _: threads.add(threading.get_ident()))

    class View(MethodView):
        def __init__(self) -> None:
            threads.add(threading.get_ident())

        async def get(self) -> str:
            return "ok"

    app.add_url_rule("/", view_func=View.as_view("view"))
    ask(app)
    assert len(threads) == 1


def test_all_of_a_session_interface_runs_on_the_requests_thread() -> None:
    """That is so of each of its methods."""
    app = Flask("session")
    threads = set()

    class Sessions(SecureCookieSessionInterface):
        def open_session(self, *_: Any) -> Any:
            threads.add(threading.get_ident())
            return self.session_class()

        def is_null_session(self, obj: object) -> bool:
            threads.add(threading.get_ident())
            return super().is_null_session(obj)

        def save_session(self, *_: Any) -> None:
            threads.add(threading.get_ident())

    app.session_interface = Sessions()

    @app.get("/")
    async def view() -> str:
        return "ok"

    ask(app)
    assert len(threads) == 1


def test_a_map_of_the_apps_own_is_asked_each_time() -> None:
    """It may look at other headers than the host."""

    class Tenants(Map):
        def bind_to_environ(self, environ: Any, server_name: Any = None, subdomain: Any = None) -> Any:
            return super().bind_to_environ(environ, server_name, environ.get("HTTP_X_TENANT", ""))

    class Tenanted(Flask):
        url_map_class = Tenants

    app = Tenanted("tenants")
    app.add_url_rule("/", "a", lambda: "a", subdomain="a")
    app.add_url_rule("/", "b", lambda: "b", subdomain="b")

    async def main() -> list[str]:
        bridge = EventLoopBridge(app)
        return [(await Client(host="example.org", x_tenant=name).ask(bridge)).text for name in "ab"]

    plain = [app.test_client().get("/", headers={"X-Tenant": name}).text for name in "ab"]
    assert run_apart(main()) == plain == ["a", "b"]


def test_a_map_that_is_replaced_is_obeyed() -> None:
    """Nothing is remembered of the one before."""
    app = Flask("map", static_folder=None)
    app.add_url_rule("/x", "one", lambda: "one")
    app.view_functions["two"] = lambda: "two"

    async def main() -> list[str]:
        bridge = EventLoopBridge(app)
        await Client("/x").ask(bridge)
        first = await Client("/x").ask(bridge)
        app.url_map = Map([Rule("/x", endpoint="two")])
        return [first.text, (await Client("/x").ask(bridge)).text]

    assert run_apart(main()) == ["one", "two"]


def test_an_error_of_sending_is_none_of_the_requests() -> None:
    """What fails when the response is turned into bytes fails after the teardown."""
    app = Flask("sending")
    told: list[Any] = []
    app.teardown_request(told.append)

    @app.get("/")
    def view() -> Any:
        return "ok", {"X-Name": "\u20ac"}

    for serve in (lambda: app.test_client().get("/"), lambda: ask(app)):
        # A server of WSGI finds the error only when it writes the header.
        with contextlib.suppress(UnicodeEncodeError):
            serve()
    assert told == [None, None]


def test_a_view_that_asks_its_own_server_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all threads in def views that wait for their own server, new requests go on beyond the limit, in the end."""
    monkeypatch.setattr(workers_module, "LEASE_PATIENCE_S", 1.0)
    app = Flask("own server")

    @app.get("/inner")
    def inner() -> str:
        return "inner"

    async def main() -> str:
        bridge = EventLoopBridge(app, threads=1)
        loop = asyncio.get_running_loop()

        @app.get("/")
        def view() -> str:
            # In no context, as a request over HTTP is.
            asked = contextvars.Context().run(asyncio.run_coroutine_threadsafe, Client("/inner").ask(bridge), loop)
            return asked.result(6).text

        return (await Client().ask(bridge)).text

    assert run_apart(main(), 12) == "inner"


def test_a_request_class_may_read_the_body_when_it_is_made() -> None:
    """Such a request takes Flask's own passage."""

    class Reading(Request):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self.get_data()

    app = Flask("reading")
    app.request_class = Reading

    def view() -> bytes:
        return request.get_data()

    app.add_url_rule("/", view_func=view, methods=["POST"])
    assert app.test_client().post("/", data=b"body").text == "body"
    assert ask(app, method="POST", body=b"body").text == "body"
