from __future__ import annotations

from collections.abc import Callable

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
    """A line that is no event raises one of the documented errors."""
    with pytest.raises((ValueError, KeyError, TypeError)):
        wire.decode_event(line)


def test_notes_are_told_once_and_few_a_minute() -> None:
    """Who is left out in one minute is told of in the next; what is long is cut."""
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
