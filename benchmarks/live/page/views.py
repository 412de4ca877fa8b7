"""The page's views: what a viewer sees and sends, and what the presenter starts and stops."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, Flask, Response, abort, current_app, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.sansio.response import Response as SansResponse
from werkzeug.wrappers import Response as AnyResponse

from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError, LabError, RefusedError
from benchmarks.foreign_json import ForeignJSONError, read_object
from benchmarks.live.page.access import (
    Access,
    check_same_origin,
    client,
    is_presenter,
    presenter_only,
    viewer_id,
    welcome,
)
from benchmarks.live.page.director import Director
from benchmarks.live.page.places import source_of
from benchmarks.measure import race
from benchmarks.model import Plan
from benchmarks.report.formats.html import palette_css
from benchmarks.report.words import arrangement_name, contender_name, keyword

ALWAYS: Final = ("/race/stop",)
"""Paths that are served during a trial too."""

_DIRECTOR: Final = "live-director"
_ACCESS: Final = "live-access"
_BLUEPRINT: Final = Blueprint("live", __name__)
# The report has a policy of its own in its page, which admits its style sheet by its hash and nothing else.
_REPORT_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"


def install(app: Flask, director: Director, access: Access) -> None:
    """Add the views to an app."""
    app.extensions |= {_DIRECTOR: director, _ACCESS: access}
    app.register_blueprint(_BLUEPRINT)
    app.register_error_handler(HTTPException, _problem)
    app.register_error_handler(RefusedError, _refusal)
    app.register_error_handler(InvalidValueError, _refusal)


def _director() -> Director:
    director: Director = current_app.extensions[_DIRECTOR]
    return director


@_BLUEPRINT.get("/")
async def page() -> str:
    """Show the page; a browser that is new gets an id."""
    director = _director()
    lineup = director.lineup
    return render_template(
        "page.html",
        presents=is_presenter(),
        groups=_groups(lineup),
        asked=director.guesses.asked,
        against=lineup.against and contender_name(lineup.against),
        waits=lineup.waits,
        request_line=lineup.request and f"{lineup.request.method} {lineup.request.path}",
        bounds=race,
        guess=director.guesses.by_viewer.get(welcome(), {}),
    )


@_BLUEPRINT.get("/events")
async def events() -> Response:
    """Stream the board; after a restart a browser requests only this again, and gets its new id here."""
    compressed = request.accept_encodings.quality("gzip") > 0
    parts = _director().board.follow(
        request.headers.get("Last-Event-ID"), compressed=compressed, viewer=welcome(), client=client()
    )
    # Flask's types do not know async bodies, which the bridge streams.
    response = Response(parts, mimetype="text/event-stream")  # type: ignore[arg-type]
    response.vary.add("Accept-Encoding")
    if compressed:
        response.headers["Content-Encoding"] = "gzip"
    return response


@_BLUEPRINT.post("/following")
async def following() -> tuple[str, int]:
    """Note that a viewer's page reads the board, proved by the id of an event."""
    if not _director().board.confirm(_viewer(), str(_fields().get("event"))):
        abort(409, "This is not an event of a stream that your browser has open.")
    _director().guesses.confirm(_viewer())
    _director().announce()
    return "", 204


@_BLUEPRINT.post("/guess")
async def guess() -> tuple[str, int]:
    """Take a viewer's guess."""
    viewer, director = _viewer(), _director()
    director.guesses.take(viewer, _fields(), source_of(client()[0]))
    if director.board.is_confirmed(viewer):
        director.guesses.confirm(viewer)
    director.announce()
    return "", 204


@_BLUEPRINT.post("/guesses/new")
@presenter_only
async def new_guesses() -> tuple[str, int]:
    """Clear the guesses and open them again."""
    await _director().ask_for_guesses()
    return "", 204


