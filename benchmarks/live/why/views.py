"""The pages that show why, as one Flask blueprint: anybody may look, only the presenter can start a recording."""

from __future__ import annotations

import json
import re
from collections import ChainMap
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from flask import Blueprint, Response, abort, render_template, request
from markupsafe import Markup, escape

from benchmarks.contenders.catalogue import HEADLINES
from benchmarks.errors import LabError, RefusedError
from benchmarks.foreign_json import decode, read_object
from benchmarks.live.drawing import chrome_trace
from benchmarks.live.program_recordings import ProgramRecording
from benchmarks.live.recording import Recording
from benchmarks.live.why import twins
from benchmarks.live.why.shelf import CONTENDERS, REQUESTS, SHIPPED, WAITS_MS, Key, record_here, shipped, twin_of
from benchmarks.live.why.steps import steps_document
from benchmarks.live.words import (
    MEANINGS,
    describe_cost,
    describe_findings,
    describe_limits,
    describe_request,
    describe_span,
    milliseconds,
)
from benchmarks.model import Contender
from benchmarks.report.words import arrangement_name, framework_name, keyword

NAVIGATION: Final[tuple[tuple[str, str], ...]] = (
    ("why.timeline", "Where time goes"),
    ("why.loop", "The loop, step by step"),
    ("why.keywords", "Two keywords"),
)
"""Endpoint and words of each page, for the app's navigation bar."""

AsyncView = Callable[..., Awaitable[Any]]
Record = Callable[[Contender, int], Awaitable[Recording]]
RecordOthers = Callable[[int], Awaitable[Sequence[Recording]]]

_TURN: Final = "kernel.select("
"""What the loop calls once a turn."""

_USUAL: Final = {arrangement.partition("@")[0]: arrangement for arrangement in HEADLINES}
"""Which arrangement of a framework is shown first."""

_FIRST: Final = next(each.id for each in CONTENDERS if each.arrangement == HEADLINES[0] and each.variant == "async")

_KEYWORDS: Final = re.compile(r"(^\s*(?:async )?def(?= )|\bawait(?= ))")


def blueprint(
    *,
    presenter_only: Callable[[AsyncView], AsyncView],
    is_presenter: Callable[[], bool],
    record: Record = record_here,
    others: Sequence[Contender] = (),
    record_others: RecordOthers | None = None,
) -> Blueprint:
    """Make the pages for an app, whose own ``layout.html`` they extend.

    Args:
        presenter_only: Decorates the async view that records: it admits only the presenter.
        is_presenter: Whether the current request is the presenter's, who is shown the button for it.
        record: Records a burst of one of the lab's own contenders, given its wait in milliseconds.
        others: Somebody's apps, of which nothing is shipped; shown first.
        record_others: Records all of these, given the wait.
    """
    pages = _Pages(is_presenter, record, others, record_others)
    made = Blueprint("why", __name__, url_prefix="/why", template_folder="templates", static_folder="static")
    made.add_url_rule("/", "timeline", pages.timeline)
    made.add_url_rule("/loop", "loop", pages.loop)
    made.add_url_rule("/loop/steps.json", "steps", pages.steps)
    made.add_url_rule("/keywords", "keywords", pages.keywords)
    made.add_url_rule("/trace/<contender>/<int:wait_ms>.json", "trace", pages.trace)
    made.add_url_rule("/record", "record", presenter_only(pages.record), methods=["POST"])
    made.add_app_template_filter(_mark_keywords, "mark_keywords")
    made.add_app_template_filter(milliseconds, "milliseconds")
    for words in (
        describe_cost,
        describe_findings,
        describe_limits,
        describe_request,
        describe_span,
        twins.describe_states,
        twins.read_view,
        arrangement_name,
        keyword,
    ):
        made.add_app_template_global(words)
    return made


