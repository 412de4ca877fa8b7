"""The builtin load engine's process: drives one load, and says what it saw.

    python -m benchmarks.measure.load.builtin_process

One starts for every trial, so it imports nothing of what starts and follows such processes; see ``builtin``.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable

from benchmarks.measure.load import wire
from benchmarks.measure.load.closed_loop import ClosedLoop
from benchmarks.measure.load.engine import LoadOrder
from benchmarks.measure.load.open_loop import OpenLoop
from benchmarks.model import LoadResult


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the event loop: uvloop where it is installed, else asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415  # does not exist on Windows
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def carry_out(order: LoadOrder) -> LoadResult:
    """Drive a load to its end, on the engine's event loop."""
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
    sys.exit(wire.serve("the load engine", carry_out))
