"""Checks exercise 11: while the report is computed, other requests are answered before it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.exercises import serving
from benchmarks.exercises.answer import Answer, told
from benchmarks.exercises.finding import Finding

_EXPECTED = {"total": 370_714}
"""The starting state's result."""

_TIMES = 3
"""One may slip in where a computation pauses at its beginning; three do not."""

_APART_S = 0.05


def check(answer: Answer) -> Iterator[Finding]:
    """Try the answer."""
    served = answer.load("app", "served")
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
    error = answer.raised("/report") if report.status == 500 else None
    faults = {
        "raises": error is not None and not isinstance(error, TypeError),
        "handed-over-wrongly": report.status == 500,
        "work-changed": (report.status, report.json) != (200, _EXPECTED),
    }
    yield answer.found("sum", faults, error=told(error), report=report)
    is_starved = before != _TIMES
    faults = {"broken-promise": is_starved and not answer.is_async("/report"), "starves-the-loop": is_starved}
    yield answer.found("meanwhile", faults, before=before)
