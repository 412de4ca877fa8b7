"""Runs the process that measures a race, and follows what it tells."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

from benchmarks.foreign_json import read_object
from benchmarks.live.page.racer import GO, RaceOrder

_STOP_PATIENCE_S = 15.0
_LONGEST_LINE_BYTES = 1 << 20
_LOG_TAIL_CHARACTERS = 2_000


class RaceProcess:
    """One race under way; made by ``start``, and to be ended with ``end``, whatever comes of it.

    Args:
        process: As it was started.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._is_to_stop = False
        assert process.stderr is not None  # noqa: S101 (it was asked for)
        self._log = asyncio.create_task(_tail(process.stderr))

    @classmethod
    async def start(cls, order: RaceOrder) -> RaceProcess:
        """Start a process that measures what is ordered.

        Raises:
            OSError: It cannot be started.
        """
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.live.page.racer"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE_BYTES,
            # Ctrl-C in the terminal is for the page alone, which ends this in its own way.
            start_new_session=True,
        )
        race = cls(process)
        await race._say(order.line())
        return race

    @property
    def pid(self) -> int:
        """Of the process that measures."""
        return self._process.pid

    async def events(self) -> AsyncIterator[Mapping[str, Any]]:
        """Yield what it tells; the last is ``done``, ``stopped`` or ``failed``, however it ended."""
        assert self._process.stdout is not None  # noqa: S101 (it was asked for)
        async for line in self._process.stdout:
            event = read_object(line)
            yield event
            if event["event"] in {"done", "stopped", "failed"}:
                return
        status = await self._process.wait()
        if self._is_to_stop and status == -signal.SIGTERM:
            # Before it was ready to tell so itself.
            yield {"event": "stopped"}
            return
        log = (await self._log).strip() or "It printed nothing."
        yield {"event": "failed", "message": f"The process that measures ended with status {status}. {log}"}

    async def go_on(self) -> None:
        """End its pause."""
        await self._say(f"{GO}\n")

    def stop(self) -> None:
        """Ask it to end; it keeps what it has measured, and tells ``stopped``."""
        self._is_to_stop = True
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    async def end(self) -> None:
        """See to it that it is gone, by force if it must be; harmless the second time."""
        # Its input ends, which asks it to end too.
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_PATIENCE_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        await self._log

    async def _say(self, line: str) -> None:
        # One that is gone says so itself, by the end of what it tells.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            assert self._process.stdin is not None  # noqa: S101 (it was asked for)
            self._process.stdin.write(line.encode())
            await self._process.stdin.drain()


async def _tail(stream: asyncio.StreamReader) -> str:
    kept = b""
    while chunk := await stream.read(4096):
        kept = (kept + chunk)[-_LOG_TAIL_CHARACTERS:]
    return kept.decode(errors="replace")
