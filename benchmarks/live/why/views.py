"""The pages that show why: anybody may look, only the presenter can start a recording."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, current_app, render_template, request
from markupsafe import Markup, escape

from benchmarks.contenders.catalogue import HEADLINES
from benchmarks.foreign_json import decode, read_object
from benchmarks.live import words
from benchmarks.live.drawing import chrome_trace
from benchmarks.live.page.access import is_presenter, presenter_only
from benchmarks.live.program_recordings import ProgramRecording
from benchmarks.live.why import twins
from benchmarks.live.why.shelf import CONTENDERS, REQUESTS, SHIPPED, WAITS_MS, Shelf, twin_of
from benchmarks.live.why.steps import steps_document
from benchmarks.model import Contender
from benchmarks.report.words import arrangement_name, contender_name, framework_name, keyword

PAGES: Final = Blueprint("why", __name__, url_prefix="/why", template_folder="templates", static_folder="static")
NAVIGATION: Final[tuple[tuple[str, str], ...]] = (
    ("why.timeline", "Where time goes"),
    ("why.loop", "The loop, step by step"),
    ("why.keywords", "Two keywords"),
)
"""Endpoint and words of each page, for the app's navigation bar."""

SHELF: Final = "live-shelf"
"""Which of an app's extensions has the bursts on show."""

_TURN: Final = "kernel.select("
"""What the loop calls once a turn."""

_USUAL: Final = {arrangement.partition("@")[0]: arrangement for arrangement in HEADLINES}
"""Which arrangement of a framework is shown first."""

_FIRST: Final = next(each.id for each in CONTENDERS if each.arrangement == HEADLINES[0] and each.variant == "async")

_KEYWORDS: Final = re.compile(r"(^\s*(?:async )?def(?= )|\bawait(?= ))")

for _word in (
    *(words.describe_cost, words.describe_extra, words.describe_findings, words.describe_limits),
    *(words.describe_request, words.describe_span),
    *(twins.describe_states, twins.read_view, arrangement_name, contender_name, keyword),
):
    PAGES.add_app_template_global(_word)
PAGES.add_app_template_filter(words.milliseconds)


@PAGES.get("/")
def timeline() -> str:
    """Show one contender's burst, and beside it its twin's or another's."""
    wait_ms = _wait_asked()
    shelf = _shelf()
    chosen = _contender_asked("contender", next(iter(shelf.others), _FIRST))
    beside = request.args.get("beside", "")
    others = [] if beside == "none" else [_contender_asked("beside", beside or _beside(chosen))]
    shown = [_shown(each, wait_ms) for each in dict.fromkeys((chosen, *others))]
    return render_template(
        "why/timeline.html",
        **_waits(wait_ms),
        shown=shown,
        headlines=[_headline(each) for each in shown if each["recording"] is not None],
        code={each.id: _code_path(each, wait_ms) for each in (chosen, *others)},
        chosen=chosen.id,
        beside=beside,
        contenders={each: contender_name(each) for each in shelf.contenders},
        requests=REQUESTS,
        is_presenter=is_presenter(),
    )


@PAGES.get("/loop")
def loop() -> str:
    """Show the tiny loop and the tiny threads, for a script to step through."""
    of_loop, of_threads = _programs()
    turn_line = next(place for place, line in enumerate(of_loop.source, start=1) if _TURN in line)
    return render_template("why/loop.html", loop=of_loop, threads=of_threads, turn_line=turn_line)


@PAGES.get("/loop/steps.json")
def steps() -> Response:
    """Send the steps of both."""
    response = Response(_steps(), mimetype="application/json")
    response.add_etag()
    response.make_conditional(request)
    return response


@PAGES.get("/keywords")
def keywords() -> str:
    """Show the twins' source for both frameworks, each over its burst."""
    wait_ms = _wait_asked()
    pairs = []
    for framework, usual in _USUAL.items():
        arrangement = request.args.get(framework, usual)
        of_framework = [each for each in CONTENDERS if each.framework == framework]
        pair = [each for each in of_framework if each.arrangement == arrangement]
        if not pair:
            abort(404, f"No arrangement of {framework_name(framework)} is called {arrangement!r}.")
        shown = [{**_shown(each, wait_ms), **_source_of(each, wait_ms)} for each in pair]
        pairs.append(
            {
                "framework": framework,
                "name": framework_name(framework),
                "arrangement": arrangement,
                "arrangements": sorted({each.arrangement for each in of_framework}),
                "shown": shown,
                "headlines": [_headline(each) for each in shown],
            }
        )
    return render_template("why/keywords.html", **_waits(wait_ms), pairs=pairs, calling=twins.CALLING)


def ways(shelf: Shelf, above: str, below: str, wait_ms: float) -> list[tuple[str, str]]:
    """Return words and address of each page that shows why two contenders of a race differ.

    Args:
        shelf: The bursts on show.
        above: Id of the contender that is compared with the other.
        below: Id of the other.
        wait_ms: What the views waited for, milliseconds: the bursts on show that are most like the race.
    """
    shown = max(WAITS_MS) if wait_ms else min(WAITS_MS)
    if not {above, below} <= shelf.contenders.keys():
        return []
    code = _code_path(shelf.contenders[above], shown)
    return [("their timelines", _timeline_path(above, below, shown)), *([("the line", code)] if code else [])]


