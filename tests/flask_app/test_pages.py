"""The pages are whole, offline and strict before any browser opens them."""

from __future__ import annotations

import html
import inspect
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_app import create_app, openapi, pages
from flask_app.contract import declare
from flask_app.health import async_views, sync_views
from flask_app.schemas import HealthResponse
from flask_app.settings import Settings

PAGES = ("/", "/docs", "/docs/before-after", "/docs/before", "/docs/after", "/redoc")
PART_OF = {"/docs/before": "/docs/before-after", "/docs/after": "/docs/before-after"}
"""Pages that the bar has no link to, and the page that they belong to."""

STRICT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


class Parsed(HTMLParser):
    """A page taken apart: its elements with their attributes, and its text by element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Leave an element, and those in it that have no end."""
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Keep the text of the element that is open."""
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data.strip())


def policy_of(response: TestResponse) -> dict[str, str]:
    """Return the sources of each directive of an answer's policy."""
    directives = response.headers["Content-Security-Policy"].split("; ")
    return dict(directive.split(" ", 1) for directive in directives)


def source_columns(page: str) -> tuple[str, str]:
    """Return the source that each column of the landing page shows, line by line."""
    cells = re.findall(r'<td class="(sync|async)"><code>(.*?)</code></td>', page, flags=re.DOTALL)
    plain = [(column, html.unescape(re.sub(r"</?mark>", "", cell))) for column, cell in cells]
    sync, async_ = ("\n".join(cell for column, cell in plain if column == each) for each in ("sync", "async"))
    return sync, async_


@pytest.mark.parametrize("path", PAGES)
def test_page_carries_its_headers(client: FlaskClient, path: str) -> None:
    """Each page forbids all that is not from this host, sniffing, referrers, framing and being kept."""
    response = client.get(path)
    assert "text/html; charset=utf-8" == response.content_type
    assert "nosniff" == response.headers["X-Content-Type-Options"]
    assert "no-referrer" == response.headers["Referrer-Policy"]
    assert "no-store" == response.headers["Cache-Control"]
    assert STRICT.keys() <= policy_of(response).keys()
    assert "unsafe" not in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "beyond"),
    [
        ("/", {}),
        ("/docs", {"img-src": "'self' data:"}),
        ("/docs/before-after", {}),
        ("/docs/before", {"img-src": "'self' data:"}),
        ("/docs/after", {"img-src": "'self' data:"}),
        ("/redoc", {"style-src": "'self' 'nonce-NONCE'", "font-src": "data:"}),
    ],
)
def test_policy_goes_no_further_than_known(client: FlaskClient, path: str, beyond: dict[str, str]) -> None:
    """What a page may do beyond the strict policy is only what the browser tests prove that it needs."""
    policy = {
        name: re.sub("nonce-[^']+", "nonce-NONCE", sources) for name, sources in policy_of(client.get(path)).items()
    }
    assert STRICT | beyond == policy


@pytest.mark.parametrize("path", PAGES)
def test_page_is_whole_html(client: FlaskClient, path: str) -> None:
    """Each page says its language and its name, has a way past the bar, and says in the bar where it stands."""
    text = client.get(path).text
    page = Parsed(text)
    assert text.startswith("<!DOCTYPE html>")
    assert ("html", {"lang": "en"}) in page.elements
    assert page.texts["title"][0].endswith("Sync versus async lab")
    assert 1 == [attributes.get("id") for _, attributes in page.elements].count("content")
    assert ("a", {"class": "skip", "href": "#content"}) in page.elements
    stands = [(each["aria-current"], each["href"]) for _, each in page.elements if each.get("aria-current")]
    assert [("true", PART_OF[path]) if path in PART_OF else ("page", path)] == stands


def test_pages_have_different_titles(client: FlaskClient) -> None:
    """No two pages have the same title, by which a reader tells their tabs apart."""
    titles = {Parsed(client.get(path).text).texts["title"][0] for path in PAGES}
    assert len(PAGES) == len(titles)


@pytest.mark.parametrize("path", PAGES)
def test_page_has_nothing_inline(client: FlaskClient, path: str) -> None:
    """No page has a script, a style or a handler in it, since its policy would refuse them."""
    page = Parsed(client.get(path).text)
    assert "style" not in page.texts
    assert [] == [text for text in page.texts.get("script", []) if text]
    assert [] == [
        name for _, attributes in page.elements for name in attributes if name == "style" or name.startswith("on")
    ]


@pytest.mark.parametrize("path", PAGES)
def test_page_links_only_to_what_is_here(client: FlaskClient, path: str) -> None:
    """Whatever a page loads or links to is on this host, and there."""
    page = Parsed(client.get(path).text)
    links = [
        attributes[name]
        for _, attributes in page.elements
        for name in ("href", "src", "action", "data-document")
        if attributes.get(name)
    ]
    assert links
    for link in links:
        assert link is not None
        assert link == "#content" or (link.startswith("/") and not link.startswith("//"))
        if link.startswith("/"):
            assert 200 == client.get(link).status_code, link


