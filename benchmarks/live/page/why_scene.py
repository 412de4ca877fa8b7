"""Lays out why a race came out as it did: the recorded bursts of two contenders, thread by thread; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.live.recorder.states import LaneKind
from benchmarks.live.timeline import Lane, Timeline
from benchmarks.live.words import describe_extra

_WIDTH: Final = 1_000.0
_LEAST: Final = 2.0
_NAMES: Final[Mapping[LaneKind, str]] = {
    "loop": "event loop",
    "main": "main thread",
    "worker": "thread",
    "own loop": "thread, loop",
}
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "server": ("accepted", "answering"),
    "handed over": ("queued-for-a-thread", "back-to-the-loop", "back-to-its-thread"),
    "framework": ("framework",),
    "loop starts, ends": ("loop-created", "loop-closed"),
    "view": ("view-running", "app-running"),
    "waits": ("waiting",),
    "held": ("thread-held",),
}
_MOST_ROWS_WITH_KEYS: Final = 12
_THREADS: Final[tuple[LaneKind, ...]] = ("worker", "own loop")
_LOOPS: Final[tuple[LaneKind, ...]] = ("own loop",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A thread of a recorded burst, in a drawing that is 1,000 wide.

    Attributes:
        name: What it is, in two words.
        is_extra: Whether the other side has no such thread.
        spans: State, left end and width of each, as they are drawn over one another.
    """

    name: str
    is_extra: bool
    spans: tuple[tuple[str, float, float], ...]


def rows(timeline: Timeline, other: Timeline | None, end_ns: int) -> list[Row]:
    """Return a burst as the stage shows it: a row for each thread, those marked that the other burst lacks.

    What is on its way to or from the server has no row.

    Args:
        timeline: Of the burst.
        other: Of the burst that it is compared with.
        end_ns: At the right end of the axis, which both share.
    """
    threads = [lane for lane in timeline.lanes if lane.kind != "network"]
    return [_row(lane, timeline, end_ns, describe_extra(lane, other) if other else "") for lane in threads]


def _row(lane: Lane, timeline: Timeline, end_ns: int, extra: str) -> Row:
    # A held thread is behind whatever else happens there.
    spans = sorted((each for each in timeline.spans if each.lane == lane.number), key=lambda each: each.counts)
    return Row(
        name=extra or _NAMES[lane.kind],
        is_extra=bool(extra),
        spans=tuple(
            (
                str(each.state).replace(" ", "-"),
                round(_WIDTH * each.start_ns / end_ns, 1),
                round(max(_LEAST, _WIDTH * each.duration_ns / end_ns), 1),
            )
            for each in spans
        ),
    )


def keys(shown: Sequence[Row]) -> list[tuple[str, str]]:
    """Return a state and its words for each colour of these rows; none where they leave no room on the stage."""
    states = {state for row in shown for state, _, _ in row.spans}
    if len(shown) > _MOST_ROWS_WITH_KEYS:
        return []
    return [(alike[0], words) for words, alike in _KEYS.items() if states.intersection(alike)]


def added(above: Timeline, below: Timeline) -> str:
    """Say which threads and loops one side has beyond the other: ``+1 thread, +1 loop per request``."""
    requests = len(above.exchanges)
    more = [_count(above, kinds) - _count(below, kinds) for kinds in (_THREADS, _LOOPS)]
    per = "per request"
    if any(number % requests for number in more):
        per = f"for {requests} requests"
    else:
        more = [number // requests for number in more]
    told = [
        f"{number:+d} {noun}{'' if abs(number) == 1 else 's'}".replace("-", "−")
        for number, noun in zip(more, ("thread", "loop"), strict=True)
        if number
    ]
    return f"{', '.join(told)} {per}" if told else "The same threads, the same loops"


def _count(timeline: Timeline, kinds: Collection[LaneKind]) -> int:
    return sum(lane.kind in kinds for lane in timeline.lanes)
