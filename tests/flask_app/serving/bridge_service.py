"""Apps of several makes behind the event-loop bridge, whose requests say what goes wrong and which tell what happened.

A request's path begins with the make of its app. Its arguments: ``key``, under which its events are told; ``wait`` or
``fail``, a phase in which to do that.
"""

import asyncio
import collections
import contextlib
import itertools
import os
import stat
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, Response, after_this_request, g, has_request_context, request, send_file, stream_with_context
from flask.sessions import SecureCookieSessionInterface

from flask_app.serving.bridge import EventLoopBridge
from flask_app.serving.bridge.body import RequestBody
from flask_app.serving.bridge.in_context import Disconnect
from tests.flask_app.serving.left_over import contexts_beside_this, leave_out_what_is_loaded

LIMIT_BYTES = 2_000_000
# Much longer than a client on a busy machine is silent by chance.
SILENCE_S = 1.0
PATIENCE_S = 20.0
PART = b"x" * 65_536
# In Flask's order, but for the handler, which comes before "after this".
PHASES = ("value", "before", "view", "handler", "after this", "after", "teardown", "teardown app")


@dataclass(frozen=True)
class Make:
    """How an app is made: the kinds of its hooks, views and teardown functions, and what is around it."""

    hooks: str
    views: str
    teardowns: str
    threads: int = 12
    is_behind_middleware: bool = False
    has_slow_sessions: bool = False


MAKES = {
    "def": Make("def", "def", "def"),
    "async": Make("async def", "async def", "async def"),
    "mixed": Make("def", "async def", "def"),
    "behind": Make("async def", "async def", "async def", is_behind_middleware=True),
    # One thread each, so that a second request waits for it: to call the view, to tear down, to open its session.
    "narrow-view": Make("def", "def", "def", threads=1),
    "narrow-teardown": Make("async def", "async def", "def", threads=1),
    "narrow-session": Make("def", "async def", "def", threads=1, has_slow_sessions=True),
}
WATCHES = (Disconnect._until_gone.__qualname__, RequestBody._until_ended.__qualname__)
WIDE = ("def", "async", "mixed", "behind")

# By key: what happened, and for whom phases wait no longer.
happened: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
_gates: dict[str, threading.Event] = {}


class PhaseError(Exception):
    """What a phase raises that was told to fail."""


class SlowSessions(SecureCookieSessionInterface):
    """Sessions that might ask a database, so that the bridge opens them in a thread."""

    def open_session(self, app: Flask, request: Any) -> Any:
        """Open one."""
        return super().open_session(app, request)


def asked(name: str) -> str | None:
    """Return an argument of the request, after its context is gone too."""
    if has_request_context():
        g.arguments = request.args
    argument: str | None = g.arguments.get(name)
    return argument


def note(what: str) -> None:
    """Note that something happened to the request at hand."""
    happened[asked("key") or ""][what] += 1


def gate(key: str) -> threading.Event:
    """Return what the phases of a key wait for."""
    return _gates.setdefault(key, threading.Event())


def answer_of(phase: str, arguments: tuple[Any, ...]) -> Any:
    """Fail in a phase if the request says so, or return what a function of that phase returns."""
    if asked("wait") == phase:
        note(f"{phase} ended")
    if asked("fail") == phase:
        raise PhaseError(phase)
    if "teardown" in phase:
        note(f"{phase} for {type(arguments[0]).__name__}")
    if phase == "view" and "handler" in (asked("wait"), asked("fail")):
        raise LookupError
    answers: dict[str, Any] = {"view": "viewed", "handler": ("handled", 404)}
    return arguments[0] if phase in ("after", "after this") else answers.get(phase)


def of_phase(kind: str, phase: str) -> Callable[..., Any]:
    """Return a function of a kind for a phase, which does there what the request says."""

    def function(*arguments: Any, **_named: Any) -> Any:
        if asked("wait") == phase:
            note(f"{phase} began")
            gate(asked("key") or "").wait(PATIENCE_S)
        return answer_of(phase, arguments)

    async def async_function(*arguments: Any, **_named: Any) -> Any:
        if asked("wait") == phase:
            note(f"{phase} began")
            try:
                while not gate(asked("key") or "").is_set():
                    await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                note(f"{phase} cancelled")
                raise
        return answer_of(phase, arguments)

    return function if kind == "def" else async_function


