"""The pipe between the runner and a load engine's process: lines of JSON, and the process's side of it.

The process reads one order from its standard input and writes events to its standard output. It ends when its standard
input is closed, which is how it learns that its result is no longer wanted.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from benchmarks.foreign_json import decode, read_object
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.measure.load.order_check import check_order
from benchmarks.model import LoadProfile, LoadResult

EVENTS: Mapping[str, Any] = {
    "held": None,
    "measuring": float,
    "finished": LoadResult,
    "failed": str,
    "listening": tuple[int, str],
    "workers": int,
    "noted": str,
}
"""The type of each event's value.

``held``: nothing is in flight, and nothing will be sent before the next slice. ``measuring``: the interval, or a slice,
began at this time of ``time.monotonic()``. ``finished``: the result. ``failed``: why the loader cannot continue.
``listening``: the port and the join token for other loaders. ``workers``: how many of these are connected. ``noted``: a
message for a person; it changes nothing.
"""

NOTES_A_MINUTE = 10
"""More would hide what a person wants to read in the terminal."""

_LONGEST_NOTE = 300
_MINUTE_S = 60.0

EXIT_FAILED = 1
EXIT_ABANDONED = 3


def encode_order(order: LoadOrder) -> bytes:
    """Return an order as one line."""
    return _line(order)


def decode_order(line: bytes) -> LoadOrder:
    """Read an order back; without pydantic, which would take longer to load than the rest of the loader.

    Raises:
        ValueError: The line is not a JSON object.
        KeyError: A field is missing.
        TypeError: A field is missing or unknown.
    """
    return _order(read_object(line))


def _order(fields: dict[str, Any]) -> LoadOrder:
    lists = {name: tuple(fields[name]) for name in ("cpus", "statuses")}
    mix = tuple(map(_order, fields["mix"]))
    return LoadOrder(**{**fields, "load": LoadProfile(**fields["load"]), **lists, "mix": mix})


def encode_event(name: str, value: object = None) -> bytes:
    """Return an event as one line; its value as ``EVENTS`` says."""
    return _line({"event": name, "value": value})


def decode_event(line: bytes) -> tuple[str, Any]:
    """Return an event's name and value.

    Raises:
        ValueError: The line is not a JSON object, or the value has the wrong type.
        KeyError: The event is unknown, or has no value.
        TypeError: The event's name is not a string.
    """
    fields = read_object(line)
    name = fields["event"]
    return name, decode(EVENTS[name], fields["value"])


def say(name: str, value: object = None) -> None:
    """Write an event to standard output."""
    sys.stdout.buffer.write(encode_event(name, value))
    sys.stdout.buffer.flush()


class Notes:
    """Reports the misbehaviour of others to a person: each note once, and only a few a minute.

    Args:
        report: Takes a note; by default it becomes an event.
        clock: Returns the time, seconds.
    """

    def __init__(
        self,
        report: Callable[[str], None] = lambda text: say("noted", text),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report = report
        self._clock = clock
        self._reported: set[str] = set()
        self._minute_ends_s = -math.inf
        self._left = 0

    def add(self, text: str) -> None:
        """Report a note, if it is new and within the limit; one that is too long for a terminal is cut."""
        text = text if len(text) <= _LONGEST_NOTE else f"{text[:_LONGEST_NOTE]}..."
        if text in self._reported:
            return
        if (now_s := self._clock()) >= self._minute_ends_s:
            self._minute_ends_s, self._left = now_s + _MINUTE_S, NOTES_A_MINUTE
        if self._left > 0:
            self._reported.add(text)
            self._report(text)
        elif self._left == 0:
            self._report("There are more like these, which are not shown for a minute.")
        self._left -= 1


def serve(engine: str, carry_out: Callable[[LoadOrder], LoadResult]) -> int:
    """Be a load engine's process: carry out the order on standard input, on its cores.

    Args:
        engine: Named in messages.
        carry_out: Drives the load.
    Returns:
        The exit status.
    """
    try:
        order = decode_order(sys.stdin.buffer.readline())
    except (ValueError, KeyError, TypeError) as error:
        say("failed", f"{engine} was given no order that can be read ({error!r})")
        return EXIT_FAILED
    try:
        check_order(order)
        _pin(order.cpus)
        result = carry_out(order)
    except (LoadEngineError, OSError) as error:
        say("failed", str(error))
        return EXIT_FAILED
    say("finished", result)
    return 0


def follow_parent(heard: Callable[[], None] = lambda: None, leave: Callable[[], None] = lambda: None) -> None:
    """Read standard input until its end, then end this process.

    Args:
        heard: Called for every byte.
        leave: Called before the process ends.
    """
    # Not through sys.stdin, whose lock would be held by this thread when the interpreter shuts down.
    while os.read(0, 1):
        heard()
    leave()
    os._exit(EXIT_ABANDONED)


def _pin(cpus: tuple[int, ...]) -> None:
    """Pin this process, and what it starts from now on, where the platform can; no cores mean any."""
    if not cpus or sys.platform != "linux":
        return
    try:
        os.sched_setaffinity(0, cpus)
    except (OSError, ValueError, OverflowError) as error:
        wanted = ", ".join(map(str, cpus))
        offered = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
        raise LoadEngineError(
            f"the load engine cannot be pinned to the cores {wanted} ({error}): this machine offers {offered}"
        ) from error


def _line(value: object) -> bytes:
    return json.dumps(value, default=asdict).encode("ascii") + b"\n"
