"""The bridge behaves in one way, whatever else an app has, on however many loops, and whatever a client sends."""

from __future__ import annotations

import asyncio
import functools
import http.client
import logging
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, abort, g, request

from flask_app.serving.bridge import EventLoopBridge
from flask_app.serving.bridge.environ import MOST_HEADER_BYTES, MOST_REPEATS, environ_of
from tests import served
from tests.flask_app.serving.asgi_client import Client, ask
from tests.flask_app.serving.kinds import KINDS, ask_in_turn, of_kind
from tests.flask_app.serving.real_server import PATIENCE_S, Server

ROOT = Path(__file__).parents[3]


def bare() -> Flask:
    """Return an app that logs nothing."""
    app = Flask(__name__)
    app.logger.disabled = True
    return app


def test_one_bridge_serves_on_several_loops_at_once() -> None:
    """Requests of three loops, of def and async views, neither cancel nor wait for each other's."""
    app = bare()
    together = threading.Barrier(3, timeout=30)

    @app.get("/def")
    def view() -> str:
        # One of each loop at a time, each loop with one thread: they are met only by threads of each its own.
        together.wait()
        return "def"

    @app.get("/async")
    async def async_view() -> str:
        await asyncio.sleep(0.001)
        return "async"

    bridge = EventLoopBridge(app, threads=1)
    answers: Counter[str] = Counter()

    async def loop() -> None:
        clients = [Client(path) for path in ("/def", "/async") * 20]
        await asyncio.wait_for(asyncio.gather(*(client.ask(bridge) for client in clients)), 60)
        answers.update(client.text for client in clients)

    threads = [threading.Thread(target=asyncio.run, args=(loop(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert {"def": 60, "async": 60} == answers


def test_the_threads_of_a_loop_that_has_ended_are_let_go() -> None:
    """One loop after another, as test clients make them, leaves the threads of one."""
    app = bare()
    app.add_url_rule("/", view_func=lambda: "ok")
    bridge = EventLoopBridge(app)
    before = threading.active_count()

    for _ in range(20):
        assert "ok" == ask_in_turn(bridge, Client())[0].text

    deadline = time.monotonic() + PATIENCE_S
    while threading.active_count() > before + 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("around", ["nothing", "async hook", "def hook", "middleware", "patched"])
@pytest.mark.parametrize("shape", ["generator", "tuple", "response"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_view_may_return_depends_on_nothing_else(kind: str, shape: str, around: str) -> None:
    """An async generator is streamed, from a view of either kind, with the request at hand, whatever else there is."""
    app = bare()

    async def parts() -> AsyncIterator[str]:
        for name in (request.path, g.name):
            await asyncio.sleep(0)
            yield name

    def view() -> Any:
        g.name = "!"
        whole: Any = parts()
        returned: dict[str, Callable[[], Any]] = {
            "generator": lambda: whole,
            "tuple": lambda: (whole, 201),
            "response": lambda: Response(whole),
        }
        return returned[shape]()

    app.add_url_rule("/", view_func=of_kind(kind, view))
    if "hook" in around:
        app.after_request(of_kind("async def" if "async" in around else "def", lambda response: response))
    if around == "middleware":
        inner = app.wsgi_app
        app.wsgi_app = lambda environ, start: inner(environ, start_response=start)  # type: ignore[method-assign, assignment]
    if around == "patched":
        dispatch = app.dispatch_request
        app.dispatch_request = functools.partial(dispatch)  # type: ignore[method-assign]

    client = ask(app)

    assert (201 if shape == "tuple" else 200, "/!") == (client.status, client.text)


@pytest.mark.parametrize("kind", KINDS)
def test_an_async_url_value_preprocessor_is_awaited(kind: str) -> None:
    """Before a view of either kind, though Flask itself awaits none."""
    app = bare()

    @app.url_value_preprocessor  # type: ignore[type-var]  # the very question
    async def value(endpoint: str | None, values: dict[str, Any] | None) -> None:
        await asyncio.sleep(0)
        g.seen = f"{endpoint} {values}"

    app.add_url_rule("/<name>", "view", of_kind(kind, lambda **_: g.seen))

    assert "view {'name': 'it'}" == ask(app, "/it").text


class Late:
    """What can be put into an app that serves already, each way by its name."""

    @staticmethod
    def hook(app: Flask, kind: str) -> None:
        """A hook, in the dictionary that Flask reads."""
        app.before_request_funcs.setdefault(None, []).append(of_kind(kind, lambda: "late"))

    @staticmethod
    def hook_in_place_of_another(app: Flask, kind: str) -> None:
        """Another hook where one was."""
        app.before_request_funcs["inner"] = [of_kind(kind, lambda: "late")]

    @staticmethod
    def handler(app: Flask, kind: str) -> None:
        """An error handler."""
        app.error_handler_spec[None][418][Exception] = of_kind(kind, lambda _error: "late")
        app.view_functions["view"] = lambda: abort(418)

    @staticmethod
    def middleware(app: Flask, kind: str) -> None:
        """Middleware, of either kind's views."""
        inner = app.wsgi_app
        app.view_functions["view"] = of_kind(kind, lambda: request.environ["late"])
        app.wsgi_app = lambda environ, start: inner(environ | {"late": "late"}, start)  # type: ignore[method-assign, assignment]

    @staticmethod
    def converter(app: Flask, kind: str) -> None:
        """A rule of its own, with its own converter."""
        app.view_functions["view"] = of_kind(kind, lambda: "late")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [name for name in vars(Late) if not name.startswith("_")])
def test_what_is_registered_late_is_obeyed_where_flask_obeys(name: str, kind: str) -> None:
    """After the first request too, as under WSGI."""
    apps = []
    for _ in range(2):
        app = bare()
        app.add_url_rule("/", "view", of_kind(kind, lambda: "early"))
        apps.append(app)
    by_wsgi, by_bridge = apps
    bridge = EventLoopBridge(by_bridge)
    assert "early" == by_wsgi.test_client().get("/").text == ask_in_turn(bridge, Client())[0].text
    for app in apps:
        getattr(Late, name)(app, kind)

    expected = by_wsgi.test_client().get("/").text
    assert expected == ask_in_turn(bridge, Client())[0].text
    assert ("early" if name == "hook_in_place_of_another" else "late") == expected


@pytest.mark.parametrize("query", ["", "a=%C3%A9&b"])
def test_the_target_is_told_as_the_client_sent_it(query: str) -> None:
    """REQUEST_URI and RAW_URI are what other WSGI servers put there: path and query, still encoded."""
    client = Client("/é/x")
    client.scope.update(raw_path=b"/%C3%A9/x", query_string=query.encode())
    expected = f"/%C3%A9/x?{query}" if query else "/%C3%A9/x"

    environ = environ_of(client.scope)

    assert expected == environ["REQUEST_URI"] == environ["RAW_URI"]
    del client.scope["raw_path"]
    assert expected == environ_of(client.scope)["REQUEST_URI"]


def test_an_error_is_told_to_start_response_by_its_name() -> None:
    """Middleware that starts its answer anew hands over the error by keyword, as PEP 3333 names it."""
    app = bare()

    def failing(environ: Any, start: Callable[..., Any]) -> Iterator[bytes]:
        start("200 OK", [])
        try:
            raise LookupError  # noqa: TRY301 - that it failed is the point
        except LookupError:
            start("503 Service Unavailable", [("X-Why", "it failed")], exc_info=sys.exc_info())
        yield b"sorry"

    app.wsgi_app = failing  # type: ignore[method-assign, assignment]
    client = ask(app)

    assert (503, "sorry") == (client.status, client.text)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"a", b"1")] * MOST_REPEATS, 200),
        ([(b"a", b"1")] * (MOST_REPEATS + 1), 431),
        ([(b"a%d" % number, b"1") for number in range(2 * MOST_REPEATS)], 200),
        ([(b"a", b"1" * (MOST_HEADER_BYTES - 1))], 200),
        ([(b"a", b"1" * MOST_HEADER_BYTES)], 431),
        ([(b"a", b"1")] * 100_000, 431),
    ],
    ids=["repeated", "too often", "many", "long", "too long", "100,000"],
)
def test_headers_have_a_limit(headers: list[tuple[bytes, bytes]], status: int) -> None:
    """Beyond it the answer is a 431, and no function of the app was called."""
    app = bare()
    called: list[str] = []
    app.before_request(lambda: called.append("hook"))
    app.add_url_rule("/", view_func=lambda: request.headers.get("a", "")[-1:])
    client = Client()
    client.scope["headers"] = headers
    ask_in_turn(app, client)

    assert status == client.status
    assert (["hook"] if status == 200 else []) == called


