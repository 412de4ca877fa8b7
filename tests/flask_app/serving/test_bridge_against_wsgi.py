"""The event-loop bridge held against Flask's own WSGI passage: a view sees the same request, and the same session."""

from __future__ import annotations

import asyncio
import string
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from operator import attrgetter
from typing import Any
from wsgiref.validate import validator

import pytest
from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    flash,
    get_flashed_messages,
    jsonify,
    request,
    session,
    url_for,
)
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from packaging.version import Version

from tests.flask_app.serving.both_passages import Asked, BothPassages

# Where the two may differ: what EnvironBuilder adds of other servers and PEP 3333 does not know, what the bridge adds
# of its own, and objects of which each passage has one.
OTHER_BY_RIGHT = {"REQUEST_URI", "RAW_URI", "asgi.scope", "wsgi.input", "wsgi.errors", "werkzeug.request"}

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "M-SEARCH"]
ATTRIBUTES = [
    "method", "path", "full_path", "query_string", "url", "base_url", "url_root", "host_url", "root_path",
    "script_root", "host", "scheme", "is_secure", "remote_addr", "access_route", "endpoint", "view_args", "blueprint",
    "blueprints", "content_length", "content_type", "content_encoding", "mimetype", "mimetype_params", "is_json",
    "want_form_data_parsed", "user_agent.string", "referrer", "origin", "max_forwards", "date", "pragma",
    "accept_mimetypes", "accept_languages", "accept_encodings", "cache_control", "authorization", "range", "if_range",
    "if_match", "if_none_match", "if_modified_since",
]  # fmt: skip
READINGS: dict[str, Callable[[], Any]] = {
    "form": lambda: list(request.form.items(multi=True)),
    "files": lambda: [
        (name, file.filename, file.content_type, file.read().decode("latin-1"))
        for name, file in request.files.items(multi=True)
    ],
    "values": lambda: list(request.values.items(multi=True)),
    "key": lambda: request.form["key"],
    "data": lambda: request.data.decode("latin-1"),
    "all": lambda: request.get_data().decode("latin-1"),
    "all, not kept": lambda: request.get_data(cache=False).decode("latin-1"),
    "three bytes": lambda: request.stream.read(3).decode("latin-1"),
    "lines": lambda: [line.decode("latin-1") for line in request.stream.readlines()],
    "JSON": lambda: request.json,
    "JSON, forced": lambda: request.get_json(force=True, silent=True),
}


def seen(**_: Any) -> Response:
    """Answer with all that a view can see of its request."""
    if current_app.config["MOST_BYTES_HERE"] is not None:
        request.max_content_length = current_app.config["MOST_BYTES_HERE"]
    return jsonify(
        environ={key: value for key, value in request.environ.items() if key not in OTHER_BY_RIGHT},
        headers=sorted(request.headers),
        args=list(request.args.items(multi=True)),
        cookies=list(request.cookies.items(multi=True)),
        attributes={name: str(attrgetter(name)(request)) for name in ATTRIBUTES},
        urls=[url_for("def.seen", rest="é/ü", _external=external) for external in (False, True)],
        body=[READINGS[name]() for name in current_app.config["READINGS"]],
    )


def changed() -> Response:
    """Change the session as the example says, and answer with what was in it."""
    step = current_app.config["STEP"]
    before = repr(sorted(session.items())) if step["looks"] else None
    session.update(step["sets"])
    for name in step["pops"]:
        session.pop(name, None)
    if step["clears"]:
        session.clear()
    if step["permanent"] is not None:
        session.permanent = step["permanent"]
    for message in step["flashes"]:
        flash(message, "warning")
    return jsonify(before=before, flashed=get_flashed_messages(with_categories=True) if step["shows"] else None)


