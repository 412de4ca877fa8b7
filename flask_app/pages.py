"""Serve the pages for people, the landing page and the documents, and all the files that they load.

No request leaves the host: Swagger UI and ReDoc come from installed packages, and a Content-Security-Policy enforces it
on every page.
"""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import itertools
import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, render_template, request, url_for
from markupsafe import Markup, escape

from flask_app.contract import Contract, contract_of
from flask_app.openapi import Description, describe, document

SERVED_BY = "SERVED_BY"
"""Configuration key under which ``serving`` describes how the app is served."""

HTML = "text/html"

_EXTENSION = "pages"
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_REDOC = "redoc.standalone.js"
# ReDoc fetches its vendor's logo from their host, and no option disables that, so the URL is replaced with our own.
_REDOC_LOGOS = (b"https://cdn.redoc.ly/redoc/logo-mini-full.svg", b"https://cdn.redoc.ly/redoc/logo-mini.svg")
_REDOC_LOGO = b"assets/redoc-logo.svg"
_KEYWORDS = re.compile(r"(^\s*async(?= def )|\bawait(?= ))")


def _package_file(package: str, *parts: str) -> Path:
    # Found by its spec, not by importing it: importing offapi reads nine megabytes.
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"{package} contains files for the pages, and is missing: install the project again.")
    return Path(spec.submodule_search_locations[0], *parts)


_ASSETS: Mapping[str, Path] = {
    **{path.name: path for path in sorted(Path(__file__).with_name("static").iterdir())},
    "swagger-ui.css": _package_file("flask_swagger_ui", "dist", "swagger-ui.css"),
    "swagger-ui-bundle.js": _package_file("flask_swagger_ui", "dist", "swagger-ui-bundle.js"),
    _REDOC: _package_file("offapi", "redoc.js"),
}

# Nothing inline, and nothing from other hosts. A view that needs more adds it, with a reason.
_POLICY: Mapping[str, str] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A route of the API, as shown on the landing page."""

    path: str
    keyword: str
    contract: Contract
    view: Callable[..., Any]

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """Name, default and description of each query parameter."""
        fields = {} if self.contract.query is None else self.contract.query.load_fields
        return [
            {"name": name, "default": field.load_default, "description": field.metadata.get("description", "")}
            for name, field in fields.items()
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of two texts side by side; ``None`` for a text without that line."""

    left: str | None
    right: str | None
    differs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Twins:
    """Two endpoints that differ only in the keyword."""

    sync: Endpoint
    async_: Endpoint
    lines: tuple[Line, ...]


def init_app(app: Flask) -> None:
    """Add the pages to an app after its API: the landing page shows the source of the views."""
    endpoints = list(_endpoints(app))
    twins = list(_twins({endpoint.path: endpoint for endpoint in endpoints}))
    paired = {endpoint.path for pair in twins for endpoint in (pair.sync, pair.async_)}
    app.extensions[_EXTENSION] = {
        "twins": twins,
        "single": [endpoint for endpoint in endpoints if endpoint.path not in paired],
    }
    blueprint = Blueprint(_EXTENSION, __name__)
    blueprint.add_url_rule("/", "landing", landing)
    blueprint.add_url_rule("/docs", "docs", docs)
    blueprint.add_url_rule("/docs/before-after", "docs_before_after", docs_before_after)
    blueprint.add_url_rule("/docs/before", "docs_before", docs_before)
    blueprint.add_url_rule("/docs/after", "docs_after", docs_after)
    blueprint.add_url_rule("/redoc", "redoc", redoc)
    blueprint.add_url_rule("/assets/<filename>", "asset", asset)
    blueprint.after_request(_harden)
    app.register_blueprint(blueprint)


def _page(summary: str) -> Description:
    return Description(summary=summary, content={HTML: {"type": "string"}})


@describe(_page("The start page for a class: call the twins, read their source, measure them"))
def landing() -> Response:
    """Show the twins, their documents and what to run next."""
    return _html(
        "landing.html",
        served_by=current_app.config.get(SERVED_BY),
        host=request.host_url.rstrip("/"),
        mark_keywords=_mark_keywords,
        **current_app.extensions[_EXTENSION],
    )


@describe(_page("Swagger UI, to try each route"))
def docs() -> Response:
    """Show the document in Swagger UI."""
    return _swagger_ui("docs", "openapi.openapi")


@describe(_page("What a response model adds: the document before and after, side by side"))
def docs_before_after() -> Response:
    """Show what two documents say about one answer, without its schema and with it."""
    before, after = (document(_app(), response_schemas=declares) for declares in (False, True))
    known = current_app.extensions[_EXTENSION]
    endpoints = [*(pair.sync for pair in known["twins"]), *known["single"]]
    path = next((each.path for each in endpoints if each.path in after["paths"]), None)
    if path is None:
        abort(404)
    answers = [each["paths"][path]["get"]["responses"]["200"] for each in (before, after)]
    schemas = {name: after["components"]["schemas"][name] for name in _referred(answers[1])}
    return _html(
        "before_after.html",
        path=path,
        parts=[
            (f"paths, {path}, get, responses, 200", tuple(_paired(*map(_json_lines, answers)))),
            *(
                (f"components, schemas, {name}", tuple(_paired([], _json_lines(each))))
                for name, each in schemas.items()
            ),
        ],
        fields=[name for schema in schemas.values() for name in schema.get("properties", {})],
    )