def make_app(name: str, make: Make) -> Flask:
    """Return an app of a make, all of whose paths begin with its name."""
    app = Flask(name)
    app.config.update(MAX_CONTENT_LENGTH=LIMIT_BYTES, PROPAGATE_EXCEPTIONS=False, SECRET_KEY="test")  # noqa: S106 - kept nowhere
    if make.has_slow_sessions:
        app.session_interface = SlowSessions()
    if name != "narrow-teardown":
        # Flask itself awaits no function of this phase.
        app.url_value_preprocessor(of_phase("def", "value"))
    app.before_request(of_phase(make.hooks, "before"))
    app.after_request(of_phase(make.hooks, "after"))
    app.teardown_request(of_phase(make.teardowns, "teardown"))
    app.teardown_appcontext(of_phase(make.teardowns, "teardown app"))
    app.register_error_handler(LookupError, of_phase(make.hooks, "handler"))
    view = of_phase(make.views, "view")

    def with_after_this(*arguments: Any) -> Any:
        after_this_request(of_phase(make.hooks, "after this"))
        return view(*arguments)

    async def async_with_after_this(*arguments: Any) -> Any:
        after_this_request(of_phase(make.hooks, "after this"))
        return await view(*arguments)

    app.add_url_rule(f"/{name}", "view", with_after_this if make.views == "def" else async_with_after_this)
    others: list[Callable[..., Any]] = [
        *(stream, context_stream, async_stream, read, upload, file),
        *(stubborn, failing_clean_up, cancelled_task),
    ]
    for other in others:
        app.add_url_rule(f"/{name}/{other.__name__}", view_func=other, methods=["GET", "POST"])
    if make.is_behind_middleware:
        inner = app.wsgi_app
        # Of this middleware the bridge knows nothing, so that it has to be a WSGI server to it.
        app.wsgi_app = lambda environ, start: inner(dict(environ), start)  # type: ignore[method-assign, assignment]
    return app


def parts(arguments: dict[str, str]) -> Generator[bytes]:
    """Make as many parts as are asked for, for ever by default, with pauses; fail at one if asked to."""
    events = happened[arguments["key"]]
    try:
        for number in itertools.count():
            if str(number) == arguments.get("parts"):
                return
            time.sleep(float(arguments.get("pause_s", 0)))
            if str(number) == arguments.get("fails_at"):
                raise PhaseError
            events["parts"] += 1
            yield PART
    finally:
        events["generator closed"] += 1


async def async_parts(arguments: dict[str, str]) -> AsyncIterator[bytes]:
    """Make the same parts, waiting for the loop; closing takes a while too."""
    try:
        with contextlib.closing(parts(arguments | {"pause_s": "0"})) as all_parts:
            for part in all_parts:
                await asyncio.sleep(float(arguments.get("pause_s", 0)))
                yield part
    finally:
        await asyncio.sleep(0.01)
        note("async generator closed")


def closing(body: Any) -> Response:
    """Return a response that notes when it is closed; its length is what the request says."""
    response = Response(body)
    key = request.args["key"]
    response.call_on_close(lambda: happened[key].update(["response closed"]))
    if "length" in request.args:
        response.headers["Content-Length"] = request.args["length"]
    return response


def stream() -> Response:
    """Answer in parts that know nothing of the request."""
    return closing(parts(request.args.to_dict()))


def context_stream() -> Response:
    """Answer in parts that have the request at hand."""
    return closing(stream_with_context(parts(request.args.to_dict())))


async def async_stream() -> Response:
    """Answer in parts by an async generator."""
    return closing(async_parts(request.args.to_dict()))


def read() -> bytes:
    """Answer the body."""
    return request.get_data()


def upload() -> str:
    """Answer the length of a file that was sent by a form."""
    note("uploading")
    return str(len(request.files["file"].read()))


def file() -> Response:
    """Send a file, or a part of it, or that it is still the same."""
    return send_file(request.args["path"], "application/octet-stream", etag="same", conditional=True)


async def stubborn() -> str:
    """Take no notice of being cancelled."""
    note("view began")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        note("view cancelled")
    return "answered all the same"


async def failing_clean_up() -> str:
    """Raise another error when cancelled."""
    note("view began")
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0.01)
        note("view cancelled")
        raise PhaseError


async def cancelled_task() -> None:
    """Wait for a task of its own that was cancelled, though the request was not."""
    task = asyncio.create_task(asyncio.Event().wait())
    task.cancel()
    await task


teller = Flask("teller")


@teller.get("/told/<key>")
async def told(key: str) -> dict[str, int]:
    """Tell what happened to the requests of a key, and what is left over of all requests but this."""
    return {
        **happened[key],
        "contexts": contexts_beside_this(),
        # The bridge's own: for clients that hang up, and for the rest of what they send.
        "watches": sum(getattr(task.get_coro(), "__qualname__", "") in WATCHES for task in asyncio.all_tasks()),
        "files": sum(map(_is_file, Path("/proc/self/fd").iterdir())),
    }


def _is_file(descriptor: Path) -> bool:
    # Beside the log, which is at 1 and 2.
    try:
        return int(descriptor.name) > 2 and stat.S_ISREG(os.fstat(int(descriptor.name)).st_mode)
    except OSError:
        # What listed them.
        return False


@teller.route("/go/<key>", methods=["GET", "POST"])
async def go(key: str) -> str:
    """Let the phases of a key wait no longer."""
    gate(key).set()
    return "ok"


@teller.get("/ok")
async def ok() -> str:
    """Answer at once."""
    leave_out_what_is_loaded()
    return "ok"


apps = {name: make_app(name, make) for name, make in MAKES.items()}
_bridges = {
    name: EventLoopBridge(app, threads=MAKES[name].threads, body_silence_s=SILENCE_S) for name, app in apps.items()
}
_teller_bridge = EventLoopBridge(teller)


async def served(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """Pass a request on to the app whose name its path begins with."""
    name = scope.get("path", "").split("/", 2)[1:2]
    await _bridges.get("".join(name), _teller_bridge)(scope, receive, send)
