"""Two apps behind the event-loop bridge, one all ``def`` and one all ``async def``, with every hook at every level.

The paths ``/def/app``, ``/def/blueprint`` and ``/def/nested`` lead to a view of that level, ``/async/...`` likewise.
Arguments of a request: ``fail``, ``abort`` and ``stop``, the points that raise a plain error, a refusal of HTTP and a
``StopIteration``, between commas; ``wait``, the point that waits; ``key``, under which is noted what happens. A point
is a level and a hook.
"""

import asyncio
import collections
import contextlib
import itertools
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, after_this_request, g, has_request_context, request
from flask.sansio.scaffold import Scaffold
from werkzeug.exceptions import ImATeapot

from flask_app.serving.bridge import EventLoopBridge
from tests.flask_app.serving.left_over import contexts_beside_this, leave_out_what_is_loaded

WAIT_S = 0.4
KINDS = ("def", "async")
LEVELS = ("app", "blueprint", "nested")
# In Flask's order, but for the handlers, which come before "after this".
HOOKS = ("value", "before", "view", "handler", "after this", "after", "teardown")
POINTS = (*(f"{level} {hook}" for level in LEVELS for hook in HOOKS), "app handler of 500", "app context teardown")
PART = b"part"

# By key: what happened.
happened: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)


class PointError(Exception):
    """What a point raises that was told to fail."""


ERRORS: dict[str, type[Exception]] = {"fail": PointError, "abort": ImATeapot, "stop": StopIteration}


def asked(name: str) -> str:
    """Return an argument of the request, after its context is gone too."""
    if has_request_context():
        g.arguments = request.args
    argument: str = g.arguments.get(name, "")
    return argument


def note(what: str) -> None:
    """Note that something happened to the request at hand."""
    happened[asked("key")][what] += 1


def pass_by(point: str) -> None:
    """Note that a point is reached, and raise there if the request says so."""
    note(point)
    for name, error in ERRORS.items():
        if point in asked(name).split(","):
            raise error(point)


def of_point(kind: str, point: str, returns: Callable[..., Any]) -> Any:
    """Return a function for a point, of a kind; what waits in a teardown function does so for a while only."""

    def function(*arguments: Any, **_named: Any) -> Any:
        if asked("wait") == point:
            note("waits")
            time.sleep(WAIT_S)
            note("waited")
        pass_by(point)
        return returns(*arguments)

    async def async_function(*arguments: Any, **_named: Any) -> Any:
        if asked("wait") == point:
            note("waits")
            try:
                if "teardown" in point:
                    await asyncio.sleep(WAIT_S)
                else:
                    # Not a long sleep: asyncio keeps some cancelled timers, with their contexts, until their time.
                    await asyncio.Event().wait()
                note("waited")
            except asyncio.CancelledError:
                note("cancelled")
                raise
        pass_by(point)
        return returns(*arguments)

    return function if kind == "def" else async_function


def add_hooks(scaffold: Scaffold, kind: str, level: str) -> None:
    """Add every hook, and a view, to an app or a blueprint."""
    # Flask itself awaits no function of this hook.
    scaffold.url_value_preprocessor(of_point("def", f"{level} value", lambda *_: None))
    scaffold.before_request(of_point(kind, f"{level} before", lambda: None))
    scaffold.after_request(of_point(kind, f"{level} after", lambda response: response))
    scaffold.teardown_request(of_point(kind, f"{level} teardown", lambda _: None))
    scaffold.register_error_handler(
        LookupError, of_point(kind, f"{level} handler", lambda _: (f"{level} handled", 409))
    )
    after_this = of_point(kind, f"{level} after this", lambda response: response)

    def returns(*_: object) -> str:
        after_this_request(after_this)
        if f"{level} handler" in ",".join(map(asked, ("wait", *ERRORS))).split(","):
            raise LookupError
        return f"{level} viewed"

    view = of_point(kind, f"{level} view", returns)
    view.__name__ = level
    scaffold.add_url_rule(f"/{kind}/{level}", view_func=view)


def make_app(kind: str) -> Flask:
    """Return an app with hooks of a kind."""
    app = Flask(__name__)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    blueprint, nested = Blueprint("blueprint", __name__), Blueprint("nested", __name__)
    for level, scaffold in zip(LEVELS, (app, blueprint, nested), strict=True):
        add_hooks(scaffold, kind, level)
    app.teardown_appcontext(of_point(kind, "app context teardown", lambda _: None))
    app.register_error_handler(500, of_point(kind, "app handler of 500", lambda _: ("all handled", 500)))
    views: list[Callable[..., Any]] = (
        [stream, pausing, big, echo] if kind == "def" else [async_stream, async_pausing, own]
    )
    for view in views:
        blueprint.add_url_rule(f"/{kind}/{view.__name__}", view_func=view, methods=["GET", "POST"])
    blueprint.register_blueprint(nested)
    app.register_blueprint(blueprint)
    return app