@describe(_page("Swagger UI, before the views declare what they answer"))
def docs_before() -> Response:
    """Show the document without its response schemas."""
    return _swagger_ui("before", "openapi.before")


@describe(_page("Swagger UI, after the views declare what they answer"))
def docs_after() -> Response:
    """Show the document with its response schemas."""
    return _swagger_ui("after", "openapi.after")


@describe(_page("ReDoc, to read"))
def redoc() -> Response:
    """Show the document in ReDoc."""
    nonce = secrets.token_urlsafe(16)
    # ReDoc writes its styles into a <style> element, which this response's nonce allows; no other inline style is
    # allowed. The styles include an icon font as a data: URL.
    policy = {"style-src": f"'self' 'nonce-{nonce}'", "font-src": "data:"}
    return _html("redoc.html", policy, nonce=nonce)


@describe(
    Description(
        summary="A file that a page loads",
        content={media_type: {"type": "string"} for media_type in _MEDIA_TYPES.values()},
        path_values={"filename": tuple(sorted(_ASSETS))},
        also={304: "The file is still the one that `If-None-Match` names."},
        errors=(404, 412),
    )
)
def asset(filename: str) -> Response:
    """Send one of the files that the pages load, and no other."""
    if filename not in _ASSETS:
        abort(404)
    path = _ASSETS[filename]
    data = path.read_bytes()
    if filename == _REDOC:
        for logo in _REDOC_LOGOS:
            data = data.replace(logo, _REDOC_LOGO)
    response = Response(data, mimetype=_MEDIA_TYPES[path.suffix])
    response.add_etag()
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    if response.status_code == 412:
        # Werkzeug would send the file as its body.
        abort(412)
    return response


def _swagger_ui(page: str, document_endpoint: str) -> Response:
    # Its style sheet contains icons as data: images.
    policy = {"img-src": "'self' data:"}
    return _html("swagger.html", policy, page=page, document=url_for(document_endpoint))


def _html(template: str, policy: Mapping[str, str] | None = None, **context: Any) -> Response:
    response = Response(render_template(template, **context), mimetype=HTML)
    response.headers["Content-Security-Policy"] = _written({**_POLICY, **(policy or {})})
    response.headers["Cache-Control"] = "no-store"
    return response


def _harden(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", _written(_POLICY))
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _written(policy: Mapping[str, str]) -> str:
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())


def _endpoints(app: Flask) -> Iterator[Endpoint]:
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        contract = contract_of(view)
        if contract is not None and "GET" in (rule.methods or set()):
            keyword = "async def" if inspect.iscoroutinefunction(view) else "def"
            yield Endpoint(path=rule.rule, keyword=keyword, contract=contract, view=view)


def _twins(endpoints: Mapping[str, Endpoint]) -> Iterator[Twins]:
    for path, sync in endpoints.items():
        twin = endpoints.get(f"{path.removesuffix('/sync')}/async")
        if path.endswith("/sync") and twin is not None:
            yield Twins(sync=sync, async_=twin, lines=tuple(_side_by_side(sync.view, twin.view)))


def _side_by_side(sync: Callable[..., Any], async_: Callable[..., Any]) -> Iterator[Line]:
    try:
        left, right = inspect.getsource(sync).splitlines(), inspect.getsource(async_).splitlines()
    except OSError:
        # Installed as bytecode only: the service should start anyway.
        return
    yield from _paired(left, right)


def _paired(left: Sequence[str], right: Sequence[str]) -> Iterator[Line]:
    for kind, start, end, twin_start, twin_end in difflib.SequenceMatcher(None, left, right, False).get_opcodes():
        for pair in itertools.zip_longest(left[start:end], right[twin_start:twin_end]):
            yield Line(left=pair[0], right=pair[1], differs=kind != "equal")


def _json_lines(part: Mapping[str, Any]) -> list[str]:
    return json.dumps(part, indent=2, ensure_ascii=False).splitlines()


def _referred(part: Any) -> list[str]:
    """Return the names of the schemas that a part of a document refers to."""
    if isinstance(part, Mapping):
        own = [part["$ref"].rpartition("/")[2]] if "$ref" in part else []
        return [*own, *(name for each in part.values() for name in _referred(each))]
    return [name for each in part for name in _referred(each)] if isinstance(part, list) else []


def _app() -> Flask:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 (Flask's own way)
    return app


def _mark_keywords(line: str) -> Markup:
    marked = (
        Markup("<mark>{}</mark>").format(part) if i % 2 else escape(part)
        for i, part in enumerate(_KEYWORDS.split(line))
    )
    return Markup("").join(marked)
