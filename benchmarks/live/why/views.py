"""The pages that show why, as one Flask blueprint: anybody may look, only the presenter can have something recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, Response, abort, render_template, request, url_for
from markupsafe import Markup, escape

from benchmarks.contenders.catalogue import HEADLINES
from benchmarks.errors import LabError, RefusedError
from benchmarks.foreign_json import read_object
from benchmarks.live.chrome_trace import chrome_trace
from benchmarks.live.program_recordings import LoopRecording, ThreadsRecording
from benchmarks.live.timeline import Timeline
from benchmarks.live.why import twins
from benchmarks.live.why.chart import Chart, lay_out
from benchmarks.live.why.record_here import record_here
from benchmarks.live.why.shelf import CONTENDERS, SHIPPED, WAITS_MS, Exhibit, Shelf, twin_of
from benchmarks.live.why.steps import steps_document
from benchmarks.model import Contender, Variant
from benchmarks.report.naming import arrangement_name, framework_name, keyword

NAVIGATION: Final[tuple[tuple[str, str], ...]] = (
    ("why.timeline", "Where time goes"),
    ("why.loop", "The loop, step by step"),
    ("why.keywords", "Two keywords"),
)
"""Endpoint and words of each page, for the app's bar."""

AsyncView = Callable[..., Awaitable[Any]]
Record = Callable[[Contender, int], Awaitable[Exhibit]]

_TURN: Final = "kernel.select("
"""What the loop does once a turn."""

_USUAL: Final = {arrangement.partition("@")[0]: arrangement for arrangement in HEADLINES}
"""Which arrangement of a framework is shown first."""

_VARIANTS: Final[tuple[Variant, Variant]] = ("sync", "async")
_KEYWORDS: Final = re.compile(r"(^\s*(?:async )?def(?= )|\bawait(?= ))")


def blueprint(
    *,
    presenter_only: Callable[[AsyncView], AsyncView],
    is_presenter: Callable[[], bool],
    shelf: Shelf | None = None,
    record: Record = record_here,
) -> Blueprint:
    """Make the pages for an app; its own ``layout.html`` is around them.

    Args:
        presenter_only: Decorates the async view that records: it lets only the presenter in.
        is_presenter: Whether the request at hand is the presenter's, who is shown the button for it.
        shelf: What is on show; what comes with the lab unless told.
        record: Records a contender's burst that waits so many milliseconds.
    """
    pages = _Pages(Shelf.shipped() if shelf is None else shelf, is_presenter, record)
    made = Blueprint("why", __name__, url_prefix="/why", template_folder="templates", static_folder="static")
    made.add_url_rule("/", "timeline", pages.timeline)
    made.add_url_rule("/loop", "loop", pages.loop)
    made.add_url_rule("/loop/steps.json", "steps", pages.steps)
    made.add_url_rule("/keywords", "keywords", pages.keywords)
    made.add_url_rule("/trace/<contender>/<int:wait_ms>.json", "trace", pages.trace)
    made.add_url_rule("/record", "record", presenter_only(pages.record), methods=["POST"])
    made.add_app_template_filter(_mark_keywords, "mark_keywords")
    return made


