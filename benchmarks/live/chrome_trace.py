"""Writes a timeline as Chrome trace JSON, which opens in Perfetto and in ``chrome://tracing``.

Each row of the trace is a request on a lane: on one lane many requests wait at the same time, and spans of one row must
not overlap. Arrows connect a request's spans from row to row. Times are microseconds from the burst's first send.
"""

from __future__ import annotations

from typing import Any

from benchmarks.live.timeline import Timeline
from benchmarks.live.words import tell_span

_PROCESS = 1
_ROWS_PER_LANE = 1_000


def chrome_trace(timeline: Timeline) -> dict[str, Any]:
    """Return the trace as values of JSON (the format's "JSON object" form)."""
    events: list[dict[str, Any]] = [
        {"ph": "M", "name": "process_name", "args": {"name": f"{timeline.contender} {timeline.path}"}}
    ]
    for lane, requests in timeline.rows().items():
        for request, spans in requests.items():
            # Not 1: Perfetto shows a row whose number is the process's as the process's main thread.
            row = (lane.number + 1) * _ROWS_PER_LANE + request
            name = f"{lane.name} · request {request}"
            events.append({"ph": "M", "name": "thread_name", "tid": row, "args": {"name": name}})
            events.append({"ph": "M", "name": "thread_sort_index", "tid": row, "args": {"sort_index": row}})
            order = timeline.of(request)
            for span in spans:
                at = {"tid": row, "ts": span.start_ns / 1_000}
                told = {"request": request, "words": tell_span(timeline, span)}
                kind = "request" if span.counts else "thread"
                duration_us = span.duration_ns / 1_000
                events.append({"ph": "X", "name": str(span.state), "cat": kind, **at, "dur": duration_us, "args": told})
                if span.counts:
                    flow = {"name": f"request {request}", "cat": "request", "id": request, **at}
                    first, last = span == order[0], span == order[-1]
                    events.append(
                        {"ph": "s" if first else "f" if last else "t", **flow, **({"bp": "e"} if last else {})}
                    )
    return {"displayTimeUnit": "ms", "traceEvents": [{"pid": _PROCESS, **event} for event in events]}