def _timeline_path(contender: str, beside: str, wait_ms: int) -> str:
    query = urlencode({"contender": contender, "beside": beside, "wait": wait_ms})
    return f"{PAGES.url_prefix}/?{query}"


def _code_path(contender: Contender, wait_ms: int) -> str | None:
    """Return where the line is shown that decides how a view is called; ``None`` for somebody's app."""
    if contender not in CONTENDERS:
        return None
    query = urlencode({contender.framework: contender.arrangement, "wait": wait_ms})
    return f"{PAGES.url_prefix}/keywords?{query}#{_line_id(contender)}"


def _line_id(contender: Contender) -> str:
    return f"keyword-{_as_id(contender.id)}"


@PAGES.get("/trace/<contender>/<int:wait_ms>.json")
def trace(contender: str, wait_ms: int) -> Response:
    """Send a burst as a Chrome trace, to be saved."""
    recording = _shelf().recordings.get((contender, wait_ms))
    if recording is None:
        abort(404, f"There is no burst of {contender!r} that waits {wait_ms} ms.")
    response = Response(json.dumps(chrome_trace(recording.timeline)), mimetype="application/json")
    response.headers.set("Content-Disposition", "attachment", filename=f"{contender}-{wait_ms}ms.trace.json")
    return response


@PAGES.post("/record")
@presenter_only
async def record() -> Response:
    """Record a burst on this machine now, and show it from then on."""
    shelf = _shelf()
    contender = shelf.contenders.get(request.form.get("contender", ""))
    wait_ms = request.form.get("wait_ms", type=int)
    if contender is None or wait_ms not in WAITS_MS:
        abort(400, "Choose a contender and a wait that the page offers.")
    await shelf.record(contender, wait_ms)
    return Response(f"Recorded: {contender.id}.", mimetype="text/plain")


@PAGES.app_template_filter()
def mark_keywords(line: str) -> Markup:
    """Mark the keywords that make a line wait, or a function able to."""
    marked = (
        Markup("<mark>{}</mark>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(_KEYWORDS.split(line))
    )
    return Markup("").join(marked)


def _shelf() -> Shelf:
    shelf: Shelf = current_app.extensions[SHELF]
    return shelf


@functools.cache
def _programs() -> tuple[ProgramRecording, ProgramRecording]:
    of_loop, of_threads = (
        decode(ProgramRecording, read_object(SHIPPED.with_name(name).read_bytes()))
        for name in ("loop.json", "threads.json")
    )
    return of_loop, of_threads


@functools.cache
def _steps() -> str:
    return json.dumps(steps_document(*_programs()), separators=(",", ":"))


def _shown(contender: Contender, wait_ms: int) -> dict[str, Any]:
    recordings = _shelf().recordings
    return {
        "id": _as_id(f"{contender.id}-{wait_ms}"),
        "contender": contender,
        "recording": recordings.get((contender.id, wait_ms)),
        "is_shipped": (contender.id, wait_ms) not in recordings.maps[0],
    }


def _source_of(contender: Contender, wait_ms: int) -> dict[str, Any]:
    return {
        "view": twins.view_of(contender, waits=wait_ms > 0),
        "line_id": _line_id(contender),
        "timeline": _timeline_path(contender.id, twin_of(contender).id, wait_ms),
    }


def _as_id(text: str) -> str:
    return re.sub(r"\W", "-", text)


def _headline(shown: Mapping[str, Any]) -> str:
    """Return what the spans of a burst show about its keyword: how many threads and loops it takes."""
    contender, found = shown["contender"], words.describe_threads(shown["recording"].timeline)
    if contender.arrangement in HEADLINES:
        return f"{keyword(contender.variant)} on {framework_name(contender.framework)} {found}"
    return f"{contender_name(contender.id)}: {found}"


def _beside(chosen: Contender) -> str:
    """Return the id of what is shown beside a contender by default: its twin, or another of somebody's apps."""
    others = _shelf().others
    if chosen.id not in others:
        return twin_of(chosen).id
    return next((each for each in others if each != chosen.id), chosen.id)


def _waits(wait_ms: int) -> dict[str, Any]:
    return {"wait_ms": wait_ms, "waits_ms": WAITS_MS, "meanings": words.MEANINGS}


def _wait_asked() -> int:
    wait_ms = request.args.get("wait", WAITS_MS[0], type=int)
    if wait_ms not in WAITS_MS:
        abort(404, f"Bursts on show wait {' or '.join(map(str, WAITS_MS))} ms.")
    return wait_ms


def _contender_asked(name: str, usual: str) -> Contender:
    asked = request.args.get(name) or usual
    contenders = _shelf().contenders
    if asked not in contenders:
        abort(404, f"No contender that has a view is called {asked!r}; `lab contenders` lists them.")
    return contenders[asked]
