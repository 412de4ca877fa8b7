"""What the bridge leans on in Flask without being promised it: each of these fails when Flask changes it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import flask
import pytest
import werkzeug
from flask import Flask, Response, after_this_request, g, has_app_context, has_request_context, session
from flask.ctx import RequestContext
from flask.globals import app_ctx, request_ctx
from werkzeug.exceptions import ImATeapot, NotFound
from werkzeug.routing import MapAdapter
from werkzeug.test import EnvironBuilder, run_wsgi_app

from flask_app.serving.bridge import EventLoopBridge
from flask_app.serving.bridge.flask_internals import (
    KNOWN,
    after_this_request_functions,
    error_handler,
    has_closers,
    is_pushed_again,
    lack_of_flask,
    note_first_request,
    session_of,
    unbind_app,
    unbind_request,
)
from flask_app.serving.bridge.steps import STEPS
from flask_app.serving.bridge.url_adapters import UrlAdapters
from tests.flask_app.serving.asgi_client import Client

ROOT = Path(__file__).parents[3]


@pytest.fixture
def app() -> Flask:
    """A bare app that has sessions."""
    app = Flask(__name__)
    app.secret_key = "test"  # noqa: S105 - nothing is kept under it
    app.logger.disabled = True
    return app


# Where a name of Flask's or Werkzeug's is another, and everything else the same.
NAMES = (
    *("_cv_app", "_cv_request", "AppContext", "RequestContext", "_got_first_request", "_after_request_functions"),
    *("_cv_tokens", "_on_close", "_find_error_handler"),
    # From 3.1.3 on.
    *(["_session"] if hasattr(RequestContext, "session") else []),
    *("create_url_adapter", "full_dispatch_request", "preprocess_request", "dispatch_request", "finalize_request"),
    *("process_response", "handle_user_exception", "handle_http_exception", "handle_exception", "do_teardown_request"),
)
# And where a step takes more.
TAKING_MORE = "def full_dispatch_request(self"


@pytest.fixture(scope="module")
def sources() -> dict[Path, str]:
    """The modules of Flask and Werkzeug, by their paths."""
    folders = [Path(package.__path__[0]) for package in (flask, werkzeug)]
    return {
        path.relative_to(folder.parent): path.read_text(encoding="utf-8")
        for folder in folders
        for path in folder.rglob("*.py")
    }


@pytest.fixture(scope="module")
def on_copies() -> Iterator[Callable[[Path], tuple[int, str]]]:
    """Serve an app on the copies in a folder, and return the exit status and what was said."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.flask_app.serving.on_copies"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as forking:

        def serve(folder: Path) -> tuple[int, str]:
            assert forking.stdin is not None
            assert forking.stdout is not None
            forking.stdin.write(f"{folder}\n")
            forking.stdin.flush()
            return int(forking.stdout.readline()), (folder / "told").read_text(encoding="utf-8")

        yield serve


@pytest.mark.parametrize("name", [*NAMES, TAKING_MORE])
def test_a_flask_without_a_name_is_served_by_its_own_passage(
    name: str, tmp_path: Path, sources: dict[Path, str], on_copies: Callable[[Path], tuple[int, str]]
) -> None:
    """What plain Flask serves is served, whichever internal is another; one line of the log says which."""
    # Copies, in which the name is another throughout, so that Flask itself works as before.
    new = f"{name}, more=None" if name == TAKING_MORE else f"{name}_of_a_later_flask"
    for package in (flask, werkzeug):
        # With all that is compiled of what stays the same.
        shutil.copytree(package.__path__[0], tmp_path / package.__name__, copy_function=os.symlink)
    for path, text in sources.items():
        changed = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", new, text) if name in text else text
        if changed != text:
            copy = tmp_path / path
            copy.unlink()
            copy.write_text(changed, encoding="utf-8")
    status, said = on_copies(tmp_path)

    assert 0 == status, said
    told = [line for line in said.splitlines() if "Flask's own passage" in line]
    # A bridge for each request here, and each says it.
    assert 4 == len(told)
    assert 1 == len(set(told))
    assert re.search(rf"(?<!\w){re.escape(name.removeprefix('def ').partition('(')[0])}(?!\w)", told[0])


def test_the_installed_flask_is_a_known_one() -> None:
    """The tests run on a Flask that the bridge knows, and this one has all that it needs."""
    assert re.match(r"\d+\.\d+", version("flask"))[0] in KNOWN.split(" and ")  # type: ignore[index]  # it matches
    assert lack_of_flask() is None


