"""What Flask offers a view for its answer works through the bridge, in ``def`` and ``async def`` alike."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import (
    Flask,
    Response,
    after_this_request,
    flash,
    g,
    get_flashed_messages,
    redirect,
    request,
    send_file,
    send_from_directory,
    session,
    stream_template,
    stream_with_context,
    url_for,
)
from flask.sessions import SecureCookieSession, SessionInterface
from jinja2 import DictLoader
from werkzeug.middleware.proxy_fix import ProxyFix

from tests.flask_app.serving.asgi_client import Client, ask
from tests.flask_app.serving.kinds import KINDS, ask_in_turn, cookies, header, of_kind, thread_kind

pytestmark = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def app() -> Flask:
    """A bare app that has sessions and a template."""
    app = Flask(__name__)
    app.secret_key = "test"  # noqa: S105 - nothing is kept under it
    app.jinja_loader = DictLoader({"page.txt": "{% for part in parts %}{{ request.path }} {{ part }}\n{% endfor %}"})
    return app


def test_a_session_comes_back_by_its_cookie(app: Flask, kind: str) -> None:
    """What one request puts into the session the next one finds, and the cookie is set where it changed only."""

    def view(path: str) -> str:
        if path == "set":
            session["name"] = "value"
            session.permanent = True
        return str(session.get("name")) if path != "other" else ""

    app.add_url_rule("/<path>", view_func=of_kind(kind, view))
    first = ask(app, "/set")
    second, other, stranger = ask_in_turn(
        app, Client("/get", Cookie=cookies(first)), Client("/other", Cookie=cookies(first)), Client("/get")
    )

    assert "HttpOnly; Path=/" in str(header(first, "set-cookie"))
    assert "Expires=" in str(header(first, "set-cookie"))
    assert ["value", "None"] == [second.text, stranger.text]
    # Permanent ones are refreshed, where there are any.
    assert [True, True, False] == [header(client, "set-cookie") is not None for client in (second, other, stranger)]
    assert ["Cookie"] * 3 == [header(client, "vary") for client in (first, second, stranger)]


def test_a_session_on_a_server_is_kept_by_a_worker_thread(app: Flask, kind: str) -> None:
    """A session interface that may ask a database is called beside the loop, whatever the view is."""
    kept: dict[str, dict[str, Any]] = {}
    where: list[str] = []

    class OnServer(SessionInterface):
        def open_session(self, app: Flask, request: Any) -> Any:
            where.append(thread_kind())
            return SecureCookieSession(kept.get(request.cookies.get("id"), {}))

        def save_session(self, app: Flask, session: Any, response: Response) -> None:
            where.append(thread_kind())
            kept["7"] = dict(session)
            response.set_cookie("id", "7")

    app.session_interface = OnServer()

    def view() -> str:
        where.append(thread_kind())
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    app.add_url_rule("/", view_func=of_kind(kind, view))
    first = ask(app)

    assert ["1", "2"] == [first.text, ask(app, Cookie=cookies(first)).text]
    assert ["def", kind, "def"] * 2 == where


def test_flashed_messages_wait_for_the_next_request(app: Flask, kind: str) -> None:
    """A message is shown once, by the request that asks for it, by its category."""

    def view(path: str) -> str:
        if path == "say":
            flash("saved", "info")
            return ""
        return str(get_flashed_messages(with_categories=True))

    app.add_url_rule("/<path>", view_func=of_kind(kind, view))
    said = ask(app, "/say")
    shown = ask(app, "/show", Cookie=cookies(said))

    assert "[('info', 'saved')]" == shown.text
    assert "[]" == ask(app, "/show", Cookie=cookies(shown)).text


def test_urls_are_built_for_the_request(app: Flask, kind: str) -> None:
    """url_for and redirects know the host, the scheme, the root path and the route."""

    def view(name: str) -> Any:
        if name == "redirect":
            return redirect(url_for("view", name="a b", _anchor="here"), 302)
        return f"{url_for('.view', name='é')} {url_for('view', name='x', page=2, _external=True)} {request.script_root}"

    app.add_url_rule("/<name>", "view", of_kind(kind, view))
    there = Client("/root/x", Host="example.org:8000")
    there.scope.update(root_path="/root", scheme="https")
    away = Client("/root/redirect")
    away.scope["root_path"] = "/root"
    ask_in_turn(app, there, away)

    assert "/root/%C3%A9 https://example.org:8000/root/x?page=2 /root" == there.text
    assert 302 == away.status
    assert "/root/a%20b#here" == header(away, "location")


def test_a_proxy_says_where_the_app_is(app: Flask, kind: str) -> None:
    """With ProxyFix, host, scheme, prefix and client are what the proxy says, and async views stay on the loop."""
    app.wsgi_app = ProxyFix(app.wsgi_app, x_host=1, x_prefix=1)  # type: ignore[method-assign]

    def view() -> str:
        return f"{thread_kind()} {request.remote_addr} {url_for('view', _external=True)}"

    app.add_url_rule("/", "view", of_kind(kind, view))
    client = ask(
        app,
        X_Forwarded_For="10.0.0.1",
        X_Forwarded_Host="example.org",
        X_Forwarded_Proto="https",
        X_Forwarded_Prefix="/shop",
    )

    assert f"{kind} 10.0.0.1 https://example.org/shop/" == client.text


def test_functions_after_this_request_change_its_response(app: Flask, kind: str) -> None:
    """Functions of either kind, registered by a view or by a hook before it, get the response, in their order."""

    def add(name: str) -> Callable[[Response], Response]:
        def after(response: Response) -> Response:
            response.headers.add("X-After", f"{name} {request.path}")
            return response

        return after

    @app.before_request
    def before() -> None:
        after_this_request(add("hook's"))

    def view() -> str:
        after_this_request(of_kind("def", add("def")))
        after_this_request(of_kind("async def", add("async def")))
        return ""

    app.add_url_rule("/", view_func=of_kind(kind, view))
    first, second = ask_in_turn(app, Client(), Client())

    for client in (first, second):
        assert "hook's /, def /, async def /" == header(client, "x-after")


def test_files_are_sent_whole_in_part_or_not_at_all(app: Flask, kind: str, tmp_path: Path) -> None:
    """send_file sends a file, the part that is asked for, or word that the client has it already."""
    path = tmp_path / "file.txt"
    path.write_bytes(bytes(range(256)) * 1000)
    sources = {"/path": lambda: path, "/memory": lambda: io.BytesIO(path.read_bytes())}

    for rule, source in sources.items():

        def view(source: Callable[[], Any] = source) -> Response:
            return send_file(source(), "text/plain", conditional=True, etag="tag", max_age=60)

        app.add_url_rule(rule, rule, of_kind(kind, view))
    for rule in sources:
        whole, part, known, head = ask_in_turn(
            app,
            Client(rule),
            Client(rule, Range="bytes=1000-1009"),
            Client(rule, If_None_Match='"tag"'),
            Client(rule, method="HEAD"),
        )
        parts = [message["body"] for message in whole.sent[1:]]
        assert path.read_bytes() == b"".join(parts)
        assert 256000 == int(header(whole, "content-length") or 0)
        assert [206, bytes(range(232, 242))] == [part.status, part.sent[1]["body"]]
        assert "bytes 1000-1009/256000" == header(part, "content-range")
        assert [304, b""] == [known.status, known.sent[1]["body"]]
        assert [200, b""] == [head.status, head.sent[1]["body"]]
        assert header(whole, "content-length") == header(head, "content-length")


def test_folders_are_served(app: Flask, kind: str, tmp_path: Path) -> None:
    """Files of a folder are sent by their names, and nothing outside of it; so is the app's static folder."""
    (tmp_path / "file.txt").write_text("text", encoding="utf-8")
    app.static_folder = str(tmp_path)
    app.add_url_rule("/files/<path:name>", "files", of_kind(kind, lambda name: send_from_directory(tmp_path, name)))
    paths = ("/files/file.txt", "/files/none.txt", "/files/../test.py", "/static/file.txt")
    clients = ask_in_turn(app, *(Client(path) for path in paths))

    assert [200, 404, 404, 200] == [client.status for client in clients]
    assert ["text", "text"] == [clients[number].text for number in (0, 3)]