class _Pages:
    """The views, and what they show."""

    def __init__(self, shelf: Shelf, is_presenter: Callable[[], bool], record: Record) -> None:
        self._shelf = shelf
        self._is_presenter = is_presenter
        self._record = record
        self._loop = LoopRecording.from_json(_shipped("loop.json"))
        self._threads = ThreadsRecording.from_json(_shipped("threads.json"))
        self._steps = json.dumps(steps_document(self._loop, self._threads), separators=(",", ":"))
        self._is_recording = False

    def timeline(self) -> str:
        """Show one contender's burst, and another beside it, its twin unless told."""
        wait_ms = _wait_asked()
        chosen = _contender_asked("contender", _first())
        beside = request.args.get("beside")
        others = [] if beside == "none" else [twin_of(chosen) if not beside else _contender_asked("beside", beside)]
        shown = [self._show(each, wait_ms) for each in dict.fromkeys((chosen, *others))]
        return render_template(
            "why/timeline.html",
            shown=shown,
            end_ns=max(each["chart"].end_ns for each in shown),
            wait_ms=wait_ms,
            chosen=chosen.id,
            beside=beside or "",
            **self._common(),
        )

    def loop(self) -> str:
        """Show the little loop and the little threads, for a script to step through."""
        turn_line = next(place for place, line in enumerate(self._loop.source, start=1) if _TURN in line)
        return render_template("why/loop.html", loop=self._loop, threads=self._threads, turn_line=turn_line)

    def steps(self) -> Response:
        """Send the steps of both."""
        response = Response(self._steps, mimetype="application/json")
        response.add_etag()
        response.make_conditional(request)
        return response

    def keywords(self) -> str:
        """Show the twins' source for both frameworks, each over its burst."""
        wait_ms = _wait_asked()
        try:
            sources = twins.sources()
        except OSError:
            sources = {}
        pairs = []
        for framework, usual in _USUAL.items():
            arrangement = request.args.get(framework, usual)
            pair = [each for each in CONTENDERS if (each.framework, each.arrangement) == (framework, arrangement)]
            if len(pair) != len(_VARIANTS):
                abort(404, f"No arrangement of {framework_name(framework)} is called {arrangement!r}.")
            shown = [
                {**self._show(each, wait_ms), "source": sources.get((framework, each.variant or "sync", wait_ms > 0))}
                for each in pair
            ]
            pairs.append(
                {
                    "framework": framework,
                    "name": framework_name(framework),
                    "arrangement": arrangement,
                    "arrangements": sorted({each.arrangement for each in CONTENDERS if each.framework == framework}),
                    "shown": shown,
                    "end_ns": max(each["chart"].end_ns for each in shown),
                }
            )
        return render_template(
            "why/keywords.html", pairs=pairs, wait_ms=wait_ms, tell_states=twins.tell_states, **self._common()
        )

    def trace(self, contender: str, wait_ms: int) -> Response:
        """Send a burst as a Chrome trace, to keep."""
        exhibit = self._shelf.get(contender, wait_ms)
        if exhibit is None:
            abort(404, f"There is no burst of {contender!r} that waits {wait_ms} ms.")
        response = Response(json.dumps(chrome_trace(exhibit.recording.timeline)), mimetype="application/json")
        response.headers.set("Content-Disposition", "attachment", filename=f"{contender}-{wait_ms}ms.trace.json")
        return response

    async def record(self) -> Response:
        """Record a burst on this machine, now, and show it from then on."""
        contender = _find(request.form.get("contender", ""))
        wait_ms = request.form.get("wait_ms", type=int)
        if contender is None or wait_ms not in WAITS_MS:
            return _said("Choose a contender and a wait that the page offers.", 400)
        if self._is_recording:
            return _said("Something is being recorded already; it takes a few seconds.", 409)
        self._is_recording = True
        try:
            self._shelf.put(await self._record(contender, wait_ms))
        except RefusedError as error:
            return _said(str(error), 409)
        except LabError as error:
            return _said(str(error), 502)
        finally:
            self._is_recording = False
        return _said(f"Recorded: {contender.id}.", 200)

    def _show(self, contender: Contender, wait_ms: int) -> dict[str, Any]:
        exhibit = self._shelf.get(contender.id, wait_ms)
        if exhibit is None:
            abort(404, f"There is no burst of {contender.id!r} that waits {wait_ms} ms.")
        timeline: Timeline = exhibit.recording.timeline
        chart: Chart = lay_out(timeline)
        return {
            "contender": contender,
            "chart": chart,
            "timeline": timeline,
            "cost": exhibit.recording.cost,
            "exhibit": exhibit,
            "trace": url_for("why.trace", contender=contender.id, wait_ms=wait_ms),
        }

    def _common(self) -> dict[str, Any]:
        return {
            "contenders": [each.id for each in CONTENDERS],
            "waits_ms": WAITS_MS,
            "is_presenter": self._is_presenter(),
            "arrangement_name": arrangement_name,
            "keyword": keyword,
        }


def _shipped(name: str) -> dict[str, Any]:
    return read_object(Path(SHIPPED).with_name(name).read_bytes())


def _wait_asked() -> int:
    wait_ms = request.args.get("wait", WAITS_MS[0], type=int)
    if wait_ms not in WAITS_MS:
        abort(404, f"Bursts on show wait {' or '.join(map(str, WAITS_MS))} ms.")
    return wait_ms


def _first() -> str:
    return next(each.id for each in CONTENDERS if each.arrangement == HEADLINES[0] and each.variant == "async")


def _contender_asked(name: str, usual: str) -> Contender:
    asked = request.args.get(name, usual)
    contender = _find(asked)
    if contender is None:
        abort(404, f"No contender that has a view is called {asked!r}; `lab contenders` lists them.")
    return contender


def _find(contender_id: str) -> Contender | None:
    return next((contender for contender in CONTENDERS if contender.id == contender_id), None)


def _said(sentence: str, status: int) -> Response:
    return Response(sentence, status, mimetype="text/plain")


def _mark_keywords(line: str) -> Markup:
    marked = (
        Markup("<mark>{}</mark>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(_KEYWORDS.split(line))
    )
    return Markup("").join(marked)
