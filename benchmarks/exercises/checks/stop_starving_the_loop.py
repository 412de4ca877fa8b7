"""Checks exercise 11: while the report is computed, others are answered before it."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.exercises import serving
from benchmarks.exercises.answer import load_module, member, raised_by, told, view_of
from benchmarks.exercises.finding import Finding, failed, passed

_ROWS = 4_000_000
_TOTAL = 370_714
"""What the starting state computes of them."""

_TIMES = 3
"""One may slip in where a computation begins with a breath; three do not."""

_APART_S = 0.05


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    application = load_module(folder, "app")
    served = member(application, "served")
    begun, answered = threading.Event(), threading.Event()

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        is_report = scope.get("path") == "/report"
        if is_report:
            begun.set()
        await served(scope, receive, send)
        if is_report:
            # Here and not where it is read: on a busy machine the thread that asked may learn of it much later.
            answered.set()

    with serving.on_its_loop(watched) as service:
        asking = service.begin("/report", timeout_s=60)
        begun.wait(serving.PATIENCE_S)
        before = 0
        for _ in range(_TIMES):
            # Not all at once: a view that gives way for a moment and then computes would get them in between.
            time.sleep(_APART_S)
            health = service.ask("/health", timeout_s=60)
            before += health is not None and health.status == 200 and not answered.is_set()
        report = asking.result()
    yield _computes(report, application)
    yield _others_first(before, application)


def _computes(report: serving.Reply | None, application: ModuleType) -> Finding:
    what = "GET /report answers the same sum, over all rows"
    if report is not None and (report.status, report.json) == (200, {"total": _TOTAL}):
        return passed(what)
    if report is not None and report.status == 500:
        error = raised_by(member(application, "app"), "/report")
        if error is not None and not isinstance(error, TypeError):
            return failed(what, "raises", f"The view raises {told(error)}. {serving.LOOK}")
        return failed(
            what,
            "handed-over-wrongly",
            f"It is a 500. {serving.LOOK} A thread or a process is handed a `def` function and, beside it, its "
            "arguments: an `async def` gives it a coroutine, which nobody there awaits, and what is called in the "
            "same line has been computed before anybody is asked.",
        )
    return failed(
        what,
        "work-changed",
        f"It answers {report}, and was to stay the sum over {_ROWS:,} rows, {_TOTAL:,}. Less work is answered sooner, "
        "but somebody wants that report.",
    )


def _others_first(before: int, application: ModuleType) -> Finding:
    what = f"{_TIMES} requests that come while it computes are answered before it"
    if before == _TIMES:
        return passed(what)
    if not inspect.iscoroutinefunction(view_of(member(application, "app"), "/report")):
        return failed(
            what,
            "broken-promise",
            f"{before} of {_TIMES} were. A `def` view runs in a thread of the bridge, unless somebody promised that it "
            "never blocks: then it runs on the loop. Computing for long is blocking.",
        )
    return failed(
        what,
        "starves-the-loop",
        f"{before} of {_TIMES} were. The view is awaited, and the computation inside awaits nothing: until it is over "
        "the loop does nothing else. One `await` at its beginning gives one turn away; the work has to happen "
        "elsewhere.",
    )