def test_landing_page_shows_the_source_of_the_real_views(client: FlaskClient) -> None:
    """The two columns are the source of the twins, line by line, with an empty line where only the other has one."""
    shown = source_columns(client.get("/").text)
    for views, column in ((sync_views, shown[0]), (async_views, shown[1])):
        wanted = [inspect.getsource(view) for view in (views.health, views.wait, views.ready)]
        assert "".join(wanted).splitlines() == [line for line in column.splitlines() if line]


def test_landing_page_marks_the_keywords_and_only_them(client: FlaskClient) -> None:
    """The keywords async and await are marked where they are keywords, and not where a sentence says them."""
    text = client.get("/").text
    assert ["async", "async", "await", "async", "await"] == [
        mark.strip() for mark in re.findall("<mark>(.*?)</mark>", text)
    ]
    assert '<td class="sync"><code><mark>' not in text


def test_landing_page_tints_the_lines_that_differ(client: FlaskClient) -> None:
    """A row is tinted exactly when its two lines are different."""
    rows = re.findall(
        r"<tr(.*?)>\s*<td class=\"sync\">(.*?)</td>\s*<td class=\"async\">(.*?)</td>", client.get("/").text
    )
    assert rows
    for attributes, sync, async_ in rows:
        assert (sync != async_) == ("differs" in attributes)


def test_landing_page_offers_each_endpoint(client: FlaskClient) -> None:
    """There is a form for each route of the API, with the keyword of its view and the parameters of its query."""
    page = Parsed(client.get("/").text)
    actions = [attributes["action"] for tag, attributes in page.elements if tag == "form"]
    twins = [f"{path}/{variant}" for path in ("/health", "/wait", "/health/ready") for variant in ("sync", "async")]
    assert [*twins, "/health", "/health/live", "/health/ready"] == actions
    inputs = [(attributes["name"], attributes["value"]) for tag, attributes in page.elements if tag == "input"]
    assert [*[("ms", "50")] * 2, *[("wait_ms", "0")] * 3] == inputs
    keywords = re.findall('<span class="keyword">(.*?)</span>', client.get("/").text)
    assert [*["def", "async def"] * 3, "def", "def", "def"] == keywords


def test_landing_page_knows_which_twin_serves_health() -> None:
    """The cards of /health and /health/ready have the keyword of the twin that the settings choose."""
    text = create_app(Settings(health_variant="async")).test_client().get("/").text
    assert ["async def", "def", "async def"] == re.findall('<span class="keyword">(.*?)</span>', text)[-3:]


def test_landing_page_says_what_serves_it_when_it_was_told(app: Flask) -> None:
    """The configuration's words for the server are shown, and without them that they are missing."""
    app.config.pop(pages.SERVED_BY, None)
    assert "does not know its server" in app.test_client().get("/").text
    app.config[pages.SERVED_BY] = "Hypercorn & <nothing>"
    assert "served by <strong>Hypercorn &amp; &lt;nothing&gt;</strong>" in app.test_client().get("/").text


def test_landing_page_gives_commands_for_this_very_host(client: FlaskClient) -> None:
    """The curl lines name the host and port that the page was asked at."""
    text = client.get("/", base_url="http://lab.test:8123").text
    assert "curl -i http://lab.test:8123/health/async" in text


def test_landing_page_escapes_a_hostile_host(client: FlaskClient) -> None:
    """A Host header is text in the page, never markup."""
    assert "<script>x" not in client.get("/", headers={"Host": "<script>x</script>"}).text


def test_landing_page_holds_without_twins() -> None:
    """An app without twins has a landing page too, and an app with half a pair shows that half alone."""
    app = Flask("flask_app", static_folder=None)

    @app.get("/alone/sync")
    @declare(response=HealthResponse, summary="Alone")
    def alone() -> dict[str, str]:
        return {"api": "alone"}

    openapi.init_app(app)
    pages.init_app(app)
    text = app.test_client().get("/").text
    assert ["/alone/sync"] == re.findall('action="(.*?)"', text)
    assert "<table" not in text


def test_landing_page_holds_without_source() -> None:
    """Twins whose source is not there, as in a bundle of bytecode, are offered and not shown."""
    app = Flask("flask_app", static_folder=None)
    for path, definition in (("/bare/sync", "def view(): ..."), ("/bare/async", "async def view(): ...")):
        names: dict[str, Any] = {}
        exec(compile(definition, "<no file>", "exec"), names)  # noqa: S102 # the one way to a function without source
        app.add_url_rule(path, path, declare(response=HealthResponse, summary="Bare")(names["view"]))
    openapi.init_app(app)
    pages.init_app(app)
    text = app.test_client().get("/").text
    assert ["/bare/sync", "/bare/async"] == re.findall('action="(.*?)"', text)
    assert "<table" not in text


