"""Follows a load engine that is a process of its own, over two pipes of JSON lines, and always reaps it.

The process reads orders from its standard input and writes its events to its standard output. It ends by itself when
its standard input is closed, which is how it learns that the process that wanted the result is gone.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence

from benchmarks.measure.load import wire
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.model import LoadResult
from benchmarks.piped_child import PipedChild

GO = b"g"
"""Lets the next slice run."""

_STOP_PATIENCE_S = 1.0


class LoaderProcess(PipedChild):
    """A load engine's process.

    Args:
        command: Starts it.
        note: Is told what a person may want to know of how it goes, and changes nothing.
    Raises:
        LoadEngineError: It could not be started.
    """

    def __init__(self, command: Sequence[str], note: Callable[[str], None] | None = None) -> None:
        try:
            super().__init__(command, _STOP_PATIENCE_S)
        except OSError as error:
            raise LoadEngineError(f"the load engine's process could not be started: {error}") from error
        self._note = note

    def take_event(self, deadline_s: float, timeout_s: float, when: str) -> wire.Event:
        """Block until the loader says something that is more than a note.

        Args:
            deadline_s: Until when, on the clock of ``time.monotonic()``.
            timeout_s: How long that was, for the message.
            when: At which stage, for the message.
        Raises:
            LoadEngineError: It ended, said nothing, said what is no event, or said that it cannot go on.
        """
        while isinstance(event := self._next_event(deadline_s, timeout_s, when), wire.Noted):
            if self._note is not None:
                self._note(event.text)
        return event

    def _next_event(self, deadline_s: float, timeout_s: float, when: str) -> wire.Event:
        if self._is_closed:
            raise LoadEngineError(f"the load engine (process {self.pid}) was closed {when}")
        try:
            line = self.read(max(deadline_s - time.monotonic(), 0.0))
        except TimeoutError:
            raise LoadEngineError(
                f"the load engine (process {self.pid}) said nothing for {timeout_s:g} s, {when}: "
                f"the machine may be overloaded, try again{self._tail()}"
            ) from None
        if line is None:
            raise LoadEngineError(
                f"the load engine (process {self.pid}) ended {when}, {how_it_ended(self.process.wait())}: "
                f"nothing of this trial counts, run it again{self._tail()}"
            )
        try:
            event = wire.decode_event(line)
        except (ValueError, KeyError, TypeError) as error:
            raise LoadEngineError(
                f"the load engine (process {self.pid}) wrote what is no event ({line[:200]!r}): "
                f"is another version of this package installed?{self._tail()}"
            ) from error
        if isinstance(event, wire.Failed):
            raise LoadEngineError(event.message)
        return event

    def _tail(self) -> str:
        words = self.last_words()
        return f"\nIts last words:\n{words}" if words else ""


class ProcessSession:
    """One load under way in a loader's process.

    Args:
        loader: Waits for an order; ends with this session.
        order: What to ask of which server.

    Attributes:
        loader: The same.
    """

    def __init__(self, loader: LoaderProcess, order: LoadOrder) -> None:
        self.loader = loader
        self._began_s: float | None = None
        self._held = False
        self._result: LoadResult | None = None
        loader.write(wire.encode_order(order))

    @property
    def pid(self) -> int:
        """Of the loader's process."""
        return self.loader.pid

    def wait_until_held(self, timeout_s: float) -> None:
        """Block until the load is held and nothing is in flight.

        Args:
            timeout_s: How long the loader may say nothing.
        Raises:
            LoadEngineError: The loader ended or said nothing for ``timeout_s``.
        """
        deadline_s = time.monotonic() + timeout_s
        while not self._held:
            self._take_event(deadline_s, timeout_s, "before the load was held")

    def go(self) -> None:
        """Let the next slice run; ``wait_until_measuring`` tells when it has begun."""
        self._held = False
        self._began_s = None
        self.loader.write(GO)

    def wait_until_measuring(self, timeout_s: float) -> float:
        """Block until the warm-up is over and the measured interval, or its next slice, has begun.

        Args:
            timeout_s: How long the loader may say nothing.
        Returns:
            The beginning, on the clock of ``time.monotonic()``, seconds.
        Raises:
            LoadEngineError: The loader ended or said nothing for ``timeout_s``.
        """
        deadline_s = time.monotonic() + timeout_s
        while self._began_s is None:
            self._take_event(deadline_s, timeout_s, "before the measured interval began")
        return self._began_s

    def result(self, timeout_s: float) -> LoadResult:
        """Block until the interval is over and return what was seen.

        Args:
            timeout_s: How long the loader may say nothing.
        Returns:
            What was seen in the measured interval.
        Raises:
            LoadEngineError: The loader ended without a result, or said nothing for ``timeout_s``.
        """
        deadline_s = time.monotonic() + timeout_s
        while self._result is None:
            self._take_event(deadline_s, timeout_s, "before it had a result")
        return self._result

    def close(self) -> None:
        """End the loader's process if it still runs, and reap it; harmless the second time."""
        self.loader.close()

    def _take_event(self, deadline_s: float, timeout_s: float, when: str) -> None:
        match self.loader.take_event(deadline_s, timeout_s, when):
            case wire.Held():
                self._held = True
            case wire.Measuring(began_s):
                self._began_s = began_s
            case wire.Finished(result):
                self._result = result


def how_it_ended(returncode: int) -> str:
    """Say how a process ended: ``with exit status 3``, ``killed by SIGKILL``.

    Args:
        returncode: As ``subprocess`` tells it.
    """
    if returncode >= 0:
        return f"with exit status {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"