@pytest.fixture
def open_server(start: Callable[[str, str], Server]) -> Server:
    """uvicorn, which sets no limit to headers."""
    return start("uvicorn", "unread_bodies_service:limited")


def test_a_mebibyte_of_headers_is_refused_and_others_are_served(open_server: Server) -> None:
    """Repeated headers are no work that grows with their square: others are answered all the while."""
    answered = []
    stop = threading.Event()

    def others() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", open_server.port, timeout=PATIENCE_S)
        while not stop.is_set():
            connection.request("GET", "/ok")
            answered.append(connection.getresponse().read())
        connection.close()

    thread = threading.Thread(target=others)
    thread.start()
    try:
        for mebibytes in (1, 4):
            with open_server.connect() as connection:
                lines = b"a: 1\r\n" * (mebibytes * 1024 * 1024 // 6)
                connection.send(b"GET /ok HTTP/1.1\r\nHost: localhost\r\n" + lines + b"\r\n")
                assert 431 == connection.answer().status
    finally:
        stop.set()
        thread.join(PATIENCE_S)

    assert {b"ok"} == set(answered)


def test_on_trio_the_start_fails_with_one_clear_error(tmp_path: Path) -> None:
    """Hypercorn's other loop is none that the bridge runs on: it says so when it is started, and what to do."""
    port = served.free_port()
    command = ["-m", "hypercorn", "--worker-class", "trio", "--workers", "0", "--bind", f"127.0.0.1:{port}"]
    started = subprocess.run(
        [sys.executable, *command, "tests.flask_app.serving.unread_bodies_service:limited"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert 0 != started.returncode
    assert "EventLoopBridge runs on asyncio" in started.stdout + started.stderr
    assert "--worker-class" in started.stdout + started.stderr


def test_what_makes_the_difference_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Middleware costs an async view its place on the loop, and the log says so once, with what to look at."""
    app = bare()
    inner = app.wsgi_app
    app.wsgi_app = functools.partial(inner)  # type: ignore[method-assign]
    app.add_url_rule("/", view_func=of_kind("async def", lambda: "ok"))
    bridge = EventLoopBridge(app)

    with caplog.at_level(logging.WARNING, "flask_app.serving.bridge"):
        ask_in_turn(bridge, *(Client() for _ in range(3)))

    (record,) = caplog.records
    assert "wsgi_app" in record.getMessage()
    assert "thread" in record.getMessage()
