"""Starts the built-in load engine in a process of its own; run as ``python -m``, this module is that process."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable

from benchmarks.measure.load import wire
from benchmarks.measure.load.closed_loop import ClosedLoop
from benchmarks.measure.load.engine import LoadEngine, LoadOrder
from benchmarks.measure.load.open_loop import OpenLoop
from benchmarks.measure.load.order_check import check_order
from benchmarks.measure.load.session import LoaderProcess, LoadSession
from benchmarks.model import LoadResult
from benchmarks.process import python


class BuiltinEngine(LoadEngine):
    """The load engine that needs nothing but this package: asyncio with httptools, closed and open model."""

    name = "builtin"
    method = "The lab's own load engine asks."

    def start(self, order: LoadOrder) -> LoadSession:
        """Start one load in a process of its own; see ``LoadEngine``."""
        check_order(order)
        return LoadSession(LoaderProcess(python("-m", "benchmarks.measure.load.builtin")), order)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the event loop: uvloop where it is installed, else asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415  # does not exist on Windows
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _carry_out(order: LoadOrder) -> LoadResult:
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_drive(order))


async def _drive(order: LoadOrder) -> LoadResult:
    loop, permitted = asyncio.get_running_loop(), asyncio.Event()

    def permit() -> None:
        # The load may be over, and its loop closed.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(permitted.set)

    threading.Thread(target=wire.follow_parent, args=(permit,), name="follow the parent", daemon=True).start()

    async def permission() -> None:
        permitted.clear()
        wire.say("held")
        await permitted.wait()

    model = ClosedLoop if order.load.rate_per_s is None else OpenLoop
    return await model(order, lambda began_s: wire.say("measuring", began_s), permission).run()


if __name__ == "__main__":
    sys.exit(wire.serve("the load engine", _carry_out))
