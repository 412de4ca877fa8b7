"""Draws a timeline: on a terminal, with bars, a legend and words, or as a Chrome trace (JSON) for Perfetto."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from benchmarks.live.recorder.states import State
from benchmarks.live.recording import Recording
from benchmarks.live.timeline import Span, Timeline
from benchmarks.live.words import (
    MEANINGS,
    describe_cost,
    describe_findings,
    describe_limits,
    describe_request,
    describe_span,
    milliseconds,
)
from benchmarks.report.charts.palette import SPANS
from benchmarks.report.plain_text import to_ascii

_SIGNS: Final[Mapping[State, tuple[str, str]]] = {
    State.SENT: ("·", "."),
    State.ACCEPTED: ("a", "a"),
    State.QUEUED: ("q", "q"),
    State.FRAMEWORK: ("▒", "f"),
    State.APP: ("▓", "A"),
    State.LOOP_CREATED: ("L", "L"),
    State.VIEW: ("█", "V"),
    State.WAITING: ("─", "-"),
    State.BLOCKING: ("■", "B"),
    State.LOOP_CLOSED: ("l", "l"),
    State.TO_LOOP: ("<", "<"),
    State.TO_THREAD: (">", ">"),
    State.ANSWERING: ("w", "w"),
    State.ANSWERED: ("·", "."),
    State.HELD: ("═", "="),
}
"""Sign, and sign in ASCII: what differs by colour differs by sign too."""

_LEAST_CELLS: Final = 20
_ROWS_PER_LANE: Final = 1_000


def print_recording(console: Console, recording: Recording) -> None:
    """Print a burst: lanes as rows, time from left to right, then where the time went, in words.

    Args:
        console: Its width is respected. One whose encoding lacks the signs gets ASCII.
        recording: What was recorded.
    """
    _Printer(console).recording(recording)


class _Printer:
    def __init__(self, console: Console) -> None:
        self.console = console
        self.ascii = console.options.ascii_only

    def recording(self, recording: Recording) -> None:
        timeline = recording.timeline
        waits = f", each to wait {timeline.wait_ms:g} ms" if timeline.wait_ms else ""
        count = len(timeline.exchanges)
        requests = "1 request" if count == 1 else f"{count} requests at once"
        self.paragraph(f"{timeline.contender}: {requests}{waits} ({timeline.method} {timeline.path})", "bold")
        self.bars(timeline)
        self.legend(timeline)
        self.console.print()
        for exchange in timeline.exchanges:
            self.paragraph(describe_request(timeline, exchange.request), marker=f"{exchange.request}  ")
        self.console.print()
        for finding in (*describe_findings(timeline), *describe_limits(timeline)):
            self.paragraph(finding)
        self.console.print()
        self.paragraph(describe_cost(recording.cost), "dim")

    def bars(self, timeline: Timeline) -> None:
        """Draw each lane's requests under its name, and the time below."""
        number_cells = len(str(len(timeline.exchanges)))
        cells = max(_LEAST_CELLS, self.console.width - number_cells - 4)
        for lane, requests in timeline.rows().items():
            self.line(Text(lane.name, style="bold"))
            for request, spans in requests.items():
                bar = Text(f" {request:>{number_cells}} ")
                bar.append("│", "dim")
                bar.append_text(self.bar(spans, timeline.end_ns, cells))
                self.line(bar)
        end = milliseconds(timeline.end_ns)
        self.line(Text(f"{' ' * (number_cells + 3)}0{end:>{max(cells - 1, len(end) + 1)}}", style="dim"))

    def bar(self, spans: Sequence[Span], end_ns: int, cells: int) -> Text:
        """Return a row: each cell shows the state that filled most of its time."""
        cell_ns = end_ns / cells
        shown = [self.cell(spans, number * cell_ns, (number + 1) * cell_ns) for number in range(cells)]
        for span in spans:
            # What is too short for a cell of its own takes one from a state that has more.
            place = min(cells - 1, int((span.start_ns + span.end_ns) / 2 / cell_ns))
            if span.state not in shown and shown.count(shown[place]) > 1:
                shown[place] = span.state
        text = Text()
        for state in shown:
            text.append(self.sign(state) if state else " ", _style(state) if state else "")
        text.rstrip()
        return text

    @staticmethod
    def cell(spans: Sequence[Span], start_ns: float, end_ns: float) -> State | None:
        """Return the state with the largest share of a cell; ``None`` where there is none."""
        shares: dict[State, float] = {}
        for span in spans:
            share = min(span.end_ns, end_ns) - max(span.start_ns, start_ns)
            if share > 0:
                shares[span.state] = shares.get(span.state, 0.0) + share
        # A held thread is behind whatever else happens there.
        own = {state: share for state, share in shares.items() if state is not State.HELD} or shares
        return max(own, key=lambda state: own[state], default=None)

    def legend(self, timeline: Timeline) -> None:
        """Explain the signs that were drawn."""
        drawn = {span.state for span in timeline.spans}
        self.console.print()
        for state, meaning in MEANINGS.items():
            if state in drawn:
                self.paragraph(f"{state}: {meaning}", marker=f"{self.sign(state)}  ", marker_style=_style(state))

    def sign(self, state: State) -> str:
        """Return the sign of a state that this console can show."""
        return _SIGNS[state][1 if self.ascii else 0]

    def paragraph(self, text: str, style: str = "", marker: str = "", marker_style: str = "") -> None:
        """Print a paragraph, with the lines after the first indented by the marker."""
        wrapped = Text(text).wrap(self.console, max(10, self.console.width - len(marker)))
        for number, line in enumerate(wrapped):
            line.rstrip()
            line.stylize(style)
            begin = (marker, marker_style) if number == 0 else (" " * len(marker), "")
            self.line(Text.assemble(begin, line))

    def line(self, text: Text) -> None:
        """Print one line as it is."""
        self.console.print(Text(to_ascii(text.plain)) if self.ascii else text, soft_wrap=True)


