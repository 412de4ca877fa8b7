"""A step of Flask that somebody replaced is called behind the bridge as it is under WSGI, and one line says so."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import itertools
import json
import logging
import marshal
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest
from flask import Flask, Response, abort, request
from flask.ctx import AppContext, RequestContext
from flask.sansio.app import App
from werkzeug.test import Client as WsgiClient

from flask_app.serving.bridge import EventLoopBridge, steps
from tests.flask_app.serving.asgi_client import Client
from tests.flask_app.serving.kinds import KINDS, of_kind, thread_kind
from tests.flask_app.serving.replacing import WRAPPERS, plain, replace_code

STEPS = (
    *("__call__", "wsgi_app", "request_context", "app_context", "create_url_adapter", "full_dispatch_request"),
    *("preprocess_request", "dispatch_request", "raise_routing_exception", "make_default_options_response"),
    *("finalize_request", "process_response", "make_response", "handle_exception", "handle_user_exception"),
    *("handle_http_exception", "trap_http_exception", "do_teardown_request", "do_teardown_appcontext"),
    *("should_ignore_error", "log_exception", "ensure_sync", "async_to_sync", "_find_error_handler"),
)
CONTEXT_STEPS = (
    *((RequestContext, step) for step in ("push", "pop", "match_request")),
    *((AppContext, step) for step in ("push", "pop")),
)
# How async functions are called is the bridge's very business: when and how often it asks for that is left to it. But
# where Flask asks a replaced one, the bridge asks it too, and all that the app then does is the same.
CALLING = ("ensure_sync", "async_to_sync")

BEFORE_THE_BRIDGE = "before the bridge is made"
BEFORE_A_REQUEST = "before the first request"
AFTER_A_REQUEST = "after the first request"
WHENS = (BEFORE_THE_BRIDGE, BEFORE_A_REQUEST, AFTER_A_REQUEST)

whose: contextvars.ContextVar[str] = contextvars.ContextVar("whose", default="nobody's")
ROOT = Path(__file__).parents[3]

# Each step is taken for one of these at least.
REQUESTS = (
    *(("GET", "/well"), ("GET", "/fail"), ("GET", "/abort"), ("GET", "/folder"), ("GET", "/no/where")),
    *(("OPTIONS", "/well"), ("POST", "/well")),
)


Requests = tuple[tuple[str, str], ...]


class Replacement(NamedTuple):
    """A step, and how and when it is replaced."""

    owner: type[Any]
    step: str
    way: str
    when: str

    def __str__(self) -> str:
        """Name it, but for when."""
        return f"{self.owner.__name__}.{self.step}, {self.way}"


class Server(Protocol):
    """What answers requests of an app."""

    def ask(self, method: str, path: str) -> tuple[int, str]:
        """Return the status and the body."""


class Wsgi:
    """The app under plain Flask."""

    def __init__(self, app: Flask) -> None:
        self._client = WsgiClient(app)

    def ask(self, method: str, path: str) -> tuple[int, str]:
        """Ask by Werkzeug's test client."""
        answer = self._client.open(path, method=method, buffered=True)
        return answer.status_code, answer.text


class Behind:
    """The app behind the bridge.

    Args:
        app: Any.
        loop: For the bridge.
    """

    def __init__(self, app: Flask, loop: asyncio.AbstractEventLoop) -> None:
        self._bridge = EventLoopBridge(app)
        self._loop = loop

    def ask(self, method: str, path: str) -> tuple[int, str]:
        """Ask by a fake ASGI server."""
        client = self._loop.run_until_complete(Client(path, method=method, Host="localhost").ask(self._bridge))
        return client.status, client.text


def replacements() -> Iterator[Replacement]:
    """List every way of replacing every step."""
    for step in STEPS:
        yield from _at_the_class(Flask, step)
        yield from (Replacement(Flask, step, "a subclass", when) for when in WHENS)
        # Python looks for __call__ past the instance.
        if step != "__call__":
            for way in ("plain", "wrapt"):
                yield from (Replacement(Flask, step, f"{way} at the instance", when) for when in WHENS)
        if step in vars(App):
            # From which Flask has it.
            yield from _at_the_class(App, step)
    for owner, step in CONTEXT_STEPS:
        yield from _at_the_class(owner, step)
    # What is looked for then is no single step.
    for way in ("another class", "plain at the instance, for another attribute"):
        yield from (Replacement(Flask, "dispatch_request", way, when) for when in WHENS)


def _at_the_class(owner: type[Any], step: str) -> Iterator[Replacement]:
    for way in WRAPPERS:
        yield from (Replacement(owner, step, way, when) for when in WHENS)
    yield from (Replacement(owner, step, "code", when) for when in (BEFORE_THE_BRIDGE, BEFORE_A_REQUEST))