@_BLUEPRINT.post("/race")
@presenter_only
async def start_race() -> tuple[str, int]:
    """Start a race."""
    await _director().start(_plan(_fields()))
    return "", 204


@_BLUEPRINT.post("/race/stop")
@presenter_only
async def stop_race() -> tuple[str, int]:
    """Stop the race; what was measured is kept."""
    await _director().stop()
    return "", 204


@_BLUEPRINT.get("/report")
async def report() -> Response:
    """Show the whole report of the last race."""
    path = _director().report
    if path is None or not path.exists():
        abort(404, "There is no report: no race has finished.")
    response = Response(path.read_text(encoding="utf-8"))
    response.headers["Content-Security-Policy"] = _REPORT_POLICY
    return response


@_BLUEPRINT.get("/palette.css")
async def palette() -> Response:
    """Serve the report's colours: variables, and a class for each."""
    return Response(palette_css(), mimetype="text/css")


@_BLUEPRINT.get("/presenter/<link>")
async def presenter(link: str) -> str:
    """Ask whether this browser should present; opening the link does not use it up."""
    return render_template("presenter.html", link=link)


@_BLUEPRINT.post("/presenter/<link>")
async def become_presenter(link: str) -> AnyResponse:
    """Make this browser the presenter's."""
    check_same_origin()
    access: Access = current_app.extensions[_ACCESS]
    if not access.redeem(link):
        abort(403, "This link has been used. The terminal shows the next one.")
    return redirect(url_for("live.page"), 303)


def _viewer() -> str:
    check_same_origin()
    viewer = viewer_id()
    if viewer is None:
        abort(400, "Your browser sent no cookie of this page: allow cookies for it, reload the page, and guess again.")
    return viewer


def _plan(fields: Mapping[str, Any]) -> Plan:
    contenders = fields.get("contenders")
    if not isinstance(contenders, list) or not all(isinstance(contender, str) for contender in contenders):
        raise InvalidValueError("A race takes a list of contenders.")
    numbers: dict[str, Any] = {name: fields.get(name) for name in ("wait_ms", "connections", "rounds")}
    for name, value in numbers.items():
        if type(value) is not int:
            raise InvalidValueError(f"{name} must be a whole number.")
    return race.plan_race(contenders, seed=secrets.randbelow(2**32), lineup=_director().lineup, **numbers)


def _fields() -> Mapping[str, Any]:
    if not request.is_json:
        abort(415, "Send JSON.")
    try:
        return read_object(request.get_data())
    except ForeignJSONError as error:
        abort(400, f"The body cannot be read: {error}.")


def _groups(lineup: race.Lineup) -> list[dict[str, Any]]:
    """Return the contenders that can race, twins together, as the form shows them."""
    groups: dict[str, list[dict[str, Any]]] = {}
    first = [contender.id for contender in lineup.contenders[: race.MOST_CONTENDERS]]
    for contender in lineup.contenders:
        is_headline = contender.arrangement == catalogue.HEADLINES[0]
        groups.setdefault(contender.arrangement, []).append(
            {
                "id": contender.id,
                "keyword": keyword(contender.variant),
                "chosen": is_headline if lineup.against is None else contender.id in first,
            }
        )
    return [
        {"name": arrangement_name(arrangement), "framework": arrangement.partition("@")[0], "contenders": twins}
        for arrangement, twins in groups.items()
    ]


async def _problem(error: HTTPException) -> SansResponse:
    """Report what is wrong: as a page to a browser that opens one, as plain text to the page's own script."""
    if error.response is not None:
        return error.response
    # A browser that opens a page asks for HTML; the page's script does not.
    if request.method == "GET" and request.accept_mimetypes.quality("text/html") == 1:
        return Response(render_template("problem.html", error=error), error.code)
    return Response(str(error.description), error.code, mimetype="text/plain")


async def _refusal(error: LabError) -> Response:
    return Response(str(error), 409 if isinstance(error, RefusedError) else 422, mimetype="text/plain")
