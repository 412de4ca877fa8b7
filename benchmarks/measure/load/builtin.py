"""Starts the embedded load engine in a process of its own; run as ``python -m``, this module is that process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Mapping

from benchmarks.measure.load import closed_loop, open_loop, wire
from benchmarks.measure.load.engine import LOOPBACK, Limits, LoadEngineError, LoadOrder, pin
from benchmarks.measure.load.order_check import check_order
from benchmarks.measure.load.session import LoaderProcess, ProcessSession
from benchmarks.model import LoadResult
from benchmarks.process import python

_EXIT_FAILED = 1
_EXIT_ABANDONED = 3


class BuiltinEngine:
    """The load engine that needs nothing installed but this package: asyncio with httptools, closed and open model."""

    name = "builtin"
    limits = Limits()
    uses_every_core = False
    startup_s = 0.0
    method = "The lab's own load engine asks."
    host = LOOPBACK

    def start(self, order: LoadOrder) -> ProcessSession:
        """Start one load in a process of its own.

        Args:
            order: What to ask of which server; loopback only.
        Returns:
            The load under way; the caller closes it.
        Raises:
            LoadEngineError: The order cannot or must not be carried out, or the process could not be started.
        """
        check_order(order)
        return ProcessSession(LoaderProcess(python("-m", "benchmarks.measure.load.builtin")), order)

    def facts(self) -> Mapping[str, str | int]:
        """Return nothing: it is this package's own."""
        return {}


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
        pin(order.cpus)
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