def test_heads_and_options_are_answered_for_the_view(app: Flask, kind: str) -> None:
    """HEAD has a view's headers without its body, OPTIONS its methods, and another method is a 405."""

    def view() -> tuple[str, dict[str, str]]:
        return "text", {"X-Method": request.method}

    app.add_url_rule("/", "view", of_kind(kind, view), methods=["GET", "PUT"])
    app.add_url_rule("/own", "own", of_kind(kind, lambda: "own"), methods=["OPTIONS"])
    get, head, options, post, own = ask_in_turn(
        app,
        *(Client(method=method) for method in ("GET", "HEAD", "OPTIONS", "POST")),
        Client("/own", method="OPTIONS"),
    )

    assert ["text", "", ""] == [client.text for client in (get, head, options)]
    assert ["GET", "HEAD", None] == [header(client, "x-method") for client in (get, head, options)]
    assert "4" == header(get, "content-length") == header(head, "content-length")
    assert {"GET", "HEAD", "OPTIONS", "PUT"} == set(str(header(options, "allow")).split(", "))
    assert [405, header(options, "allow")] == [post.status, header(post, "allow")]
    assert "own" == own.text


def test_a_missing_slash_redirects(app: Flask, kind: str) -> None:
    """A path that lacks its slash is sent to the one that has it, with its query."""
    app.add_url_rule("/folder/", view_func=of_kind(kind, lambda: "folder"))
    client = Client("/folder", Host="example.org")
    client.scope["query_string"] = b"a=b"
    ask_in_turn(app, client)

    assert 308 == client.status
    assert "http://example.org/folder/?a=b" == header(client, "location")