def test_before_and_after_are_each_other_s_way_on(client: FlaskClient) -> None:
    """Each page of the lesson shows its own document and leads to the other."""
    for path, document, other in (
        ("/docs/before", "/openapi-before.json", "/docs/after"),
        ("/docs/after", "/openapi-after.json", "/docs/before"),
    ):
        page = Parsed(client.get(path).text)
        assert [document] == [
            attributes["data-document"] for _, attributes in page.elements if "data-document" in attributes
        ]
        links = [attributes.get("href") for _, attributes in page.elements]
        assert (1, 2) == (links.count(other), links.count("/docs/before-after"))


def test_before_and_after_stand_side_by_side(client: FlaskClient) -> None:
    """Both documents of one answer are shown line by line; what differs is marked, and nothing else is."""
    text = client.get("/docs/before-after").text
    rows = re.findall(
        r"<tr(.*?)>\s*<td class=\"sync\">(.*?)</td>\s*<td class=\"async\">(.*?)</td>", text, flags=re.DOTALL
    )
    for attributes, before, after in rows:
        differs = "differs" in attributes
        assert (differs, differs) == (before != after, "<ins>" in after or "<del>" in before)
    left, right = (
        "\n".join(filter(None, (html.unescape(re.sub("<.*?>", "", row[side])) for row in rows))) for side in (1, 2)
    )
    documents = [client.get(f"/openapi-{name}.json").get_json() for name in ("before", "after")]
    answers = [each["paths"]["/health/sync"]["get"]["responses"]["200"] for each in documents]
    schema = documents[1]["components"]["schemas"]["HealthResponse"]
    assert json.loads(left) == answers[0]
    decoder = json.JSONDecoder()
    answer, end = decoder.raw_decode(right)
    assert [answers[1], schema] == [answer, decoder.decode(right[end:])]
    assert "has 2 fields" in text


def test_before_and_after_of_nothing_is_not_found() -> None:
    """An app without an API has no answer to show."""
    app = Flask("flask_app", static_folder=None)
    openapi.init_app(app)
    pages.init_app(app)
    assert 404 == app.test_client().get("/docs/before-after").status_code


def test_redoc_has_a_new_nonce_in_every_answer(client: FlaskClient) -> None:
    """The nonce of the policy is the page's, and no answer has that of another."""
    seen = set()
    for _ in range(3):
        response = client.get("/redoc")
        nonces = [attributes["nonce"] for _, attributes in Parsed(response.text).elements if "nonce" in attributes]
        assert 1 == len(nonces)
        assert f"'self' 'nonce-{nonces[0]}'" == policy_of(response)["style-src"]
        seen.add(nonces[0])
    assert 3 == len(seen)


def test_redoc_has_its_logo_from_here(client: FlaskClient) -> None:
    """The bundle that is served asks this host for the logo, in both its sizes, and no other for an image."""
    bundle = client.get("/assets/redoc.standalone.js").text
    assert 2 == len(re.findall(r"[`\"']assets/redoc-logo\.svg[`\"']", bundle))
    assert [] == re.findall(r"https?://[^`\"' ]+\.(?:svg|png|jpg|gif|woff2?|css)\b", bundle)


def test_asset_is_not_sent_twice(client: FlaskClient) -> None:
    """A browser that has a file asks whether it is still the same, and is told so without the file."""
    first = client.get("/assets/lab.css")
    assert (200, "text/css; charset=utf-8", "no-cache") == (
        first.status_code,
        first.content_type,
        first.headers["Cache-Control"],
    )
    again = client.get("/assets/lab.css", headers={"If-None-Match": first.headers["ETag"]})
    assert (304, b"") == (again.status_code, again.data)


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fpages.py", "%2E%2E/pages.py", "/etc/passwd", "lab.css/"])
def test_no_other_file_is_sent(client: FlaskClient, name: str) -> None:
    """Whatever is not one of the pages' own files is a 404, as a problem."""
    response = client.get(f"/assets/{name}")
    assert (404, "application/problem+json") == (response.status_code, response.mimetype)


def test_asset_that_changed_is_a_problem(client: FlaskClient) -> None:
    """If-Match with another tag is a 412, as a problem, without the file."""
    response = client.get("/assets/lab.css", headers={"If-Match": '"other"'})
    assert (412, "application/problem+json") == (response.status_code, response.mimetype)


def test_missing_package_says_what_to_do() -> None:
    """Without the package that holds a viewer, the error names it and the remedy."""
    with pytest.raises(
        ModuleNotFoundError,
        match="no_such_viewer contains files for the pages, and is missing: install the project again",
    ):
        pages._package_file("no_such_viewer", "viewer.js")
