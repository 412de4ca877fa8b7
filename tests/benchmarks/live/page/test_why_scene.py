from __future__ import annotations

import pytest

from benchmarks.live.page.why_scene import added, keys, rows
from benchmarks.live.timeline import Timeline
from benchmarks.live.why.shelf import shipped


def burst(contender: str) -> Timeline:
    """Return a shipped burst without a wait."""
    return shipped()[contender, 0].timeline


@pytest.mark.parametrize(
    ("above", "below", "told"),
    [
        ("flask-async@hypercorn", "flask-sync@hypercorn", "+1 thread, +1 loop per request"),
        ("fastapi-async@uvicorn", "fastapi-sync@uvicorn", "−1 thread per request"),
        ("flask-async@hypercorn+eventloop", "flask-sync@hypercorn+eventloop", "−1 thread for 3 requests"),
        ("fastapi-async@uvicorn", "fastapi-async@hypercorn", "The same threads, the same loops"),
    ],
)
def test_threads_and_loops_are_counted(above: str, below: str, told: str) -> None:
    """What one side has beyond the other, as recorded."""
    assert told == added(burst(above), burst(below))


def test_what_the_other_side_lacks_is_marked() -> None:
    """The threads with a loop of their own, and none else; the network has no row."""
    plain, own = burst("flask-sync@hypercorn"), burst("flask-async@hypercorn")
    shown = rows(own, plain, own.end_ns)

    assert ["event loop", *["thread"] * 3, *["+1 thread, +1 loop"] * 3] == [row.name for row in shown]
    assert [False] * 4 + [True] * 3 == [row.is_extra for row in shown]
    assert not any(row.is_extra for row in rows(plain, own, own.end_ns))
    assert not any(row.is_extra for row in rows(own, None, own.end_ns))


def test_the_colours_are_told_where_there_is_room() -> None:
    """Those that are there; a stage full of threads has no line left for them."""
    own = burst("flask-async@hypercorn")
    shown = rows(own, None, own.end_ns)

    assert {"handed over", "loop starts, ends", "view", "held"} <= {words for _, words in keys(shown)}
    assert "waits" not in {words for _, words in keys(shown)}
    assert [] == keys(shown * 2)


def test_spans_lie_on_the_axis() -> None:
    """From the first send to the end of the longer burst, with the class of the state."""
    own = burst("flask-async@hypercorn")
    spans = [span for row in rows(own, None, own.end_ns) for span in row.spans]

    assert all(0 <= left and left + width <= 1_002 for _, left, width in spans)
    assert {"loop-created", "view-running"} <= {state for state, _, _ in spans}
