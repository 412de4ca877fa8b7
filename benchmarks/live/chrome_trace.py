"""Writes a timeline as Chrome trace JSON, which opens in Perfetto and in ``chrome://tracing``.

Each row of the trace is a request on a lane: on one lane many requests wait at the same time, and spans of one row must
not overlap. Arrows lead a request from row to row. Times are microseconds from the burst's first send.
"""

from __future__ import annotations

from typing import Any

from benchmarks.live.timeline import Timeline
from benchmarks.live.words import tell_span

_PROCESS = 1
_ROWS_PER_LANE = 1_000


def chrome_trace(timeline: Timeline) -> dict[str, Any]:
    """Return the trace as values of JSON (the format's "JSON object" form)."""
    rows = sorted({(span.lane, span.request) for span in timeline.spans})
    events: list[dict[str, Any]] = [
        {"ph": "M", "name": "process_name", "pid": _PROCESS, "args": {"name": f"{timeline.contender} {timeline.path}"}}
    ]
    for lane, request in rows:
        row = _row(lane, request)
        name = f"{timeline.lane(lane).name} · request {request}"
        events.append({"ph": "M", "name": "thread_name", "pid": _PROCESS, "tid": row, "args": {"name": name}})
        events.append(
            {"ph": "M", "name": "thread_sort_index", "pid": _PROCESS, "tid": row, "args": {"sort_index": row}}
        )
    events += [
        {
            "ph": "X",
            "name": str(span.state),
            "cat": "request" if span.counts else "thread",
            "pid": _PROCESS,
            "tid": _row(span.lane, span.request),
            "ts": span.start_ns / 1_000,
            "dur": span.duration_ns / 1_000,
            "args": {"request": span.request, "words": tell_span(timeline, span)},
        }
        for span in timeline.spans
    ]
    for exchange in timeline.exchanges:
        spans = timeline.of(exchange.request)
        for number, span in enumerate(spans):
            phase = "s" if number == 0 else "f" if number == len(spans) - 1 else "t"
            events.append(
                {
                    "ph": phase,
                    "name": f"request {exchange.request}",
                    "cat": "request",
                    "id": exchange.request,
                    "pid": _PROCESS,
                    "tid": _row(span.lane, span.request),
                    "ts": span.start_ns / 1_000,
                    **({"bp": "e"} if phase == "f" else {}),
                }
            )
    return {"displayTimeUnit": "ms", "traceEvents": events}


def _row(lane: int, request: int) -> int:
    # Perfetto takes a row whose number is the process's for the process's main thread.
    return (lane + 1) * _ROWS_PER_LANE + request