class AskedApp(Flask):
    """An app that notes what it is asked for, and answers in every way in which Flask lets it."""

    def __init__(self) -> None:
        self.asked: set[str] = set()
        super().__init__(__name__)
        self.secret_key = "test"  # noqa: S105 - nothing is kept under it
        self.logger.disabled = True
        self.before_request(self.begin)
        self.after_request(self.unchanged)
        self.teardown_request(self.end)
        self.teardown_appcontext(self.end)
        self.register_error_handler(404, self.unchanged)
        for path, error in (("/", None), ("/folder/", None), ("/abort", ImATeapot()), ("/fail", ValueError())):
            self.add_url_rule(path, path, self.answer, defaults={"error": error})

    def __getattribute__(self, name: str) -> Any:
        """Note the name."""
        object.__getattribute__(self, "asked").add(name)
        return object.__getattribute__(self, name)

    @staticmethod
    async def begin() -> None:
        """Write the session."""
        session["key"] = "value"

    @staticmethod
    async def answer(error: Exception | None) -> dict[str, str]:
        """Answer or fail."""
        if error is not None:
            raise error
        return {"key": "value"}

    @staticmethod
    async def unchanged(response: Any) -> Any:
        """Return what is given."""
        return response

    @staticmethod
    async def end(error: object) -> None:
        """Do nothing, but be awaited."""


def test_flasks_passage_asks_an_app_for_nothing_that_the_bridge_does_not() -> None:
    """All that Flask asks of its app, the bridge asks too, or gives the request to Flask where the app overrides it."""
    by_wsgi, by_bridge = AskedApp(), AskedApp()
    requests = [("GET", path) for path in ("/", "/abort", "/fail", "/folder", "/nowhere")]
    requests += [("POST", "/"), ("OPTIONS", "/")]

    async def ask_bridge() -> None:
        bridge = EventLoopBridge(by_bridge)
        await Client().ask(bridge)
        # What the bridge asks when it is made and used first is no request's passage.
        by_bridge.asked = set()
        for method, path in requests:
            await Client(path, method=method).ask(bridge)

    asyncio.run(ask_bridge())
    by_wsgi.asked = set()
    for method, path in requests:
        run_wsgi_app(by_wsgi, EnvironBuilder(path, method=method).get_environ())

    # How async functions are called is the very thing that the bridge does in another way.
    assert {"async_to_sync", "ensure_sync"} >= by_wsgi.asked - set(STEPS) - by_bridge.asked
    # A step that Flask takes no more would be a word without meaning. (Python looks for "__call__" past the instance.)
    assert {"__call__"} == set(STEPS) - by_wsgi.asked


def test_a_noted_request_ends_the_set_up(app: Flask) -> None:
    """After the first request, noted by either passage, Flask refuses to register more."""
    other = Flask(__name__)
    other.test_client().get("/")
    note_first_request(app)

    for begun in (app, other):
        with pytest.raises(AssertionError, match="setup method"):
            begun.before_request(lambda: None)


def test_the_handler_of_an_error_is_found(app: Flask) -> None:
    """Handlers are found by code and class, the blueprint's before the app's, as Flask finds them."""
    for blueprint, what in ((None, 404), (None, ValueError), ("inner", 404)):
        code, kind = (what, NotFound) if isinstance(what, int) else (None, what)
        app.error_handler_spec[blueprint][code][kind] = _handler_named(f"{blueprint} {what}")

    def found(error: Exception, *blueprints: str) -> str | None:
        handler = error_handler(app, error, blueprints)
        return None if handler is None else str(handler(error))

    assert "None 404" == found(NotFound())
    assert "inner 404" == found(NotFound(), "inner", "outer")
    assert "None 404" == found(NotFound(), "outer")
    assert found(UnicodeError()) == f"None {ValueError}"
    assert found(ImATeapot()) is None


def _handler_named(name: str) -> Any:
    return lambda _error: name


def test_functions_after_this_request_are_listed(app: Flask) -> None:
    """What after_this_request was given stands in the context in its order."""
    with app.test_request_context() as context:
        functions = [after_this_request(lambda response: response) for _ in range(2)]

        assert functions == after_this_request_functions(context)


def test_the_session_is_had_without_an_access(app: Flask) -> None:
    """The bridge's look at the session is none that adds ``Vary: Cookie``, and it is the view's own session."""
    context = app.test_request_context()
    assert session_of(context) is None
    with context:
        opened = session_of(context)

        assert opened is not None
        assert not opened.accessed
        session["key"] = "value"
        assert session_of(context) is opened
        assert {"key": "value"} == dict(opened)