def noting_its_end(body: Iterator[bytes]) -> Response:
    """Answer with what a generator yields, and note that all is closed, or fail there if the request says so."""
    events, fails = happened[request.args["key"]], "end" in request.args.get("fail", "")

    def noting() -> Iterator[bytes]:
        try:
            yield from body
        finally:
            events["closed"] += 1
            if fails:
                raise PointError

    response = Response(noting())
    response.call_on_close(lambda: events.update(["response closed"]))
    return response


def stream() -> Response:
    """Answer without end, in parts that know nothing of the request."""
    return noting_its_end(itertools.repeat(PART * 16_384))


def pausing() -> Response:
    """Answer in four parts, with pauses."""
    key = request.args["key"]

    def slow() -> Iterator[bytes]:
        for _ in range(4):
            happened[key]["parts"] += 1
            yield PART
            time.sleep(WAIT_S / 4)

    return noting_its_end(slow())


def big() -> bytes:
    """Answer more than a connection keeps for a client that does not read."""
    return PART * 5_000_000


async def async_stream() -> Any:
    """Answer a part, and then wait for what never comes."""

    async def waiting() -> AsyncIterator[bytes]:
        try:
            note("parts")
            yield PART
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            note("cancelled")
            raise
        finally:
            await asyncio.sleep(0.01)
            note("closed")
            if "end" in asked("fail"):
                raise PointError

    return waiting()


async def async_pausing() -> Any:
    """Answer in four parts, with pauses."""

    async def slow() -> AsyncIterator[bytes]:
        try:
            for _ in range(4):
                note("parts")
                yield PART
                await asyncio.sleep(WAIT_S / 4)
        finally:
            note("closed")

    return slow()


def echo() -> bytes:
    """Answer the body."""
    note("read")
    return request.get_data()


async def own() -> str:
    """Answer after a while, or when a file is there, with what the request itself brought along."""
    g.name = request.args["name"]
    await asyncio.sleep(float(request.args["wait_s"]))
    while "until" in request.args and not Path(request.args["until"]).exists():
        await asyncio.sleep(0.01)
    return f"{g.name} {request.args['name']}"


apps = {kind: make_app(kind) for kind in KINDS}
teller = Flask(__name__)


@teller.get("/told/<key>")
async def told(key: str) -> dict[str, int]:
    """Tell what happened to the requests of a key, and how many requests have a context, beside this one."""
    return {**happened[key], "contexts": contexts_beside_this()}


@teller.get("/events/<keys>")
async def events(keys: str) -> dict[str, dict[str, int]]:
    """Tell what happened to the requests of some keys, between commas."""
    return {key: happened[key] for key in keys.split(",")}


@teller.get("/ok")
async def ok() -> str:
    """Answer at once."""
    leave_out_what_is_loaded()
    return "ok"


async def fail(message: str) -> None:
    """Fail with a message."""
    raise ConnectionError(message)


@contextlib.asynccontextmanager
async def noisy_lifespan(_app: Flask) -> AsyncIterator[None]:
    """Say on the log when the server starts and ends."""
    sys.stderr.write("opened by the lifespan\n")
    yield
    await asyncio.sleep(0.01)
    sys.stderr.write("closed by the lifespan\n")


@contextlib.asynccontextmanager
async def failing_start(_app: Flask) -> AsyncIterator[None]:
    """Fail when the server starts."""
    await fail("the database is not there")
    yield


@contextlib.asynccontextmanager
async def failing_end(_app: Flask) -> AsyncIterator[None]:
    """Fail when the server ends."""
    yield
    await fail("the database is gone")


# Hypercorn says nothing of a client that leaves in the middle of a chunk: it is silent, and given up.
_bridges = {kind: EventLoopBridge(app, body_silence_s=2.0) for kind, app in apps.items()}
_teller_bridge = EventLoopBridge(teller, lifespan=noisy_lifespan)
never_starts = EventLoopBridge(Flask(__name__), lifespan=failing_start)
ends_badly = EventLoopBridge(Flask(__name__), lifespan=failing_end)


async def served(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """Pass a request on to the app of the kind that its path begins with; the rest is the teller's."""
    kind = "".join(scope.get("path", "").split("/", 2)[1:2])
    await _bridges.get(kind, _teller_bridge)(scope, receive, send)