def make_app(kind: str, told: list[str], make: type[Flask] = Flask) -> Flask:
    """Return an app, all of whose functions are of a kind, and note when they are called."""
    # Without files: rules are what takes longest to make.
    app = make(__name__, static_folder=None)

    def telling(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def tell(*arguments: Any, **named: Any) -> Any:
            told.append(name)
            return function(*arguments, **named)

        return of_kind(kind, tell)

    def answer(what: str) -> str:
        if what == "fail":
            raise ValueError
        return abort(418) if what == "abort" else what

    def after(response: Response) -> Response:
        response.headers["X-After"] = "yes"
        return response

    app.before_request(telling("before", lambda: None))
    app.after_request(telling("after", after))
    app.teardown_request(telling("teardown", lambda _: None))
    app.teardown_appcontext(telling("teardown app", lambda _: None))
    app.register_error_handler(418, telling("handler", lambda error: (f"handled {error.code}", 418)))
    app.add_url_rule("/<what>", "view", telling("view", answer))
    app.add_url_rule("/folder/", "folder", telling("view", answer), defaults={"what": "folder"})
    return app


def replace(replacement: Replacement, app: Flask, note: Callable[[], None], patch: pytest.MonkeyPatch) -> None:
    """Replace a step, for all apps or for one."""
    owner, step, way, _ = replacement
    if way == "code":
        replace_code(patch, getattr(owner, step), note)
    elif way == "a subclass":
        patch.setattr(type(app), step, plain(getattr(owner, step), note))
    elif way == "another class":
        app.__class__ = type("Other", (Flask,), {step: plain(getattr(owner, step), note)})
    elif way in WRAPPERS:
        patch.setattr(owner, step, WRAPPERS[way](getattr(owner, step), note))
    else:
        if way.endswith("attribute"):
            del app.__dict__["unused"]
        patch.setattr(app, step, WRAPPERS[way.split()[0]](getattr(app, step), note))


def told_by(
    make_server: Callable[[Flask], Server], kind: str, replacement: Replacement, requests: Requests
) -> tuple[list[str], list[tuple[int, str]]]:
    """Return what was called for the requests, the step among it, and what was answered."""
    told: list[str] = []
    app = make_app(kind, told, type("App", (Flask,), {}) if replacement.way == "a subclass" else Flask)
    app.__dict__["unused"] = None
    when = replacement.when
    with pytest.MonkeyPatch.context() as patch:

        def put() -> None:
            replace(replacement, app, lambda: told.append(replacement.step), patch)

        if when == BEFORE_THE_BRIDGE:
            put()
        server = make_server(app)
        if when == AFTER_A_REQUEST:
            server.ask("GET", "/well")
        if when != BEFORE_THE_BRIDGE:
            put()
        # To make a bridge may take steps too.
        told.clear()
        return told, [server.ask(*request) for request in requests]


@functools.cache
def told_by_wsgi(kind: str, replacement: Replacement, requests: Requests) -> tuple[list[str], list[tuple[int, str]]]:
    """Return the same under plain Flask, which does not care how a step is replaced, nor when."""
    return told_by(Wsgi, kind, replacement, requests)


def requests_for(kind: str, replacement: Replacement) -> Requests:
    """Return all requests, or one that takes the step where only how it is replaced differs from what all are for."""
    if replacement.way == "plain":
        return REQUESTS
    plainly = replacement._replace(way="plain", when=BEFORE_THE_BRIDGE)
    taking = ((each,) for each in REQUESTS if replacement.step in told_by_wsgi(kind, plainly, (each,))[0])
    # No request of a def app takes async_to_sync.
    return next(taking, REQUESTS)


def lines_that_name(step: str, logged: Sequence[str]) -> list[str]:
    """Return what was logged of a step."""
    return [line for line in logged if re.search(rf"(?<!\w){step}\b", line)]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One loop for all: a bridge belongs to none."""
    with asyncio.Runner() as runner:
        yield runner.get_loop()


# Whenever it is replaced: that is tried one after the other.
REPLACEMENTS = {name: list(each) for name, each in itertools.groupby(replacements(), key=str)}
# How a step is replaced makes no difference to what is noticed of an app of the other kind.
OF_KINDS = [
    pytest.param(whenever, kind, id=f"{name}-{kind}")
    for name, whenever in REPLACEMENTS.items()
    for kind in KINDS
    if kind == "async def" or "plain" in name
]


@pytest.mark.parametrize(("whenever", "kind"), OF_KINDS)
def test_a_replaced_step_is_called_as_under_wsgi(
    whenever: Sequence[Replacement], kind: str, loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is replaced, how and when, is called as often and in the same order, and one line logged names it."""
    for replacement in whenever:
        step, when = replacement.step, replacement.when
        requests = requests_for(kind, replacement)
        plainly = replacement._replace(way="plain", when=BEFORE_THE_BRIDGE)
        expected_told, expected = told_by_wsgi(kind, plainly, requests)
        # What is asked calls each step once at least, or the comparison would say nothing.
        assert (step in expected_told) == (step != "async_to_sync" or kind == "async def")
        caplog.clear()

        told, answers = told_by(lambda app: Behind(app, loop), kind, replacement, requests)

        assert (when, expected) == (when, answers)
        assert (when, step in expected_told) == (when, step in told)
        if step in CALLING:
            expected_told, told = ([name for name in names if name != step] for names in (expected_told, told))
        assert (when, expected_told) == (when, told)
        assert (when, 1) == (when, len(lines_that_name(step, caplog.messages)))


@pytest.mark.parametrize(
    ("condition", "is_same"),
    [("{8, 0}", True), ("(1, (2, 3))", True), ("{8, 1}", False), ("(1.0,)", False), ("(1,)", True)],
)
def test_code_is_flasks_own_whether_it_was_compiled_just_now_or_before(condition: str, *, is_same: bool) -> None:
    """The first import on a machine compiles, and later ones read: there sets of the code have another order."""
    alike = {"{8, 1}": "{8, 0}", "(1.0,)": "(1,)"}
    compiled = compile(f"def step(x): return x in {condition}", "app.py", "exec")
    read = marshal.loads(  # noqa: S302 # what was dumped here
        marshal.dumps(compile(f"def step(x): return x in {alike.get(condition, condition)}", "app.py", "exec"))
    )

    assert is_same == (steps._fingerprint(compiled.co_consts[0]) == steps._fingerprint(read.co_consts[0]))


@pytest.mark.parametrize("kind", KINDS)
def test_an_app_as_flask_made_it_is_not_logged_about(
    kind: str, loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    """An app whose steps are all Flask's own is served without a word, and as under WSGI."""
    caplog.set_level(logging.INFO, "flask_app")
    told: list[str] = []
    app = make_app(kind, [])
    server = Behind(make_app(kind, told), loop)
    assert [Wsgi(app).ask(*request) for request in REQUESTS] == [server.ask(*request) for request in REQUESTS]

    assert ["before", "view", "after", "teardown", "teardown app"] == told[:5]
    assert [] == [line for step in STEPS for line in lines_that_name(step, caplog.messages)]
    assert {__name__} == {record.name for record in caplog.records}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_set_around_flask_is_each_requests_own(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that keeps something around ``Flask.__call__``, at the class, sees each of many requests at once.

    Async views run on the loop nonetheless.
    """
    seen: list[str] = []
    original = Flask.__call__

    def traced(self: Flask, environ: Any, start_response: Any) -> Any:
        seen.append(environ["PATH_INFO"])
        whose.set(environ["PATH_INFO"])
        return original(self, environ, start_response)

    def view(number: int) -> str:
        return f"{request.path} {whose.get()} {thread_kind()}"

    async def waiting_view(number: int) -> str:
        await asyncio.sleep(0.001)
        return view(number)

    async def ask_all(bridge: EventLoopBridge) -> list[str]:
        clients = await asyncio.gather(*(Client(path).ask(bridge) for path in paths))
        return [client.text for client in clients]

    monkeypatch.setattr(Flask, "__call__", traced)
    app = Flask(__name__)
    app.add_url_rule("/<int:number>", view_func=view if kind == "def" else waiting_view)
    paths = [f"/{number}" for number in range(20)]

    assert [f"{path} {path} {kind}" for path in paths] == asyncio.run(ask_all(EventLoopBridge(app)))
    assert sorted(paths) == sorted(seen)


def test_what_was_replaced_before_the_bridge_was_imported_is_called() -> None:
    """Steps that were replaced first of all, in a process of their own, are called, and a line names each."""
    ways = [*WRAPPERS, "code"]
    names = [f"Flask.{step}" for step in STEPS] + [f"{owner.__name__}.{step}" for owner, step in CONTEXT_STEPS]
    process = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.flask_app.serving.replaced_early", ",".join(ways), *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert 0 == process.returncode, process.stderr

    for way, line in zip(ways, process.stdout.splitlines(), strict=True):
        outcome = json.loads(line)
        assert "text" == outcome["answer"], way
        # A good request takes these, and so whatever Flask takes.
        expected = {"Flask.__call__", "Flask.dispatch_request", "RequestContext.push", "AppContext.pop"}
        assert expected <= {*outcome["called"]}, way
        assert [] == [name for name in names if not lines_that_name(name.partition(".")[2], outcome["logged"])], way