def test_a_request_is_unbound_without_its_teardown(app: Flask) -> None:
    """A context that the bridge unbinds leaves what Flask's own pop leaves, but for the teardown, which it has done."""
    told: list[str] = []
    app.teardown_request(lambda _: told.append("request"))
    app.teardown_appcontext(lambda _: told.append("app"))
    by_flask, by_bridge = (app.test_request_context() for _ in range(2))
    by_flask.push()
    by_flask.pop()
    assert ["request", "app"] == told

    by_bridge.push()
    app_context = unbind_request(by_bridge)
    assert app_context is not None
    assert not has_request_context()
    assert has_app_context()
    unbind_app(app_context)

    assert not has_app_context()
    assert ["request", "app"] == told
    assert by_flask._cv_tokens == by_bridge._cv_tokens
    assert by_flask.request.environ["werkzeug.request"] is by_bridge.request.environ["werkzeug.request"] is None


def test_a_context_that_was_there_before_stays_bound(app: Flask) -> None:
    """An app context under which the request came is not the request's to unbind."""
    with app.app_context():
        g.name = "outer"
        context = app.test_request_context()
        context.push()

        assert unbind_request(context) is None
        assert "outer" == g.name


def test_a_context_that_is_pushed_again_is_known(app: Flask) -> None:
    """Flask tears a request down at the last of its pops, and the bridge knows whether that is its own."""
    torn_down: list[object] = []
    app.teardown_request(torn_down.append)
    with app.test_request_context() as context:
        assert not is_pushed_again(context)
        with app_ctx._get_current_object(), request_ctx._get_current_object():  # type: ignore[attr-defined]
            assert is_pushed_again(context)
        assert not is_pushed_again(context)
        assert [] == torn_down
    assert [None] == torn_down


def test_what_waits_for_a_responses_end_is_known() -> None:
    """A response knows what its end calls."""
    response = Response("text")
    told: list[str] = []
    assert not has_closers(response)
    response.call_on_close(lambda: told.append("closed"))

    assert has_closers(response)
    response.close()
    assert ["closed"] == told


def test_a_request_context_asks_its_app_for_a_url_adapter_only(app: Flask) -> None:
    """A context takes the bridge's adapters for an app, and is then the one that Flask makes."""
    environ = EnvironBuilder("/").get_environ()
    request = app.request_class(environ)
    request.json_module = app.json
    context = RequestContext(UrlAdapters(app), environ, request)  # type: ignore[arg-type]  # the very question
    context.app = app
    of_flask = app.request_context(environ)

    assert vars(of_flask).keys() == vars(context).keys()
    assert vars(of_flask.request).keys() == vars(request).keys()
    assert of_flask.app is context.app
    assert of_flask.request.json_module is request.json_module


@pytest.mark.parametrize(
    ("config", "options"),
    [
        ({}, {}),
        ({"SERVER_NAME": "example.org"}, {}),
        ({"SERVER_NAME": "example.org"}, {"subdomain_matching": True}),
        ({}, {"host_matching": True, "static_folder": None}),
        ({"TRUSTED_HOSTS": ["example.org"]}, {}),
    ],
    ids=str,
)
def test_kept_url_adapters_are_flasks(config: dict[str, Any], options: dict[str, Any]) -> None:
    """The first, the second and the third URL adapter for a host are each the one that Flask makes."""
    app = Flask(__name__, **options)
    app.config.update(config)
    adapters = UrlAdapters(app)

    for host in ("example.org", "EXAMPLE.org:8000", "www.example.org", "[::1]:80", "bücher.example", "other:1"):
        for root, path, method in (("", "/", "GET"), ("/root", "/é?a=b", "POST"), ("/ü", "/x", "PROPFIND")):
            kept, made = (_adapter_of(maker, host, root, path, method) for maker in (adapters, app))
            assert made == kept


def _adapter_of(maker: Any, host: str, root: str, path: str, method: str) -> Any:
    builder = EnvironBuilder(path, f"http://localhost{root}", method=method, headers=[("Host", host)])
    request = Flask.request_class(builder.get_environ())
    try:
        adapter = maker.create_url_adapter(request)
    except Exception as error:  # noqa: BLE001 - whatever it is, it has to be the same
        return type(error)
    # What MapAdapter.__init__ keeps, by its own names; the bridge's remembers rules besides.
    kept = {name: value for name, value in vars(adapter).items() if name != "_fixed_rules"}
    assert isinstance(adapter, MapAdapter)
    return kept | {"map": adapter.map is not None, "host of request": vars(request).get("host")}
