"""Runs the process that measures a race, and follows what it tells."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from benchmarks.foreign_json import read_object
from benchmarks.live.page.racer import GO, RaceOrder
from benchmarks.piped_child import PipedChild
from benchmarks.process import python

COMMAND: tuple[str, ...] = tuple(python("-m", "benchmarks.live.page.racer"))
"""Of the process that measures a race."""

_STOP_PATIENCE_S: Final = 15.0


class RaceProcess:
    """One race under way; made by ``start``, and to be ended with ``end``, whatever comes of it.

    Args:
        child: As it was started.
    """

    def __init__(self, child: PipedChild) -> None:
        self._child = child
        self._is_to_stop = False

    @classmethod
    async def start(cls, order: RaceOrder) -> RaceProcess:
        """Start a process that measures what is ordered.

        Raises:
            OSError: It cannot be started.
        """
        child = await asyncio.to_thread(PipedChild, COMMAND, _STOP_PATIENCE_S)
        child.write(order.line().encode())
        return cls(child)

    @property
    def pid(self) -> int:
        """Of the process that measures."""
        return self._child.pid

    async def events(self) -> AsyncIterator[Mapping[str, Any]]:
        """Yield what it tells; the last is ``done``, ``stopped`` or ``failed``, however it ended."""
        while (line := await asyncio.to_thread(self._child.read)) is not None:
            event = read_object(line)
            yield event
            if event["event"] in {"done", "stopped", "failed"}:
                return
        status = await asyncio.to_thread(self._child.process.wait)
        if self._is_to_stop and status == -signal.SIGTERM:
            # Before it was ready to tell so itself.
            yield {"event": "stopped"}
            return
        log = self._child.last_words() or "It printed nothing."
        yield {"event": "failed", "message": f"The process that measures ended with status {status}. {log}"}

    def go_on(self) -> None:
        """End its pause."""
        self._child.write(f"{GO}\n".encode())

    def stop(self) -> None:
        """Ask it to end; it keeps what it has measured, and tells ``stopped``."""
        self._is_to_stop = True
        self._child.process.terminate()

    async def end(self) -> None:
        """See to it that it is gone, by force if it must be; harmless the second time."""
        await asyncio.to_thread(self._child.close)
