"""Follows a load engine's process over its pipes, and always reaps it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.measure.load import wire
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.model import LoadResult
from benchmarks.piped_child import PipedChild

_GO = b"g"
_STOP_PATIENCE_S = 1.0


class LoaderProcess(PipedChild):
    """A load engine's process.

    Args:
        command: Starts it.
        note: Called with each message of the process for a person.
    Raises:
        LoadEngineError: It could not be started.
    """

    def __init__(self, command: Sequence[str], note: Callable[[str], None] = lambda _text: None) -> None:
        try:
            super().__init__(command, _STOP_PATIENCE_S)
        except OSError as error:
            raise LoadEngineError(f"the load engine's process could not be started: {error}") from error
        self._note = note

    def next_event(self, until_s: float, when: str) -> tuple[str, Any] | None:
        """Block until the process writes an event that is not a note.

        Args:
            until_s: Until when, on the clock of ``time.monotonic()``.
            when: At which stage, for the message.
        Returns:
            Name and value of the event (see ``wire.EVENTS``); ``None`` when there was none in time.
        Raises:
            LoadEngineError: The process ended, or wrote something that is not an event.
        """
        if self._is_closed:
            raise LoadEngineError(f"{self._name} was closed {when}")
        while True:
            try:
                line = self.read(max(until_s - time.monotonic(), 0.0))
            except TimeoutError:
                return None
            if line is None:
                raise LoadEngineError(
                    f"{self._name} ended {when}, {how_it_ended(self.process.wait())}: "
                    f"this trial does not count, run it again{self._tail()}"
                )
            try:
                name, value = wire.decode_event(line)
            except (ValueError, KeyError, TypeError) as error:
                raise LoadEngineError(
                    f"{self._name} wrote something that is not an event ({line[:200]!r}): "
                    f"is another version of this package installed?{self._tail()}"
                ) from error
            if name != "noted":
                return name, value
            self._note(value)

    def take_event(self, until_s: float, timeout_s: float, when: str) -> tuple[str, Any]:
        """Block until the process writes an event that is not a note, and take silence or a failure as an error.

        Args:
            until_s: See ``next_event``.
            timeout_s: How long that was, for the message.
            when: See ``next_event``.
        Raises:
            LoadEngineError: The process ended, failed, wrote nothing in time, or something that is not an event.
        """
        event = self.next_event(until_s, when)
        if event is None:
            raise LoadEngineError(
                f"{self._name} said nothing for {timeout_s:g} s, {when}: "
                f"the machine may be overloaded, try again{self._tail()}"
            )
        if event[0] == "failed":
            raise LoadEngineError(event[1])
        return event

    @property
    def _name(self) -> str:
        return f"the load engine (process {self.pid})"

    def _tail(self) -> str:
        words = self.last_words()
        return f"\nIts last words:\n{words}" if words else ""


class LoadSession:
    """One load under way in a loader's process.

    An interval in one piece follows the warm-up without a pause. One of several slices (``LoadProfile.slices``) is
    driven from outside: the load is held after the warm-up and after every slice but the last, and each ``go`` lets
    one slice run. Every wait raises ``LoadEngineError`` when the loader ends, fails, or says nothing for ``timeout_s``.

    Args:
        loader: Waits for an order; ends with this session.
        order: Its load.

    Attributes:
        loader: The same.
    """

    def __init__(self, loader: LoaderProcess, order: LoadOrder) -> None:
        self.loader = loader
        self._said: dict[str, Any] = {}
        loader.write(wire.encode_order(order))

    def wait_until_held(self, timeout_s: float) -> None:
        """Block until the load is held and nothing is in flight."""
        self._wait_for("held", timeout_s, "before the load was held")

    def go(self) -> None:
        """Let the next slice run; ``wait_until_measuring`` returns when it has begun."""
        for name in ("held", "measuring"):
            self._said.pop(name, None)
        self.loader.write(_GO)

    def wait_until_measuring(self, timeout_s: float) -> float:
        """Block until the warm-up is over and the measured interval, or its next slice, has begun.

        Returns:
            The beginning, on the clock of ``time.monotonic()``, seconds.
        """
        began_s: float = self._wait_for("measuring", timeout_s, "before the measured interval began")
        return began_s

    def result(self, timeout_s: float) -> LoadResult:
        """Block until the interval is over, and return its result."""
        result: LoadResult = self._wait_for("finished", timeout_s, "before it had a result")
        return result

    def close(self) -> None:
        """End the process if it still runs, and reap it; harmless the second time."""
        self.loader.close()

    def _wait_for(self, event: str, timeout_s: float, when: str) -> Any:
        until_s = time.monotonic() + timeout_s
        while event not in self._said:
            name, value = self.loader.take_event(until_s, timeout_s, when)
            self._said[name] = value
        return self._said[event]


def how_it_ended(returncode: int) -> str:
    """Say how a process ended: ``with exit status 3``, ``killed by SIGKILL``.

    Args:
        returncode: As ``subprocess`` returns it.
    """
    if returncode >= 0:
        return f"with exit status {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"
