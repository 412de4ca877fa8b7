"""Turns orders and events into lines of JSON and back, for the pipes between runner and load engine."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from benchmarks.foreign_json import read_object
from benchmarks.measure.load.engine import LoadOrder
from benchmarks.model import LatencySummary, LoadProfile, LoadResult


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing is in flight, and nothing will be before the next slice."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """The measured interval, or a slice of it, has begun, at this time on the clock of ``time.monotonic()``."""

    began_s: float


@dataclass(frozen=True, slots=True)
class Finished:
    """The interval is over, and this is what was seen."""

    result: LoadResult


@dataclass(frozen=True, slots=True)
class Failed:
    """The loader cannot go on, for a reason that it could put into words."""

    message: str


@dataclass(frozen=True, slots=True)
class Listening:
    """Other loaders can connect, at this TCP port and with this token."""

    port: int
    token: str


@dataclass(frozen=True, slots=True)
class Workers:
    """So many other loaders are there now."""

    count: int


@dataclass(frozen=True, slots=True)
class Noted:
    """Something that a person may want to know, and that changes nothing."""

    text: str


Event = Held | Measuring | Finished | Failed | Listening | Workers | Noted

NOTES_A_MINUTE = 10
"""More would push what a person wants to read out of the terminal."""

_LONGEST_NOTE = 300
_MINUTE_S = 60.0

_PLAIN: Mapping[str, type[Held | Measuring | Failed | Listening | Workers | Noted]] = {
    event.__name__: event for event in (Held, Measuring, Failed, Listening, Workers, Noted)
}
"""Events whose parts are JSON as they stand."""


def encode_order(order: LoadOrder) -> bytes:
    """Return an order as one line."""
    return _line(asdict(order))


def decode_order(line: bytes) -> LoadOrder:
    """Read an order back.

    Raises:
        ValueError: The line is no JSON object.
        KeyError: A part is missing.
        TypeError: There is a part that orders do not have.
    """
    fields = read_object(line)
    fields["load"] = LoadProfile(**fields["load"])
    fields["cpus"] = tuple(fields["cpus"])
    return LoadOrder(**fields)


def encode_event(event: Event) -> bytes:
    """Return an event as one line."""
    return _line({"event": type(event).__name__, **asdict(event)})


def say(event: Event) -> None:
    """Write an event to standard output, as the process that is a load engine does."""
    sys.stdout.buffer.write(encode_event(event))
    sys.stdout.buffer.flush()


class Notes:
    """Tells a person of others who misbehave: each note once, and no more than so many a minute.

    Args:
        tell: Takes a note; writes it to standard output unless told.
        clock: Tells the time, seconds.
    """

    def __init__(
        self,
        tell: Callable[[str], None] = lambda text: say(Noted(text)),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._told: set[str] = set()
        self._minute_began_s = -math.inf
        self._this_minute = 0

    def add(self, text: str) -> None:
        """Tell it, if it is new and there is room for it.

        Args:
            text: The note; what is too long for a terminal's few lines is cut.
        """
        text = text if len(text) <= _LONGEST_NOTE else f"{text[:_LONGEST_NOTE]}..."
        if text in self._told:
            return
        now_s = self._clock()
        if now_s - self._minute_began_s >= _MINUTE_S:
            self._minute_began_s, self._this_minute = now_s, 0
        self._this_minute += 1
        if self._this_minute <= NOTES_A_MINUTE:
            self._told.add(text)
            self._tell(text)
        elif self._this_minute == NOTES_A_MINUTE + 1:
            self._tell("There are more like these; nothing is told of them for a minute.")


def decode_event(line: bytes) -> Event:
    """Read an event back.

    Raises:
        ValueError: The line is no JSON object, or of no event that there is.
        KeyError: There is no event, or no result where there should be one.
        TypeError: A part is missing, or one too many is there.
    """
    fields = read_object(line)
    name = fields.pop("event")
    if name == "Finished":
        return Finished(_result(fields["result"]))
    if name not in _PLAIN:
        raise ValueError(f"no such event: {name}")
    return _PLAIN[name](**fields)


def _result(fields: dict[str, object]) -> LoadResult:
    for name in ("latency", "lateness"):
        summary = fields[name]
        if isinstance(summary, dict):
            fields[name] = LatencySummary(**summary)
    return LoadResult(**fields)  # type: ignore[arg-type]  # as our own other half wrote it


def _line(fields: dict[str, object]) -> bytes:
    return json.dumps(fields).encode("ascii") + b"\n"
