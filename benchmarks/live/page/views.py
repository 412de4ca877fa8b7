"""Makes the workshop page: what a viewer sees and sends, and what the presenter starts and stops."""

from __future__ import annotations

import contextlib
import functools
import secrets
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, Flask, Response, abort, current_app, redirect, render_template, request, url_for
from segno import QRCode
from werkzeug.exceptions import HTTPException
from werkzeug.sansio.response import Response as SansResponse
from werkzeug.wrappers import Response as AnyResponse

from benchmarks.contenders import catalogue, installed
from benchmarks.errors import InvalidValueError, LabError, RefusedError
from benchmarks.foreign_json import ForeignJSONError, read_object
from benchmarks.judge.claims import Claim
from benchmarks.live.page import access
from benchmarks.live.page.access import Access, presenter_only
from benchmarks.live.page.director import Director
from benchmarks.live.page.gate import Gate
from benchmarks.live.page.listener import Connections
from benchmarks.live.page.places import source_of
from benchmarks.live.page.rendering import Renderer
from benchmarks.live.why import views as why
from benchmarks.live.why.shelf import WAITS_MS, Shelf, record_lineup
from benchmarks.measure import race
from benchmarks.measure.race import OWN, Lineup
from benchmarks.model import Contender, Plan
from benchmarks.report.formats.html import palette_css, script_hash, spans_css
from benchmarks.report.words import arrangement_name, contender_name, keyword

NAVIGATION: Final = (("live.page", "Predict and race"), *why.NAVIGATION)
"""Links of the bar above every page: the endpoint, and its words."""

DIRECTOR: Final = "live-director"
"""Which of an app's extensions is the director."""

_ACCESS: Final = "live-access"
_PAGES: Final = Blueprint("live", __name__)
_STOP: Final = "/race/stop"
_MOST_BODY_BYTES: Final = 4096
_USUAL: Final = {"wait_ms": 0, "connections": race.CONNECTIONS, "rounds": race.ROUNDS}
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    # With no-referrer a browser also hides the origin of a form, by which foreign forms are recognized.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# The report has a policy of its own in its page, which admits its style sheet and script by their hashes and no other.
_REPORT_POLICY: Final = (
    f"default-src 'none'; script-src '{script_hash()}'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'none'"
)


def create_page(  # noqa: PLR0917 (what a page is made of)
    admission: Access,
    out: Path,
    claims: Sequence[Claim],
    connections: Connections,
    url: str,
    code: QRCode | None,
    lineup: Lineup = OWN,
) -> tuple[Flask, Gate]:
    """Make the page.

    Args:
        admission: Who may do what.
        out: Folder in which races are kept, and from which the last one is shown again.
        claims: The ledger that races are judged by.
        connections: Those that it is served on.
        url: Under which a class reaches it.
        code: That URL as a QR code, to be shown on the page.
        lineup: Who can race.
    Returns:
        The app, whose director works during its lifespan, and the gate that it is to be served behind.
    """
    app = Flask("benchmarks.live.page", static_folder="static", template_folder="templates")
    app.config.from_mapping(access.SESSION, MAX_CONTENT_LENGTH=_MOST_BODY_BYTES)
    app.secret_key = secrets.token_bytes(32)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    qr_svg = code and code.svg_inline(scale=6, border=2, omitsize=True, svgclass=None, lineclass=None)
    app.jinja_env.globals |= {"navigation": NAVIGATION, "class_url": url, "qr_svg": qr_svg}
    app.jinja_env.globals["may_present"] = access.is_presenter
    gate = Gate(always=[_STOP])
    others = lineup.contenders if lineup.request else ()
    shelf = Shelf(others=others, record_others=functools.partial(record_lineup, lineup))
    renderer = Renderer(app.jinja_env, claims, functools.partial(why.ways, shelf))
    director = Director(out=out, claims=claims, renderer=renderer, gate=gate, connections=connections, lineup=lineup)
    # What the form shows at first; somebody's apps may lack something, which is said when they are raced.
    with contextlib.suppress(InvalidValueError):
        director.plan = _plan({"contenders": [each.id for each in _usual(lineup)], **_USUAL}, lineup)
    app.extensions |= {DIRECTOR: director, _ACCESS: admission, why.SHELF: shelf}
    app.before_request(admission.check_host)
    app.register_blueprint(_PAGES)
    app.register_blueprint(why.PAGES)
    return app, gate