class TimelessSessions(SecureCookieSessionInterface):
    """Flask's own sessions, but for the clock, which two passages would read one after the other."""

    class _Signer(TimestampSigner):
        def get_timestamp(self) -> int:
            return 1_700_000_000

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Sign as if it were always the same second."""
        serializer = super().get_signing_serializer(app)
        if serializer is not None:
            serializer.signer = self._Signer
        return serializer

    def get_expiration_time(self, app: Flask, session: SessionMixin) -> datetime | None:
        """Expire as if it were always the same second."""
        return datetime(2030, 1, 1, tzinfo=UTC) if session.permanent else None


def make() -> Flask:
    """Make an app whose views are there twice, as def and as async def."""

    async def seen_async(**_: Any) -> Response:
        await asyncio.sleep(0)
        return seen()

    async def changed_async() -> Response:
        return changed()

    app = Flask(__name__)
    app.logger.disabled = True
    app.session_interface = TimelessSessions()
    for kind, see, change in (("def", seen, changed), ("async", seen_async, changed_async)):
        blueprint = Blueprint(kind, __name__, url_prefix=f"/{kind}")
        for rule in ("/", "/<path:rest>", "/folder/", "/page/<int:number>"):
            blueprint.add_url_rule(rule, "seen", see, methods=METHODS)
        blueprint.add_url_rule("/page/", "seen", see, defaults={"number": 1})
        blueprint.add_url_rule("/any/<path:rest>", "any", see, methods=[*METHODS, "OPTIONS"])
        blueprint.add_url_rule("/session", "session", change, methods=["GET", "POST"])
        app.register_blueprint(blueprint)
    return app


@pytest.fixture(scope="module")
def passages() -> Iterator[BothPassages]:
    """The three passages of that app."""
    with BothPassages(make) as both:
        both.tell(SECRET_KEY=b"nothing is kept under it", READINGS=(), MOST_BYTES_HERE=None)
        yield both


@pytest.fixture(scope="module")
def validated() -> Iterator[BothPassages]:
    """The same, each behind the standard library's validator of servers and applications."""

    def make_validated() -> Flask:
        app = make()
        app.wsgi_app = validator(app.wsgi_app)  # type: ignore[method-assign, assignment]
        return app

    with BothPassages(make_validated) as both:
        # Without a limit Werkzeug reads a body in a way that the validator does not know.
        both.tell(READINGS=("all",), MOST_BYTES_HERE=None, MAX_CONTENT_LENGTH=10_000)
        yield both


