"""A Flask app that notes on which thread each of its ``def`` functions runs, and for which request."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

from flask import Flask, Request, Response, abort, after_this_request, signals, stream_with_context
from flask.sessions import SecureCookieSessionInterface

from flask_app.serving.bridge import EventLoopBridge
from tests.flask_app.serving.asgi_client import Client

PATIENCE_S = 60.0
SIGNALS = (
    "request_started",
    "request_finished",
    "got_request_exception",
    "appcontext_pushed",
    "request_tearing_down",
    "appcontext_tearing_down",
    "appcontext_popped",
)

# Known in every function of a request, also where it has no context of Flask's.
number: ContextVar[int] = ContextVar("number", default=-1)


class Notes:
    """Which function of which request ran on which thread, in the order in which they ended.

    Attributes:
        calls: The thread, the request and the function of each.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[int, int, str]] = []

    def note(self, what: str) -> None:
        """Run for a moment, and note it."""
        time.sleep(0.001)
        self.calls.append((threading.get_ident(), number.get(), what))

    def noting(self, what: str, answer: Callable[..., Any] = lambda *_, **__: None) -> Callable[..., Any]:
        """Return a ``def`` function that notes its call, and answers."""

        def function(*arguments: Any, **named: Any) -> Any:
            self.note(what)
            return answer(*arguments, **named)

        return function

    @property
    def of_several_threads(self) -> list[int]:
        """Return the requests whose functions ran on more than one thread."""
        threads = defaultdict(set)
        for thread, request, _ in self.calls:
            threads[request].add(thread)
        return [request for request, used in threads.items() if len(used) > 1]

    @property
    def on_shared_threads(self) -> list[int]:
        """Return the requests that were on a thread both before and after another one was."""
        shared = []
        for thread in {thread for thread, _, _ in self.calls}:
            turns = [request for request, _ in itertools.groupby(call[1] for call in self.calls if call[0] == thread)]
            shared += [request for request in {*turns} if turns.count(request) > 1]
        return shared

    def called(self, request: int) -> set[str]:
        """Return the names of the functions of a request."""
        return {what for _, of, what in self.calls if of == request}


class NotingSessions(SecureCookieSessionInterface):
    """Sessions that might ask a database."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def open_session(self, app: Flask, request: Request) -> Any:
        """Open one."""
        self._notes.note("open_session")
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        """Save one."""
        self._notes.note("save_session")
        super().save_session(app, session, response)


def noting_app(kind: str) -> tuple[Flask, Notes]:
    """Return an app with ``def`` functions wherever Flask calls any, and its notes.

    Args:
        kind: Of its views: ``def`` or ``async def``.
    """
    notes = Notes()
    app = Flask("noting")
    app.secret_key = "test"  # noqa: S105 - nothing is kept under it
    app.logger.disabled = True
    app.session_interface = NotingSessions(notes)
    app.url_value_preprocessor(notes.noting("url_value_preprocessor"))
    app.before_request(notes.noting("before_request"))
    app.after_request(notes.noting("after_request", lambda response: response))
    app.teardown_request(notes.noting("teardown_request"))
    app.teardown_appcontext(notes.noting("teardown_appcontext"))
    app.register_error_handler(404, notes.noting("error handler", lambda _: ("handled", 404)))
    for name in SIGNALS:
        getattr(signals, name).connect(notes.noting(name), app, weak=False)
    _add_views(app, notes, kind)
    return app, notes


def _add_views(app: Flask, notes: Notes, kind: str) -> None:
    def ok() -> str:
        after_this_request(notes.noting("after_this_request", lambda response: response))
        return "ok"

    def streamed(parts: Iterator[str]) -> Response:
        response = Response(parts)
        response.call_on_close(notes.noting("call_on_close"))
        return response

    def parts() -> Iterator[str]:
        for part in "abc":
            notes.note("part")
            yield part

    answers: dict[str, Callable[[], Any]] = {
        "ok": ok,
        "failing": lambda: abort(404),
        "broken": lambda: 1 // 0,
        "stream": lambda: streamed(parts()),
        "stream-in-context": lambda: streamed(stream_with_context(parts())),
    }

    def view_of(answer: Callable[[], Any]) -> Callable[..., Any]:
        async def view() -> Any:
            await asyncio.sleep(0.002)
            return answer()

        return notes.noting("view", answer) if kind == "def" else view

    for name, answer in answers.items():
        app.add_url_rule(f"/{name}", name, view_of(answer))


def by_wsgi(app: Flask, path: str, count: int) -> list[tuple[int, str]]:
    """Return the answers to so many requests at once, each on a thread of its own, as under plain Flask."""

    def one(each: int) -> tuple[int, str]:
        number.set(each)
        with app.test_client().get(path) as response:
            return response.status_code, response.get_data(as_text=True)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def by_bridge(app: Flask, path: str, count: int, **options: Any) -> list[tuple[int, str]]:
    """Return the answers to so many requests at once, by the bridge with these options."""
    bridge = EventLoopBridge(app, **options)

    async def main() -> list[tuple[int, str]]:
        asked = [asyncio.ensure_future(ask(bridge, path, each)) for each in range(count)]
        return [(client.status, client.text) for client in await asyncio.wait_for(asyncio.gather(*asked), PATIENCE_S)]

    return asyncio.run(main())


def behind_middleware(app: Flask, path: str, count: int) -> list[tuple[int, str]]:
    """Return the answers by the bridge with WSGI middleware between, which it does not know."""
    inner = app.wsgi_app
    app.wsgi_app = lambda environ, start: inner(dict(environ), start)  # type: ignore[method-assign, assignment]
    return by_bridge(app, path, count)


async def ask(bridge: EventLoopBridge, path: str, request: int) -> Client:
    """Have one request served, which knows its number."""
    number.set(request)
    return await Client(path).ask(bridge)


PASSAGES: dict[str, Callable[[Flask, str, int], list[tuple[int, str]]]] = {
    "plain Flask": by_wsgi,
    "the bridge": by_bridge,
    "the bridge behind middleware": behind_middleware,
}
