"""Checks exercise 11: while the report is computed, other requests are answered before it."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.exercises import serving
from benchmarks.exercises.answer import load_module, member, raised_by, told, view_of
from benchmarks.exercises.finding import Finding, tried, when

_ROWS = 4_000_000
_TOTAL = 370_714
"""The starting state's result for these rows."""

_TIMES = 3
"""One may slip in where a computation pauses at its beginning; three do not."""

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
            # Set here rather than by the client, which may notice much later on a busy machine.
            answered.set()

    with serving.on_its_loop(watched) as service:
        asking = service.begin("/report", timeout_s=60)
        begun.wait(serving.PATIENCE_S)
        before = 0
        for _ in range(_TIMES):
            # One by one: a view that pauses for a moment and then computes would let all of them in at once.
            time.sleep(_APART_S)
            before += service.ask("/health", timeout_s=60).status == 200 and not answered.is_set()
        report = asking.result()
    error = raised_by(member(application, "app"), "/report") if report.status == 500 else None
    yield tried(
        "GET /report answers the same sum, over all rows",
        when(
            error is not None and not isinstance(error, TypeError),
            "raises",
            f"The view raises {told(error)}. {serving.LOOK}",
        ),
        when(
            report.status == 500,
            "handed-over-wrongly",
            f"It is a 500. {serving.LOOK} A thread or a process takes a `def` function and, separately, its arguments: "
            "an `async def` gives it a coroutine, which is not awaited there, and a function that is called in the "
            "same line has already been computed.",
        ),
        when(
            (report.status, report.json) != (200, {"total": _TOTAL}),
            "work-changed",
            f"It answers {report}, and was to stay the sum over {_ROWS:,} rows, {_TOTAL:,}. Less work is answered "
            "sooner, but somebody needs that report.",
        ),
    )
    yield tried(
        f"{_TIMES} requests that come while it computes are answered before it",
        when(
            before != _TIMES and not inspect.iscoroutinefunction(view_of(member(application, "app"), "/report")),
            "broken-promise",
            f"{before} of {_TIMES} were. A `def` view runs in a thread of the bridge, unless it is marked as one that "
            "never blocks: then it runs on the loop. A long computation blocks.",
        ),
        when(
            before != _TIMES,
            "starves-the-loop",
            f"{before} of {_TIMES} were. The view is awaited, but the computation inside awaits nothing: until it ends "
            "the loop does nothing else. One `await` at its beginning lets others in once; the work has to happen "
            "elsewhere.",
        ),
    )