def mostly(often: st.SearchStrategy[str], *seldom: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Draw from the first strategy, and now and then from another."""
    return st.sampled_from([*[often] * 4 * len(seldom), *seldom]).flatmap(lambda strategy: strategy)


tokens = st.text(string.ascii_letters + string.digits + "!#$%&'*+-.^`|~", min_size=1)  # without the underscore
values = st.text(st.characters(max_codepoint=0xFF, exclude_characters="\r\n\0")).map(lambda text: text.strip(" \t"))
escaped = st.binary(max_size=4).map(lambda data: "".join(f"%{byte:02x}" for byte in data))
plain = st.text(string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@", max_size=6)
telling = st.sampled_from(["", "..", ".", "folder", "page", "7", "any", "%2F", "%2E%2e", "%EF%BF%BD", "caf%C3%A9", "%"])
segments = st.lists(telling | plain | escaped, max_size=4).map("/".join)
views = st.sampled_from(["/def/", "/async/", "/def/any/", "/async/any/"])
viewed = st.builds(str.__add__, views, segments)
redirected = st.sampled_from(["/def/folder", "/async/folder", "/def/page/1", "/async//page/1", "/def/a//b"])
paths = mostly(viewed, redirected, segments.map(lambda path: f"/{path}"))
queries = st.lists(plain | escaped | st.sampled_from(["a=1", "a=2", "?", "/", "%zz", "="])).map("&".join)
known_headers = st.sampled_from([
    ("accept", "text/html;q=0.5, application/json"),
    ("accept-language", "de, en;q=0.9"),
    ("authorization", "Basic dXNlcjpwYXNzd29yZA=="),
    ("cache-control", "max-age=0, no-cache"),
    ("connection", "Upgrade"),
    ("content-encoding", "gzip"),
    ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("expect", "100-continue"),
    ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("if-none-match", 'W/"a", "b"'),
    ("max-forwards", "3"),
    ("origin", "null"),
    ("proxy", "http://evil.example"),
    ("range", "bytes=0-1,5-"),
    ("referer", "http://localhost/é"),
    ("upgrade", "websocket"),
    ("x-forwarded-for", "10.0.0.1, 10.0.0.2"),
])  # fmt: skip
framing = {"host", "content-type", "content-length", "transfer-encoding"}
headers = st.lists(
    known_headers
    | st.tuples(st.just("cookie"), st.sampled_from(["a=1", "a=2; b=3", "session=forged", 'q="x; y"', "=", ""]) | values)
    | st.tuples(tokens.map(str.lower).filter(lambda name: name not in framing), values)
)
HOSTS = ["127.0.0.1:8000", "Example.ORG", "a:80", "a:443", "[::1]:8000", "a:99999", "a b", "", "bücher.example", ".."]
FIELD = '--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nvalue\r\n'
FILE = (
    '--x\r\nContent-Disposition: form-data; name="file"; filename="é.txt"\r\n'
    "Content-Type: text/plain\r\n\r\none\r\ntwo\r\n"
)
texts_of = {
    "application/x-www-form-urlencoded": ["key=1&key=2&b=%C3%A9", "key=%FF&=&&x", "a=1"],
    "multipart/form-data; boundary=x": [FIELD + FILE + "--x--\r\n", "--x\r\n", "--x--"],
    "application/json": ['{"key": [1, null]}', '"\\ud800"', "{", "NaN"],
    "text/plain; charset=latin-1": ["one\ntwo\r\nthree"],
}
bodies = st.sampled_from([
    (kind, text.encode()) for kind, texts in texts_of.items() for text in texts
]) | st.tuples(st.none() | st.just("") | values | st.sampled_from([*texts_of]), st.binary())  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> Asked:
    """Draw a request, whatever a client may send and a server pass on."""
    asked = Asked(
        method=draw(mostly(st.sampled_from([*METHODS, "HEAD", "OPTIONS", "OPTIONS"]), st.just("get"), tokens)),
        raw_path=draw(paths).encode(),
        query=draw(mostly(queries, values)).encode("latin-1"),
        headers=(
            *draw(headers),
            *[("host", host) for host in draw(st.lists(st.just("localhost") | st.sampled_from(HOSTS), max_size=1))],
        ),
        root_path=draw(st.sampled_from(["", "", "/root", "/two/parts", "/café"])),
        root_in_path=draw(st.booleans()),
        http_version=draw(st.sampled_from(["1.0", "1.1", "2"])),
        scheme=draw(st.sampled_from(["http", "https"])),
    )
    if draw(st.booleans()):
        return asked
    kind, body = draw(bodies)
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=3)))
    return replace(
        asked,
        headers=asked.headers if kind is None else (*asked.headers, ("content-type", kind)),
        parts=tuple(body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)),
        chunked=draw(st.booleans()),
    )


@given(asked=requests())
@example(asked=Asked(raw_path=b"/def/x", headers=tuple((f"x-name-{number}", "v") for number in range(1_000))))
@example(asked=Asked(raw_path=b"/def/x", headers=(("connection", "upgrade"), ("upgrade", "websocket"))))
@example(asked=Asked(raw_path=b"/def/x", root_path="/d", root_in_path=False))
def test_a_view_sees_the_same_request(passages: BothPassages, asked: Asked) -> None:
    """Whatever a client sends, a view of either kind sees of it what it would see under WSGI."""
    passages.tell(READINGS=("all",), MAX_CONTENT_LENGTH=None, MOST_BYTES_HERE=None)

    assert passages.same(asked).error is None


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_host_is_the_same_every_time(passages: BothPassages, scheme: str) -> None:
    """What the bridge keeps of a host makes no difference, nor does another scheme or path of the same host."""
    for host in [*HOSTS, *HOSTS]:
        passages.same(Asked(raw_path=b"/async/x", headers=(("host", host),), scheme=scheme))


@given(
    body=bodies,
    cut=st.integers(0, 20),
    chunked=st.booleans(),
    version=st.sampled_from(["1.1", "2"]),
    kind=st.sampled_from(["def", "async"]),
    readings=st.lists(st.sampled_from([*READINGS]), max_size=3),
    most_bytes=st.none() | st.integers(0, 60),
    most_bytes_here=st.none() | st.integers(0, 60),
)
def test_a_view_reads_the_same_body(
    passages: BothPassages,
    *,
    body: tuple[str | None, bytes],
    cut: int,
    chunked: bool,
    version: str,
    kind: str,
    readings: list[str],
    most_bytes: int | None,
    most_bytes_here: int | None,
) -> None:
    """However a view reads the body, and whatever the limits, it gets the same bytes or ends in the same error."""
    content_type, data = body
    # Otherwise the two differ by right: the next two tests but one.
    if most_bytes is not None and most_bytes_here is not None:
        most_bytes_here = min(most_bytes, most_bytes_here)
    assume(not chunked or most_bytes is None or len(data) <= most_bytes)
    passages.tell(READINGS=readings, MAX_CONTENT_LENGTH=most_bytes, MOST_BYTES_HERE=most_bytes_here)

    passages.same(
        Asked(
            method="POST",
            raw_path=f"/{kind}/x".encode(),
            headers=() if content_type is None else (("content-type", content_type),),
            parts=(data[:cut], data[cut:]),
            chunked=chunked,
            http_version=version,
        )
    )


@pytest.mark.parametrize("length", ["0", "3", "100"])
@pytest.mark.parametrize("most_bytes", [None, 10])
def test_chunks_count_and_not_the_length_beside_them(
    passages: BothPassages, length: str, most_bytes: int | None
) -> None:
    """A chunked body is read to its end, whatever the length that a client announces too (RFC 9112, 6.3)."""
    passages.tell(READINGS=("all",), MAX_CONTENT_LENGTH=most_bytes, MOST_BYTES_HERE=None)

    answer = passages.same(
        Asked("POST", b"/def/x", headers=(("content-length", length),), parts=(b"ab", b"cd"), chunked=True)
    )

    assert b'"body":["abcd"]' in answer.body


@pytest.mark.skipif(Version(version("flask")) < Version("3.1"), reason="only an app could have a limit then")
@pytest.mark.parametrize("chunked", [False, True])
def test_a_view_that_raises_the_limit_never_gets_half_a_body(passages: BothPassages, chunked: bool) -> None:
    """The bridge reads before the view can raise its limit above the app's: the view gets a 413, and no part."""
    passages.tell(READINGS=("all",), MAX_CONTENT_LENGTH=3, MOST_BYTES_HERE=10)
    short = Asked("POST", b"/async/x", parts=(b"ab", b"c"), chunked=chunked)

    assert 200 == passages.same(short).status
    for answer in passages.bridged(replace(short, parts=(b"ab", b"cd", b"ef"))):
        assert 413 == answer.status


@pytest.mark.parametrize("parts", [(b"abcdef",), (b"ab", b"cd", b"ef")])
def test_chunks_beyond_the_limit_are_never_cut_to_fit(passages: BothPassages, parts: tuple[bytes, ...]) -> None:
    """A body that turns out too long is a 413; under WSGI Werkzeug gives a view its beginning, as if it were all."""
    passages.tell(READINGS=("all",), MAX_CONTENT_LENGTH=3, MOST_BYTES_HERE=None)

    for kind in ("def", "async"):
        for answer in passages.bridged(Asked("POST", f"/{kind}/x".encode(), parts=parts, chunked=True)):
            assert 413 == answer.status


steps = st.fixed_dictionaries({
    "looks": st.booleans(),
    "sets": st.dictionaries(st.sampled_from(["a", "b"]), st.integers() | st.text(max_size=9) | st.binary(max_size=9)),
    "pops": st.lists(st.sampled_from(["a", "b"]), max_size=1),
    "clears": st.sampled_from([False, False, True]),
    "permanent": st.none() | st.booleans(),
    "flashes": st.lists(st.text(max_size=9), max_size=2),
    "shows": st.booleans(),
})  # fmt: skip


# Each example is several requests, thrice.
@settings(max_examples=settings().max_examples // 2)
@given(story=st.lists(st.tuples(st.sampled_from(["def", "async"]), steps), min_size=1, max_size=4), each=st.booleans())
def test_a_session_is_kept_in_the_same_way(
    passages: BothPassages, story: list[tuple[str, dict[str, Any]]], each: bool
) -> None:
    """A session and its flashed messages live on from one request to the next in the same cookie."""
    jar: dict[str, str] = {}
    passages.tell(SESSION_REFRESH_EACH_REQUEST=each)
    for kind, step in story:
        passages.tell(STEP=step)
        cookies = [("cookie", f"{name}={value}") for name, value in jar.items()]
        answer = passages.same(Asked(raw_path=f"/{kind}/session".encode(), headers=(*cookies, ("host", "localhost"))))
        assert 200 == answer.status
        jar |= dict(value.split(";")[0].split("=", 1) for name, value in answer.headers if name == "set-cookie")


def test_header_names_with_an_underscore_are_left_out(passages: BothPassages) -> None:
    """A header that would pass for another, were its underscore a hyphen, does not reach the view."""
    passages.tell(READINGS=())
    names = ["x_forwarded_for", "x_forwarded-for", "content_type", "content_length", "_"]

    forged = passages.bridged(Asked(raw_path=b"/async/x", headers=tuple((name, "forged") for name in names)))

    for answer in forged:
        assert passages.same(Asked(raw_path=b"/async/x")).body == answer.body


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")
@given(asked=requests())
def test_middleware_finds_a_wsgi_server(validated: BothPassages, asked: Asked) -> None:
    """To WSGI middleware the bridge is a server that keeps to PEP 3333, as wsgiref's validator reads it."""
    # Werkzeug 3.0 puts them into a Location as they are, under WSGI too, and the validator objects.
    assume(not any(byte < 0x20 or byte == 0x7F for byte in asked.query))
    assert validated.same(asked).error is None
