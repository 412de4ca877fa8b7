"""The page's views: what a viewer looks at and says, and what the presenter starts and stops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, Flask, Response, abort, current_app, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.sansio.response import Response as SansResponse
from werkzeug.wrappers import Response as AnyResponse

from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError, RefusedError
from benchmarks.foreign_json import ForeignJSONError, read_object
from benchmarks.live.page.access import (
    access,
    check_same_origin,
    client,
    is_presenter,
    presenter_only,
    viewer_id,
    welcome,
)
from benchmarks.live.page.director import Director
from benchmarks.live.page.doors import PageSettings
from benchmarks.live.page.guesses import FRAMEWORKS
from benchmarks.live.page.places import source_of
from benchmarks.live.page.racer import RaceOrder
from benchmarks.measure import race
from benchmarks.report.formats.html import palette_css
from benchmarks.report.naming import arrangement_name, framework_name, keyword

ALWAYS: Final = ("/race/stop",)
"""Paths that are served also while a trial is under way."""

_EXTENSION: Final = "live-director"
_BLUEPRINT: Final = Blueprint("live", __name__)
# The report's own policy, in the page itself, admits its style sheet by its hash and nothing else.
_REPORT_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"


def install(app: Flask, director: Director, settings: PageSettings) -> None:
    """Add the views to an app."""
    app.extensions[_EXTENSION] = (director, settings)
    app.register_blueprint(_BLUEPRINT)
    app.register_error_handler(HTTPException, _problem)


def _director() -> Director:
    director: Director = current_app.extensions[_EXTENSION][0]
    return director


def _settings() -> PageSettings:
    settings: PageSettings = current_app.extensions[_EXTENSION][1]
    return settings


@_BLUEPRINT.get("/")
async def page() -> str:
    """Show the page; a browser that is new gets an id."""
    return render_template(
        "page.html",
        presents=is_presenter(),
        groups=_groups(),
        frameworks={framework: framework_name(framework) for framework in FRAMEWORKS},
        bounds=race,
        settings=_settings(),
        guess=_director().guesses.by_viewer.get(welcome(), {}),
    )


@_BLUEPRINT.get("/events")
async def events() -> Response:
    """Stream the board; after a restart a browser comes back here alone, and gets its new id."""
    compressed = request.accept_encodings.quality("gzip") > 0
    parts = _director().board.follow(
        request.headers.get("Last-Event-ID"), compressed=compressed, viewer=welcome(), client=client()
    )
    # Flask's types know no async body, which the bridge sends as it comes.
    response = Response(parts, mimetype="text/event-stream")  # type: ignore[arg-type]
    response.vary.add("Accept-Encoding")
    if compressed:
        response.headers["Content-Encoding"] = "gzip"
    return response


@_BLUEPRINT.post("/following")
async def following() -> tuple[str, int]:
    """Note that a viewer's page reads the board, as it shows by an id that stood there."""
    if not _director().board.confirm(_viewer(), str(_fields().get("event"))):
        abort(409, "That is no event of a stream that your browser has open.")
    _director().guesses.confirm(_viewer())
    _director().announce()
    return "", 204


@_BLUEPRINT.post("/guess")
async def guess() -> tuple[str, int]:
    """Take a viewer's guess."""
    viewer, director = _viewer(), _director()
    try:
        director.guesses.take(viewer, _fields(), source_of(client()[0]))
    except InvalidValueError as error:
        abort(409 if not director.guesses.is_open else 422, str(error))
    if director.board.is_confirmed(viewer):
        director.guesses.confirm(viewer)
    director.announce()
    return "", 204


@_BLUEPRINT.post("/guesses/new")
@presenter_only
async def new_guesses() -> tuple[str, int]:
    """Forget the guesses and take new ones."""
    try:
        await _director().ask_for_guesses()
    except RefusedError as error:
        abort(409, str(error))
    return "", 204


@_BLUEPRINT.post("/race")
@presenter_only
async def start_race() -> tuple[str, int]:
    """Start a race."""
    try:
        await _director().start(_choice(_fields()))
    except RefusedError as error:
        abort(409, str(error))
    except InvalidValueError as error:
        abort(422, str(error))
    return "", 204


@_BLUEPRINT.post("/race/stop")
@presenter_only
async def stop_race() -> tuple[str, int]:
    """Stop the race; what was measured is kept."""
    try:
        await _director().stop()
    except RefusedError as error:
        abort(409, str(error))
    return "", 204


@_BLUEPRINT.get("/report")
async def report() -> Response:
    """Show the whole report of the last race."""
    path = _director().report
    if path is None or not path.exists():
        abort(404, "There is no report: no race is over yet.")
    response = Response(path.read_text(encoding="utf-8"))
    response.headers["Content-Security-Policy"] = _REPORT_POLICY
    return response


@_BLUEPRINT.get("/palette.css")
async def palette() -> Response:
    """Give the report's colours to the page: variables, and a class for each."""
    return Response(palette_css(), mimetype="text/css")


@_BLUEPRINT.get("/presenter/<link>")
async def presenter(link: str) -> str:
    """Ask whether this browser shall present; the link is worth something until it is pressed, and then no more."""
    return render_template("presenter.html", link=link)


@_BLUEPRINT.post("/presenter/<link>")
async def become_presenter(link: str) -> AnyResponse:
    """Make this browser the presenter's."""
    check_same_origin()
    if not access().redeem(link):
        abort(403, "This link has been used. The terminal shows the next one.")
    current_app.extensions["live-on-presenter"]()
    return redirect(url_for("live.page"), 303)


def _viewer() -> str:
    check_same_origin()
    viewer = viewer_id()
    if viewer is None:
        abort(400, "Your browser sent no cookie of ours: allow cookies for this page, load it again, and guess again.")
    return viewer


def _choice(fields: Mapping[str, Any]) -> RaceOrder:
    contenders = fields.get("contenders")
    if not isinstance(contenders, list) or not all(isinstance(contender, str) for contender in contenders):
        raise InvalidValueError("A race takes a list of contenders.")
    numbers = {}
    for name in ("wait_ms", "connections", "rounds"):
        value = fields.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise InvalidValueError(f"{name} must be a whole number.")
        numbers[name] = value
    return RaceOrder(
        contenders=tuple(contenders),
        wait_ms=numbers["wait_ms"],
        connections=numbers["connections"],
        rounds=numbers["rounds"],
    )


def _fields() -> Mapping[str, Any]:
    if not request.is_json:
        abort(415, "What is sent here is JSON.")
    try:
        return read_object(request.get_data())
    except ForeignJSONError as error:
        abort(400, f"That cannot be read: {error}.")


def _groups() -> list[dict[str, Any]]:
    """Return the contenders that can race, twins together, as the form shows them."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for contender in catalogue.CONTENDERS:
        if contender.variant is not None:
            groups.setdefault(contender.arrangement, []).append(
                {
                    "id": contender.id,
                    "keyword": keyword(contender.variant),
                    "chosen": contender.arrangement == catalogue.HEADLINES[0],
                }
            )
    return [
        {"name": arrangement_name(arrangement), "framework": arrangement.partition("@")[0], "contenders": twins}
        for arrangement, twins in groups.items()
    ]


async def _problem(error: HTTPException) -> SansResponse:
    """Say what is wrong: on a page to who opens one, in a word to the page's own script."""
    if error.response is not None:
        return error.response
    # A browser that opens a page names it; the page's script does not.
    if request.method == "GET" and request.accept_mimetypes.quality("text/html") == 1:
        return Response(render_template("problem.html", error=error), error.code)
    return Response(str(error.description), error.code, mimetype="text/plain")