class _Pages:
    """The views, and what they show."""

    def __init__(
        self,
        is_presenter: Callable[[], bool],
        record: Record,
        others: Sequence[Contender],
        record_others: RecordOthers | None,
    ) -> None:
        # What is recorded here replaces what was shipped.
        self._shelf: ChainMap[Key, Recording] = ChainMap({}, dict(shipped()))
        self._is_presenter = is_presenter
        self._record = record
        self._others = [contender.id for contender in others]
        self._record_others = record_others
        self._contenders = {contender.id: contender for contender in (*others, *CONTENDERS)}
        self._loop, self._threads = (
            decode(ProgramRecording, read_object(SHIPPED.with_name(name).read_bytes()))
            for name in ("loop.json", "threads.json")
        )
        self._steps = json.dumps(steps_document(self._loop, self._threads), separators=(",", ":"))
        self._is_recording = False

    def timeline(self) -> str:
        """Show one contender's burst, and beside it its twin's or another's."""
        wait_ms = _wait_asked()
        chosen = self._contender_asked("contender", next(iter(self._others), _FIRST))
        beside = request.args.get("beside", "")
        others = [] if beside == "none" else [self._contender_asked("beside", beside or self._beside(chosen))]
        return self._render(
            "why/timeline.html",
            wait_ms,
            shown=[self._show(each, wait_ms) for each in dict.fromkeys((chosen, *others))],
            chosen=chosen.id,
            beside=beside,
            contenders=list(self._contenders),
            requests=REQUESTS,
            is_presenter=self._is_presenter(),
        )

    def loop(self) -> str:
        """Show the tiny loop and the tiny threads, for a script to step through."""
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
        pairs = []
        for framework, usual in _USUAL.items():
            arrangement = request.args.get(framework, usual)
            of_framework = [each for each in CONTENDERS if each.framework == framework]
            pair = [each for each in of_framework if each.arrangement == arrangement]
            if not pair:
                abort(404, f"No arrangement of {framework_name(framework)} is called {arrangement!r}.")
            pairs.append(
                {
                    "framework": framework,
                    "name": framework_name(framework),
                    "arrangement": arrangement,
                    "arrangements": sorted({each.arrangement for each in of_framework}),
                    "shown": [
                        {**self._show(each, wait_ms), "view": twins.view_of(each, waits=wait_ms > 0)} for each in pair
                    ],
                }
            )
        return self._render("why/keywords.html", wait_ms, pairs=pairs)

    def trace(self, contender: str, wait_ms: int) -> Response:
        """Send a burst as a Chrome trace, to be saved."""
        recording = self._shelf.get((contender, wait_ms))
        if recording is None:
            abort(404, f"There is no burst of {contender!r} that waits {wait_ms} ms.")
        trace = chrome_trace(recording.timeline)
        response = Response(json.dumps(trace), mimetype="application/json")
        response.headers.set("Content-Disposition", "attachment", filename=f"{contender}-{wait_ms}ms.trace.json")
        return response

    async def record(self) -> Response:
        """Record a burst on this machine now, and show it from then on."""
        contender = self._contenders.get(request.form.get("contender", ""))
        wait_ms = request.form.get("wait_ms", type=int)
        if contender is None or wait_ms not in WAITS_MS:
            return _said("Choose a contender and a wait that the page offers.", 400)
        if self._is_recording:
            return _said("A recording is in progress; try again in a few seconds.", 409)
        self._is_recording = True
        try:
            if contender.id in self._others and self._record_others is not None:
                made = await self._record_others(wait_ms)
                self._shelf.update({(each.timeline.contender, wait_ms): each for each in made})
            else:
                self._shelf[contender.id, wait_ms] = await self._record(contender, wait_ms)
        except RefusedError as error:
            return _said(str(error), 409)
        except LabError as error:
            return _said(str(error), 502)
        finally:
            self._is_recording = False
        return _said(f"Recorded: {contender.id}.", 200)

    def _beside(self, chosen: Contender) -> str:
        """Return the id of what is shown beside a contender by default: its twin, or another of somebody's apps."""
        if chosen.id not in self._others:
            return twin_of(chosen).id
        return next((each for each in self._others if each != chosen.id), chosen.id)

    def _contender_asked(self, name: str, usual: str) -> Contender:
        asked = request.args.get(name, usual)
        if asked not in self._contenders:
            abort(404, f"No contender that has a view is called {asked!r}; `lab contenders` lists them.")
        return self._contenders[asked]

    def _show(self, contender: Contender, wait_ms: int) -> dict[str, Any]:
        return {
            "id": re.sub(r"\W", "-", f"{contender.id}-{wait_ms}"),
            "contender": contender,
            "recording": self._shelf.get((contender.id, wait_ms)),
            "is_shipped": (contender.id, wait_ms) not in self._shelf.maps[0],
        }

    def _render(self, template: str, wait_ms: int, **values: Any) -> str:
        return render_template(template, wait_ms=wait_ms, waits_ms=WAITS_MS, meanings=MEANINGS, **values)


def _wait_asked() -> int:
    wait_ms = request.args.get("wait", WAITS_MS[0], type=int)
    if wait_ms not in WAITS_MS:
        abort(404, f"Bursts on show wait {' or '.join(map(str, WAITS_MS))} ms.")
    return wait_ms


def _said(sentence: str, status: int) -> Response:
    return Response(sentence, status, mimetype="text/plain")


def _mark_keywords(line: str) -> Markup:
    marked = (
        Markup("<mark>{}</mark>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(_KEYWORDS.split(line))
    )
    return Markup("").join(marked)
