"""Flask's error handling, blueprints and modes work through the bridge, in ``def`` and ``async def`` alike."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort, current_app, g, make_response, request, url_for
from flask.views import MethodView, View
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound

from tests.flask_app.serving.asgi_client import Client, ask
from tests.flask_app.serving.kinds import KINDS, ask_in_turn, header, of_kind, thread_kind

pytestmark = pytest.mark.parametrize("kind", KINDS)


class KnownError(Exception):
    """An error of the app's own."""


class NarrowError(KnownError):
    """A special case of it."""


class OwnNotFoundError(NotFound):
    """A special case of HTTP's."""


@pytest.fixture
def app() -> Flask:
    """A bare app that says nothing of its errors."""
    app = Flask(__name__)
    app.logger.disabled = True
    return app


def answering(*answer: Any) -> Callable[..., Any]:
    """Return a function that answers always the same."""
    return lambda *_: answer


def raising(error: BaseException) -> Callable[[], Any]:
    """Return a function that raises an error."""

    def function() -> Any:
        raise error

    return function


@pytest.mark.parametrize("handler_kind", KINDS)
def test_handlers_are_found_by_class_and_by_code(app: Flask, kind: str, handler_kind: str) -> None:
    """The handler that is nearest to the error's class answers, and runs where its kind belongs."""
    errors: dict[str, Exception] = {
        "known": KnownError(),
        "narrow": NarrowError(),
        "code": NotFound(),
        "narrow-code": OwnNotFoundError(),
        "http": InternalServerError(),
    }
    for name, error in errors.items():
        app.add_url_rule(f"/{name}", name, of_kind(kind, raising(error)))
    handled: dict[type[Exception] | int, str] = {
        KnownError: "known",
        NarrowError: "narrow",
        404: "404",
        HTTPException: "http",
    }
    where: list[str] = []
    for what, name in handled.items():

        def handler(error: Exception, name: str = name) -> tuple[str, int]:
            where.append(thread_kind())
            return f"{name} for {type(error).__name__}", 400

        app.register_error_handler(what, of_kind(handler_kind, handler))

    assert [
        "known for KnownError",
        "narrow for NarrowError",
        "404 for NotFound",
        "404 for OwnNotFoundError",
        "http for InternalServerError",
    ] == [client.text for client in ask_in_turn(app, *(Client(f"/{name}") for name in errors))]
    assert [handler_kind] * 5 == where


@pytest.mark.parametrize("handler_kind", KINDS)
def test_a_handler_of_every_error_gets_every_error(app: Flask, kind: str, handler_kind: str) -> None:
    """errorhandler(Exception) gets errors of HTTP, of routing and of the app, but no redirect."""
    app.add_url_rule("/fail", "fail", of_kind(kind, raising(ValueError("why"))))
    app.add_url_rule("/abort", "abort", of_kind(kind, lambda: abort(409)))
    app.add_url_rule("/folder/", "folder", of_kind(kind, lambda: "folder"))
    app.register_error_handler(Exception, of_kind(handler_kind, lambda error: (f"{type(error).__name__}", 400)))
    clients = ask_in_turn(app, *(Client(path) for path in ("/fail", "/abort", "/nowhere", "/folder")))

    assert ["ValueError", "Conflict", "NotFound"] == [client.text for client in clients[:3]]
    assert [400, 400, 400, 308] == [client.status for client in clients]


@pytest.mark.parametrize("handler_kind", KINDS)
def test_a_handler_of_500_learns_what_happened(app: Flask, kind: str, handler_kind: str) -> None:
    """The handler of what nothing else handles gets an InternalServerError with the original error."""
    error = ValueError("why")
    app.add_url_rule("/", view_func=of_kind(kind, raising(error)))
    seen: list[Any] = []

    def handler(server_error: Any) -> tuple[str, int]:
        seen.append(server_error.original_exception)
        return "sorry", server_error.code

    app.register_error_handler(500, of_kind(handler_kind, handler))
    client = ask(app)

    assert [500, "sorry"] == [client.status, client.text]
    assert [error] == seen


@pytest.mark.parametrize("handler_kind", KINDS)
def test_a_handler_handles_its_error(app: Flask, kind: str, handler_kind: str) -> None:
    """A handler that asks Python for "the exception", to log it, gets the one that it was called for, on any thread."""
    error = KnownError()
    app.add_url_rule("/", view_func=of_kind(kind, raising(error)))
    logged: list[str] = []

    def handler(known: Exception) -> tuple[str, int]:
        logged.append(traceback.format_exc())
        return f"{sys.exception() is known}", 400

    app.register_error_handler(KnownError, of_kind(handler_kind, handler))

    assert "True" == ask(app).text
    # It ends where the error was raised, and what hands it from thread to thread has left no line.
    assert ["raise error", f"{KnownError.__module__}.KnownError"] == [
        line.strip() for line in logged[0].splitlines()[-2:]
    ]
    assert "_while_handling" not in logged[0]