def test_hosts_and_subdomains_are_matched(kind: str) -> None:
    """Routes of a host, and of a subdomain, are found by the Host header."""
    by_host = Flask(__name__, host_matching=True, static_folder=None)
    by_host.add_url_rule("/", "one", of_kind(kind, lambda: "one"), host="one.example.org")
    by_host.add_url_rule("/", "any", of_kind(kind, lambda name: f"any {name}"), host="<name>.example.org")
    by_subdomain = Flask(__name__, subdomain_matching=True)
    by_subdomain.config["SERVER_NAME"] = "example.org"
    by_subdomain.add_url_rule("/", "main", of_kind(kind, lambda: "main"))
    by_subdomain.add_url_rule("/", "sub", of_kind(kind, lambda name: f"sub {name}"), subdomain="<name>")

    def ask_hosts(app: Flask, *hosts: str) -> list[str]:
        # Twice each: what is known of a host from the first time is right the second.
        clients = ask_in_turn(app, *(Client(Host=host) for host in hosts * 2))
        said = [client.text if client.status == 200 else str(client.status) for client in clients]
        assert said[: len(hosts)] == said[len(hosts) :]
        return said[: len(hosts)]

    assert ["one", "any two", "404"] == ask_hosts(by_host, "one.example.org", "two.example.org", "example.com")
    assert ["main", "sub two"] == ask_hosts(by_subdomain, "example.org", "two.example.org")


def test_templates_are_streamed(app: Flask, kind: str) -> None:
    """A template that is streamed has the request to its end, and what it is given is used as it comes."""
    app.jinja_env.globals["parts"] = ()
    torn_down: list[object] = []
    app.teardown_request(of_kind(kind, torn_down.append))

    def view() -> Iterator[str]:
        return stream_template("page.txt", parts=(number for number in range(3)))

    app.add_url_rule("/", view_func=of_kind(kind, view))

    assert "/ 0\n/ 1\n/ 2\n" == ask(app).text
    assert torn_down


def test_generators_have_the_request_to_their_end(app: Flask, kind: str) -> None:
    """Generators of both kinds keep request, session and g while they are sent."""

    def parts() -> Iterator[str]:
        for number in range(2):
            yield f"{request.path} {g.name} {session['name']} {number}\n"

    async def async_parts() -> AsyncIterator[str]:
        for part in parts():
            yield part

    def view(parts_kind: str) -> Any:
        g.name = "g"
        session["name"] = "session"
        # Flask's own stream_with_context takes no async generator, which needs it not.
        return Response(async_parts() if parts_kind == "async" else stream_with_context(parts()))  # type: ignore[arg-type]

    app.add_url_rule("/<parts_kind>", view_func=of_kind(kind, view))
    for path in ("/async", "/def"):
        client = ask(app, path)
        assert f"{path} g session 0\n{path} g session 1\n" == client.text
        assert cookies(client).startswith("session=")


def test_an_async_generator_may_send_an_upload_back(app: Flask, kind: str) -> None:
    """The files of a request stay open until an async generator has come to its end."""

    async def parts() -> AsyncIterator[bytes]:
        while part := request.files["file"].stream.read(1):
            yield part

    def view() -> Response:
        assert "f" == request.files["file"].filename
        return Response(parts())  # type: ignore[arg-type]  # Flask's types know no async body

    app.add_url_rule("/", view_func=of_kind(kind, view), methods=["POST"])
    disposition = b'Content-Disposition: form-data; name="file"; filename="f"'
    body = b"--x\r\n" + disposition + b"\r\nContent-Type: text/plain\r\n\r\nabc\r\n--x--"

    assert "abc" == ask(app, method="POST", body=body, Content_Type="multipart/form-data; boundary=x").text


def test_what_waits_for_the_end_is_called_when_all_is_sent(app: Flask, kind: str) -> None:
    """call_on_close functions are called once, in their order, after the last part, whatever the body is made of."""
    told: list[str] = []

    def parts() -> Iterator[str]:
        yield "part"
        told.append("last part")

    async def async_parts() -> AsyncIterator[str]:
        for part in parts():
            yield part

    def view(body: str) -> Response:
        bodies: dict[str, Callable[[], Any]] = {"text": lambda: "text", "def": parts, "async": async_parts}
        response = app.response_class(bodies[body]())
        response.call_on_close(lambda: told.append("first"))
        response.call_on_close(lambda: told.append("second"))
        return response

    app.add_url_rule("/<body>", view_func=of_kind(kind, view))
    for path, end in (("/text", []), ("/def", ["last part"]), ("/async", ["last part"])):
        told.clear()
        client = Client(path)
        send = client.send

        async def sent(message: dict[str, Any], send: Any = send) -> None:
            if message["type"] == "http.response.body" and not message["more_body"]:
                told.append("sent")
            await send(message)

        client.send = sent  # type: ignore[method-assign]
        ask_in_turn(app, client)
        assert [*end, "sent", "first", "second"] == told