@_PAGES.after_app_request
async def _harden(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    response.headers.update(_HEADERS)
    if not (request.endpoint or "").endswith(("static", "steps")):
        response.headers["Cache-Control"] = "no-store"
    return response


@_PAGES.app_errorhandler(HTTPException)
async def _problem(error: HTTPException) -> SansResponse:
    """Report what is wrong: as a page to a browser that opens one, as plain text to the page's own script."""
    if error.response is not None:
        return error.response
    # A browser that opens a page asks for HTML; the page's script does not.
    if request.method == "GET" and request.accept_mimetypes.quality("text/html") == 1:
        return Response(render_template("problem.html", error=error), error.code)
    return Response(str(error.description), error.code, mimetype="text/plain")


@_PAGES.app_errorhandler(LabError)
async def _refusal(error: LabError) -> Response:
    status = 409 if isinstance(error, RefusedError) else 422 if isinstance(error, InvalidValueError) else 502
    return Response(str(error), status, mimetype="text/plain")


def _director() -> Director:
    director: Director = current_app.extensions[DIRECTOR]
    return director


def _asked(director: Director) -> dict[str, Any]:
    """Return what the class is asked, for a template."""
    lineup = director.lineup
    return {
        "asked": director.guesses.asked,
        "against": lineup.against and contender_name(lineup.against),
        "request_line": lineup.request and f"{lineup.request.method} {lineup.request.path}",
    }


@_PAGES.get("/")
async def page() -> str:
    """Show the viewers' page; a browser that is new gets an id."""
    director = _director()
    return render_template("page.html", **_asked(director), guess=director.guesses.by_viewer.get(access.welcome(), {}))


@_PAGES.get("/stage")
async def stage() -> str:
    """Show the projector's stage, on which only a presenter's keys do anything."""
    director = _director()
    access.welcome()
    return render_template("stage.html", **_asked(director), scene=director.place.scene)


@_PAGES.get("/stage/why/<int:part>")
async def why_scene(part: int) -> str:
    """Show why one comparison of the last race came out as it did, as a part of the stage."""
    director, shelf = _director(), current_app.extensions[why.SHELF]
    run, pairs = director.raced, director.pairs
    if run is None or part >= len(pairs):
        abort(404, "The last race has no such comparison.")
    pair = pairs[part]
    # Of the bursts that are recorded, those that are most like the race.
    wait_ms = max(WAITS_MS) if run.plan.workloads[0].wait_ms else min(WAITS_MS)
    recordings = {
        each: shelf.recordings[each, wait_ms]
        for each in (pair.above, pair.below)
        if (each, wait_ms) in shelf.recordings
    }
    return director.renderer.why(run.plan, pair, recordings)


@_PAGES.post("/stage")
@presenter_only
async def step() -> tuple[str, int]:
    """Move the stage, and do what belongs to that."""
    fields = _fields()
    await _director().step(str(fields.get("direction")), str(fields.get("place")))
    return "", 204


@_PAGES.get("/console")
async def console() -> str:
    """Show the presenter's console."""
    director = _director()
    if not access.is_presenter():
        abort(403, "Only the presenter has a console: open the link that the terminal shows.")
    access.welcome()
    return render_template(
        "console.html", **_form(director), waits=director.lineup.waits, bounds=race, chosen=_dials(director.plan)
    )


@_PAGES.get("/events")
async def events() -> Response:
    """Stream the board; after a restart a browser requests only this again, and gets its new id here."""
    compressed = request.accept_encodings.quality("gzip") > 0
    parts = _director().board.follow(
        request.headers.get("Last-Event-ID"), compressed=compressed, viewer=access.welcome(), client=access.client()
    )
    # Flask's types do not know async bodies, which the bridge streams.
    response = Response(parts, mimetype="text/event-stream")  # type: ignore[arg-type]
    response.vary.add("Accept-Encoding")
    if compressed:
        response.headers["Content-Encoding"] = "gzip"
    return response


@_PAGES.post("/following")
async def following() -> tuple[str, int]:
    """Note that a viewer's page reads the board, proved by the id of an event."""
    viewer, director = access.viewer(), _director()
    if not director.board.confirm(viewer, str(_fields().get("event"))):
        abort(409, "This is not an event of a stream that your browser has open.")
    director.guesses.confirm(viewer)
    director.announce()
    return "", 204


@_PAGES.post("/guess")
async def guess() -> tuple[str, int]:
    """Take a viewer's guess."""
    viewer, director = access.viewer(), _director()
    director.guesses.take(viewer, _fields(), source_of(access.client()[0]))
    if director.board.is_confirmed(viewer):
        director.guesses.confirm(viewer)
    director.announce()
    return "", 204


@_PAGES.post("/guesses/new")
@presenter_only
async def new_guesses() -> tuple[str, int]:
    """Clear the guesses and open them again."""
    await _director().ask_for_guesses()
    return "", 204


@_PAGES.post("/race")
@presenter_only
async def start_race() -> tuple[str, int]:
    """Start a race."""
    director = _director()
    await director.start(_plan(_fields(), director.lineup))
    return "", 204


@_PAGES.post("/lineup")
@presenter_only
async def choose_race() -> tuple[str, int]:
    """Choose what a step of the stage will start."""
    director = _director()
    await director.choose(_plan(_fields(), director.lineup))
    return "", 204


@_PAGES.post(_STOP)
@presenter_only
async def stop_race() -> tuple[str, int]:
    """Stop the race; what was measured is kept."""
    await _director().stop()
    return "", 204


@_PAGES.get("/report")
async def report() -> Response:
    """Show the whole report of the last race."""
    path = _director().report
    if path is None or not path.exists():
        abort(404, "There is no report: no race has finished.")
    return Response(path.read_text(encoding="utf-8"), headers={"Content-Security-Policy": _REPORT_POLICY})


@_PAGES.get("/palette.css")
async def palette() -> Response:
    """Serve the report's colours and those of timelines: variables, and a class for each."""
    return Response(palette_css() + spans_css(), mimetype="text/css")


@_PAGES.get("/presenter/<link>")
async def presenter(link: str) -> str:
    """Ask whether this browser should present; opening the link does not use it up."""
    return render_template("presenter.html", link=link)


@_PAGES.post("/presenter/<link>")
async def become_presenter(link: str) -> AnyResponse:
    """Make this browser the presenter's."""
    admission: Access = current_app.extensions[_ACCESS]
    admission.redeem(link)
    return redirect(url_for("live.console"), 303)


def _plan(fields: Mapping[str, Any], lineup: Lineup) -> Plan:
    contenders = fields.get("contenders")
    if not isinstance(contenders, list) or not all(isinstance(contender, str) for contender in contenders):
        raise InvalidValueError("A race takes a list of contenders.")
    numbers: dict[str, Any] = {name: fields.get(name) for name in ("wait_ms", "connections", "rounds")}
    for name, value in numbers.items():
        if type(value) is not int:
            raise InvalidValueError(f"{name} must be a whole number.")
    return race.plan_race(contenders, seed=secrets.randbelow(2**32), lineup=lineup, **numbers)


def _fields() -> Mapping[str, Any]:
    if not request.is_json:
        abort(415, "Send JSON.")
    try:
        return read_object(request.get_data())
    except ForeignJSONError as error:
        abort(400, f"The body cannot be read: {error}.")


def _groups(contenders: Sequence[Contender], chosen: Collection[Contender]) -> list[dict[str, Any]]:
    """Return contenders that can race, twins together, as the form shows them."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for contender in contenders:
        twin = {"id": contender.id, "keyword": keyword(contender.variant), "chosen": contender in chosen}
        groups.setdefault(contender.arrangement, []).append(twin)
    return [
        {"name": arrangement_name(arrangement), "framework": arrangement.partition("@")[0], "contenders": twins}
        for arrangement, twins in groups.items()
    ]


def _usual(lineup: Lineup) -> Sequence[Contender]:
    """Return what races unless the presenter chooses: twins of the first headline, or the first of somebody's apps."""
    usual = _shown_first(lineup)
    if lineup.against is not None:
        return usual[: race.MOST_CONTENDERS]
    twins = [each for each in usual if each.arrangement == catalogue.HEADLINES[0]]
    return twins or usual[: race.FEWEST_CONTENDERS]


def _shown_first(lineup: Lineup) -> Sequence[Contender]:
    return catalogue.WORKSHOP if lineup is OWN else lineup.contenders


def _dials(plan: Plan | None) -> dict[str, int]:
    """Return how hard the next race is asked, as the form says it."""
    if plan is None:
        return dict(_USUAL)
    (workload,) = plan.workloads
    loads = {"connections": plan.loads[workload.name].vus, "rounds": max(plan.rounds.values())}
    return {"wait_ms": round(workload.wait_ms), **loads}


def _form(director: Director) -> dict[str, Any]:
    """Return what a presenter can choose from: the usual contenders, and the rest of the field in a part of its own."""
    lineup, first = director.lineup, _shown_first(director.lineup)
    field = [each for each in lineup.contenders if each not in first]
    chosen = _usual(lineup) if director.plan is None else director.plan.contenders
    lacking = {each.id: packages for each in field if (packages := installed.lacking(each))}
    return {
        "groups": _groups(first, chosen),
        "field": _groups([each for each in field if each.id not in lacking], chosen),
        "absent": sorted({package for packages in lacking.values() for package in packages}),
    }