def test_an_abort_may_be_anything_that_flask_takes(app: Flask, kind: str) -> None:
    """An abort takes a code, a code with a description, and a response."""
    aborts: dict[str, tuple[Any, ...]] = {
        "/code": (418,),
        "/described": (409, "taken already"),
        "/response": (Response("made", 402, {"X-Made": "yes"}),),
    }
    for path, arguments in aborts.items():

        def view(arguments: tuple[Any, ...] = arguments) -> None:
            abort(*arguments)

        app.add_url_rule(path, path, of_kind(kind, view))
    code, described, response = ask_in_turn(app, *(Client(path) for path in aborts))

    assert [418, 409, 402] == [client.status for client in (code, described, response)]
    assert "taken already" in described.text
    assert ["made", "yes"] == [response.text, header(response, "x-made")]


def test_trapped_http_errors_are_errors(app: Flask, kind: str) -> None:
    """With TRAP_HTTP_EXCEPTIONS an abort is an error like any other, for which no code's handler is asked."""
    app.config["TRAP_HTTP_EXCEPTIONS"] = True
    app.add_url_rule("/", view_func=of_kind(kind, lambda: abort(418)))
    assert 500 == ask(app).status


def test_a_handler_of_its_class_gets_a_trapped_http_error(app: Flask, kind: str) -> None:
    """With TRAP_HTTP_EXCEPTIONS a handler of the class is asked still."""
    app.config["TRAP_HTTP_EXCEPTIONS"] = True
    app.add_url_rule("/", view_func=of_kind(kind, lambda: abort(404)))
    app.register_error_handler(NotFound, of_kind(kind, answering("trapped", 410)))
    assert [410, "trapped"] == [(client := ask(app)).status, client.text]


@pytest.mark.parametrize(
    ("config", "reaches"),
    [
        ({}, False),
        ({"PROPAGATE_EXCEPTIONS": True}, True),
        ({"TESTING": True}, True),
        ({"DEBUG": True}, True),
        ({"DEBUG": True, "PROPAGATE_EXCEPTIONS": False}, False),
    ],
    ids=str,
)
def test_errors_reach_the_server_where_the_app_says_so(
    app: Flask, kind: str, config: dict[str, bool], reaches: bool
) -> None:
    """In testing and debug mode, or where told to, an unhandled error reaches the server, torn down, unanswered."""
    error = ValueError("why")
    torn_down: list[object] = []
    app.config.update(config)
    app.add_url_rule("/", view_func=of_kind(kind, raising(error)))
    app.teardown_request(of_kind(kind, torn_down.append))
    client = Client()
    try:
        ask_in_turn(app, client)
        reached = None
    except ValueError as raised:
        reached = raised

    assert reached is (error if reaches else None)
    assert [error] == torn_down
    assert client.sent == [] if reaches else client.status == 500


def test_a_key_that_a_form_lacks_is_a_bad_request(app: Flask, kind: str) -> None:
    """A form's missing key is a 400, which names the key in debug mode only."""
    app.add_url_rule("/", view_func=of_kind(kind, lambda: request.form["name"]), methods=["POST"])
    plain = ask(app, method="POST")
    app.config.update(DEBUG=True, TRAP_BAD_REQUEST_ERRORS=False)
    debugged = ask(app, method="POST")

    assert [400, 400] == [plain.status, debugged.status]
    assert [False, True] == ["name" in client.text for client in (plain, debugged)]


def test_nested_blueprints_have_hooks_and_handlers_of_their_own(app: Flask, kind: str) -> None:
    """A blueprint's hooks and handlers are its own routes' and its inner blueprints', each inside the outer's."""
    outer = Blueprint("outer", __name__, url_prefix="/outer")
    inner = Blueprint("inner", __name__, url_prefix="/inner")

    def note(name: str) -> Callable[..., Any]:
        def noted(response: Response | None = None) -> Response | None:
            g.setdefault("told", []).append(name)
            if response is not None:
                response.headers["X-Told"] = " ".join(g.told)
            return response

        return of_kind(kind, noted)

    for place, name in ((app, "app"), (outer, "outer"), (inner, "inner")):
        place.before_request(note(name))
        place.after_request(note(name))
        place.add_url_rule("/fail", "fail", of_kind(kind, raising(KnownError())))
        place.add_url_rule("/", "view", of_kind(kind, lambda: url_for(".view")))
    app.register_error_handler(KnownError, of_kind(kind, answering("app's", 400)))
    inner.register_error_handler(KnownError, of_kind(kind, answering("inner's", 400)))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.register_blueprint(outer, name="again", url_prefix="/again")
    paths = ("/", "/outer/", "/outer/inner/", "/again/inner/")
    clients = ask_in_turn(app, *(Client(path) for path in (*paths, "/fail", "/outer/fail", "/outer/inner/fail")))

    assert [*paths, "app's", "app's", "inner's"] == [client.text for client in clients]
    assert [
        "app app",
        "app outer outer app",
        "app outer inner inner outer app",
        "app outer inner inner outer app",
        "app app",
        "app outer outer app",
        "app outer inner inner outer app",
    ] == [header(client, "x-told") for client in clients]


