from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.measure.load import wire
from benchmarks.measure.load.engine import LoadOrder
from benchmarks.model import LatencySummary, LoadResult

SUMMARY = LatencySummary(
    average_ms=1.5, minimum_ms=0.25, median_ms=1.0, maximum_ms=9.0, p90_ms=2.0, p95_ms=3.0, p99_ms=8.0
)


def result(latency: LatencySummary | None) -> LoadResult:
    """Return a result with something in every field."""
    return LoadResult(
        completed=3,
        duration_s=1.25,
        errors={"timeout": 1},
        statuses={"200": 3, "503": 1},
        unfinished=2,
        sent_bytes=10,
        received_bytes=20,
        loader_cpu_s=0.5,
        latency=latency,
        histogram="HISTF" if latency else None,
        dropped=4 if latency else None,
        lateness=latency,
    )


def test_order_survives_the_pipe(order: Callable[..., LoadOrder]) -> None:
    """An order arrives as it was sent, on one line."""
    sent = order(8080, host="::1", path="/wait/async?ms=50", cpus=(0, 3), rate_per_s=12.5)

    line = wire.encode_order(sent)

    assert 1 == line.count(b"\n")
    assert sent == wire.decode_order(line)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("held", None),
        ("measuring", 12.5),
        ("finished", result(SUMMARY)),
        ("finished", result(None)),
        ("failed", "no more open files\nraise the limit"),
        ("listening", (5557, "a1b2c3")),
        ("workers", 2),
        ("noted", "connected"),
    ],
)
def test_event_survives_the_pipe(name: str, value: object) -> None:
    """An event arrives as it was sent, on one line."""
    line = wire.encode_event(name, value)

    assert 1 == line.count(b"\n")
    assert (name, value) == wire.decode_event(line)


@pytest.mark.parametrize(
    "line",
    [
        b"Traceback ...\n",
        b'{"event": "party", "value": 1}\n',
        b'{"event": [], "value": 1}\n',
        b'{"event": "finished"}\n',
        b'{"event": "finished", "value": {"completed": 1}}\n',
        b'{"event": "measuring", "value": "soon"}\n',
        b"{}\n",
    ],
)
def test_foreign_line_is_refused(line: bytes) -> None:
    """A line that is not an event raises one of the documented errors."""
    with pytest.raises((ValueError, KeyError, TypeError)):
        wire.decode_event(line)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], tuple[int, tuple[str, Any]]]:
    """Serve an order as a load engine's process does, with no load to drive; return its status and its last event."""

    def serve(given: bytes) -> tuple[int, tuple[str, Any]]:
        said = io.BytesIO()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(said))
        status = wire.serve("the load engine", lambda _order: result(SUMMARY))
        return status, wire.decode_event(said.getvalue())

    return serve


def test_an_order_is_carried_out(serve: Callable[[bytes], Any], order: Callable[..., LoadOrder]) -> None:
    """The result is the last event."""
    assert (0, ("finished", result(SUMMARY))) == serve(wire.encode_order(order(8080)))


@pytest.mark.parametrize("given", [b"nonsense\n", b"", b"[]\n", b'{"host": "127.0.0.1"}\n'])
def test_an_unreadable_order_fails_in_words(serve: Callable[[bytes], Any], given: bytes) -> None:
    """The message names the engine."""
    status, (name, message) = serve(given)

    assert (1, "failed") == (status, name)
    assert "the load engine was given no order that can be read" in message


def test_the_process_refuses_what_its_parent_should_have_refused(
    serve: Callable[[bytes], Any], order: Callable[..., LoadOrder]
) -> None:
    """The rule of loopback only is the loader's own as well."""
    status, (name, message) = serve(wire.encode_order(order(80, host="192.0.2.1")))

    assert (1, "failed") == (status, name)
    assert "not a loopback address" in message


def test_notes_are_reported_once_and_few_a_minute() -> None:
    """A note that did not fit into one minute is reported in the next; a long one is cut."""
    told: list[str] = []
    now_s = [100.0]
    notes = wire.Notes(told.append, lambda: now_s[0])

    for number in range(1_000):
        notes.add(f"stranger {number}")
        notes.add("stranger 0")
    now_s[0] += 60.0
    notes.add("stranger 0")
    notes.add("stranger 999")
    notes.add("x" * 10_000)

    *first, further, late, cut = told
    assert [f"stranger {number}" for number in range(wire.NOTES_A_MINUTE)] == first
    assert further.startswith("There are more like these")
    assert "stranger 999" == late
    assert len(cut) < 400