def _style(state: State) -> str:
    return SPANS[str(state)].terminal


def chrome_trace(*timelines: Timeline) -> dict[str, Any]:
    """Return a Chrome trace as values of JSON, which opens in Perfetto and in ``chrome://tracing``.

    Each burst is a process in it, and each row a request on a lane: on one lane many requests wait at the same time,
    and spans of one row must not overlap. Arrows connect a request's spans from row to row. Times are microseconds from
    the burst's first send.
    """
    events = [
        {"pid": process, **event}
        for process, timeline in enumerate(timelines, start=1)
        for event in _trace_events(timeline, process)
    ]
    return {"displayTimeUnit": "ms", "traceEvents": events}


def _trace_events(timeline: Timeline, process: int) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = [
        {"ph": "M", "name": "process_name", "args": {"name": f"{timeline.contender} {timeline.path}"}}
    ]
    for lane, requests in timeline.rows().items():
        for request, spans in requests.items():
            # Not the process's number: Perfetto shows such a row as the process's main thread.
            row = (lane.number + 1) * _ROWS_PER_LANE + request
            name = f"{lane.name} · request {request}"
            events.append({"ph": "M", "name": "thread_name", "tid": row, "args": {"name": name}})
            events.append({"ph": "M", "name": "thread_sort_index", "tid": row, "args": {"sort_index": row}})
            order, flow_id = timeline.of(request), (process - 1) * _ROWS_PER_LANE + request
            for span in spans:
                at = {"tid": row, "ts": span.start_ns / 1_000}
                told = {"request": request, "words": describe_span(timeline, span)}
                kind = "request" if span.counts else "thread"
                duration_us = span.duration_ns / 1_000
                events.append({"ph": "X", "name": str(span.state), "cat": kind, **at, "dur": duration_us, "args": told})
                if span.counts:
                    flow = {"name": f"request {request}", "cat": "request", "id": flow_id, **at}
                    first, last = span == order[0], span == order[-1]
                    events.append(
                        {"ph": "s" if first else "f" if last else "t", **flow, **({"bp": "e"} if last else {})}
                    )
    return events