def test_values_of_the_url_are_processed(app: Flask, kind: str) -> None:
    """url_value_preprocessor takes a value out of the URL for all views, and url_defaults puts it into new ones."""
    blueprint = Blueprint("pages", __name__, url_prefix="/<language>")

    @blueprint.url_value_preprocessor
    def take(endpoint: str | None, values: dict[str, Any] | None) -> None:
        g.language = (values or {}).pop("language")

    @blueprint.url_defaults
    def give(endpoint: str, values: dict[str, Any]) -> None:
        values.setdefault("language", g.language)

    blueprint.add_url_rule("/<int:number>", "page", of_kind(kind, lambda number: url_for(".page", number=number + 1)))
    app.register_blueprint(blueprint)
    clients = ask_in_turn(app, Client("/de/1"), Client("/fr/2"), Client("/de/1"))

    assert ["/de/2", "/fr/3", "/de/2"] == [client.text for client in clients]


def stamped(view: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a view as Flask's documentation says, for either kind of view."""

    def decorated(*arguments: Any, **named: Any) -> Any:
        response = make_response(current_app.ensure_sync(view)(*arguments, **named))
        response.headers["X-Decorated"] = thread_kind()
        return response

    return decorated


def test_decorated_views_are_called_through_ensure_sync(app: Flask, kind: str) -> None:
    """A decorator that calls its view by ensure_sync runs in a worker thread, and an async view inside on the loop."""
    app.add_url_rule("/", view_func=stamped(of_kind(kind, thread_kind)))
    client = ask(app)

    assert [kind, "def"] == [client.text, header(client, "x-decorated")]


def test_views_may_be_classes(app: Flask, kind: str) -> None:
    """Class-based views run where their methods belong; their decorators are kept, and so are single instances."""

    class Page(View):
        methods = ("GET", "PUT")

        def __init__(self, name: str) -> None:
            self.name = name

    class Items(MethodView):
        init_every_request = False

        def __init__(self) -> None:
            self.count = 0

    class Decorated(Items):
        decorators = (stamped,)  # type: ignore[assignment]  # Flask's is a list, and one for all classes

    def dispatch(self: Page, number: int) -> str:
        return f"{self.name} {number} {request.method} {thread_kind()}"

    def get(self: Items) -> str:
        self.count += 1
        return f"{self.count} {thread_kind()}"

    Page.dispatch_request = of_kind(kind, dispatch)  # type: ignore[method-assign]
    Items.get = of_kind(kind, get)  # type: ignore[attr-defined]
    Items.delete = of_kind(kind, answering("", 204))  # type: ignore[attr-defined]
    Items.methods = {"GET", "DELETE"}
    app.add_url_rule("/page/<int:number>", view_func=Page.as_view("page", "one"))
    app.add_url_rule("/items", view_func=Items.as_view("items"))
    app.add_url_rule("/decorated", view_func=Decorated.as_view("decorated"))
    put, first, second, head, delete, post, outer = ask_in_turn(
        app,
        Client("/page/7", method="PUT"),
        *(Client("/items", method=method) for method in ("GET", "GET", "HEAD", "DELETE", "POST")),
        Client("/decorated"),
    )

    assert f"one 7 PUT {kind}" == put.text
    assert [f"1 {kind}", f"2 {kind}", ""] == [client.text for client in (first, second, head)]
    assert [200, 204, 405] == [client.status for client in (head, delete, post)]
    assert [f"1 {kind}", "def"] == [outer.text, header(outer, "x-decorated")]


def test_answers_may_be_all_that_flask_takes(app: Flask, kind: str) -> None:
    """Text, bytes, dicts, lists, tuples, generators, responses and WSGI applications are answers; nothing else is."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("201 Created", [("X-Application", thread_kind())])
        yield b"wsgi"

    answers: dict[str, Any] = {
        "/text": lambda: "text",
        "/bytes": lambda: b"bytes",
        "/dict": lambda: {"a": 1},
        "/list": lambda: ([1, 2], {"X-List": "yes"}),
        "/tuple": lambda: ("tuple", 202, [("X-Tuple", "a"), ("X-Tuple", "b")]),
        "/generator": lambda: iter(["gen", "erator"]),
        "/wsgi": lambda: application,
        "/none": lambda: None,
        "/number": lambda: 1,
    }
    for path, view in answers.items():
        app.add_url_rule(path, path, of_kind(kind, view))
    clients = dict(zip(answers, ask_in_turn(app, *(Client(path) for path in answers)), strict=True))

    assert ["text", "bytes", '{"a":1}\n', "[1,2]\n", "tuple", "generator", "wsgi"] == [
        client.text for client in clients.values() if client.status < 300
    ]
    assert [500, 500] == [clients[path].status for path in ("/none", "/number")]
    assert ["yes", "a, b", "def"] == [
        header(clients[f"/{name}"], f"x-{header_name}")
        for name, header_name in (("list", "list"), ("tuple", "tuple"), ("wsgi", "application"))
    ]
