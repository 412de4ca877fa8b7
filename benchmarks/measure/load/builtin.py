"""Starts the embedded load engine in a process of its own, follows it, and always reaps it.

Run as ``python -m benchmarks.measure.load.builtin`` this module is that process: it reads one order as a line of JSON
from standard input and writes its events as lines of JSON to standard output. It ends by itself when its standard
input is closed, which is how it learns that the process that wanted the result is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import IO, cast

from benchmarks.measure.load import closed_loop, open_loop, wire
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.measure.load.order_check import check_order
from benchmarks.model import LoadResult

_TERMINATE_GRACE_S = 1.0
_STDERR_TAIL_BYTES = 2_000

_GO = b"g"

_EXIT_FAILED = 1
_EXIT_ABANDONED = 3


class BuiltinEngine:
    """The load engine that needs nothing installed but this package: asyncio with httptools, closed and open model."""

    name = "builtin"

    def start(self, order: LoadOrder) -> BuiltinSession:
        """Start one load in a process of its own.

        Args:
            order: What to ask of which server; loopback only.
        Returns:
            The load under way; the caller closes it.
        Raises:
            LoadEngineError: The order cannot or must not be carried out, or the process could not be started.
        """
        check_order(order)
        return BuiltinSession(order)


class BuiltinSession:
    """One load under way, in a process of its own.

    Attributes:
        pid: Of the loader's process.
    """

    def __init__(self, order: LoadOrder) -> None:
        # A file, not a pipe: nobody reads it while the loader runs, and a full pipe would stop it.
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed by close()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.measure.load.builtin"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                # Ctrl-C in the terminal is for the runner, which then closes this session.
                start_new_session=True,
            )
        except OSError as error:
            self._stderr.close()
            raise LoadEngineError(f"the load engine's process could not be started: {error}") from error
        self.pid = self._process.pid
        self._closed = False
        self._began_s: float | None = None
        self._held = False
        self._result: LoadResult | None = None
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        # Popen knows its pipes as optional; both were asked for.
        self._stdin = cast("IO[bytes]", self._process.stdin)
        self._stdout = cast("IO[bytes]", self._process.stdout)
        self._reader = threading.Thread(target=self._read_lines, name=f"load engine {self.pid}", daemon=True)
        self._reader.start()
        # A process that is gone already is told of when its events are asked for.
        with contextlib.suppress(OSError):
            self._stdin.write(wire.encode_order(order))
            self._stdin.flush()

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
        # A loader that is gone is told of when its events are asked for.
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(_GO)  # type: ignore[union-attr]  # the pipe was asked for
            self._process.stdin.flush()  # type: ignore[union-attr]  # the same

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
        if self._closed:
            return
        self._closed = True
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_TERMINATE_GRACE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join()
        for file in (self._stdin, self._stdout, self._stderr):
            # What the loader did not read any more cannot be flushed into it.
            with contextlib.suppress(OSError):
                file.close()

    def _read_lines(self) -> None:
        for line in self._stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _take_event(self, deadline_s: float, timeout_s: float, when: str) -> None:
        if self._closed:
            raise LoadEngineError(f"the load engine (process {self.pid}) was closed {when}")
        try:
            line = self._lines.get(timeout=max(deadline_s - time.monotonic(), 0.0))
        except queue.Empty:
            raise LoadEngineError(
                f"the load engine (process {self.pid}) said nothing for {timeout_s:g} s, {when}: "
                f"the machine may be overloaded, try again{self._stderr_tail()}"
            ) from None
        if line is None:
            # Whoever asks again gets the same answer.
            self._lines.put(None)
            raise LoadEngineError(
                f"the load engine (process {self.pid}) ended {when}, {self._how_it_ended()}: "
                f"nothing of this trial counts, run it again{self._stderr_tail()}"
            )
        try:
            event = wire.decode_event(line)
        except (ValueError, KeyError, TypeError) as error:
            raise LoadEngineError(
                f"the load engine (process {self.pid}) wrote what is no event ({line[:200]!r}): "
                f"is another version of this package installed?{self._stderr_tail()}"
            ) from error
        match event:
            case wire.Held():
                self._held = True
            case wire.Measuring(began_s):
                self._began_s = began_s
            case wire.Finished(result):
                self._result = result
            case wire.Failed(message):
                raise LoadEngineError(message)

    def _how_it_ended(self) -> str:
        code = self._process.wait()
        if code >= 0:
            return f"with exit status {code}"
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"

    def _stderr_tail(self) -> str:
        self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(self._stderr.tell() - _STDERR_TAIL_BYTES, 0))
        tail = self._stderr.read().decode(errors="replace").strip()
        return f"\nIts last words:\n{tail}" if tail else ""


def main() -> int:
    """Be the loader's process: carry out the order on standard input.

    Returns:
        The exit status.
    """
    try:
        order = wire.decode_order(sys.stdin.buffer.readline())
    except (ValueError, KeyError, TypeError) as error:
        _say(wire.Failed(f"the load engine was given no order that it can read ({error!r})"))
        return _EXIT_FAILED
    try:
        check_order(order)
        _pin(order.cpus)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            result = runner.run(_drive(order))
    except LoadEngineError as error:
        _say(wire.Failed(str(error)))
        return _EXIT_FAILED
    _say(wire.Finished(result))
    return 0


async def _drive(order: LoadOrder) -> LoadResult:
    told_to_go = asyncio.Event()
    arguments = (asyncio.get_running_loop(), told_to_go)
    threading.Thread(target=_follow_parent, args=arguments, name="follow the parent", daemon=True).start()

    async def permission() -> None:
        told_to_go.clear()
        _say(wire.Held())
        await told_to_go.wait()

    drive = closed_loop.drive if order.load.rate_per_s is None else open_loop.drive
    return await drive(order, lambda began_s: _say(wire.Measuring(began_s)), permission)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the event loop: uvloop where there is one, else asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415  # does not exist on Windows
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _pin(cpus: tuple[int, ...]) -> None:
    if not cpus or not hasattr(os, "sched_setaffinity"):
        return
    try:
        os.sched_setaffinity(0, cpus)
    except (OSError, ValueError, OverflowError) as error:
        wanted = ", ".join(map(str, cpus))
        offered = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
        raise LoadEngineError(
            f"the load engine cannot be pinned to the cores {wanted} ({error}): this machine offers {offered}"
        ) from error


def _say(event: wire.Event) -> None:
    sys.stdout.buffer.write(wire.encode_event(event))
    sys.stdout.buffer.flush()


def _follow_parent(loop: asyncio.AbstractEventLoop, told_to_go: asyncio.Event) -> None:
    """Pass on each word to go, and end with the parent."""
    # Not through sys.stdin, whose lock would be held by this thread when the interpreter shuts down.
    while os.read(0, 1):
        # The load may be over, and its loop closed.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(told_to_go.set)
    os._exit(_EXIT_ABANDONED)


if __name__ == "__main__":
    sys.exit(main())
