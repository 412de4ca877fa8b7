"""Serves the class only between trials: requests during a trial wait at the gate until it is over.

It is ASGI middleware around the page. A viewer costs about a millisecond of a core; two hundred who open the page at
once would disturb a measurement.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]

QUIET_S = 0.12
"""After this time without a request the class has its pages. The files of a page are requested one after another."""

LONGEST_PAUSE_S = 2.0
"""The longest time that the gate stays open for viewers who still send requests."""


class Gate:
    """A gate around an ASGI application that can be shut.

    Args:
        always: Paths that are served while it is shut too: the presenter's stop button.
    """

    def __init__(self, always: Collection[str]) -> None:
        self._always = frozenset(always)
        self._open = asyncio.Event()
        self._open.set()
        self._within = 0
        self._last_s = 0.0

    @property
    def is_shut(self) -> bool:
        """Whether requests wait."""
        return not self._open.is_set()

    def around(self, application: Application) -> Application:
        """Return the application behind this gate."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"] in self._always:
                await application(scope, receive, send)
                return
            await self._open.wait()
            self._within += 1
            with contextlib.ExitStack() as visit:
                visit.callback(self._leave)

                async def send_and_leave(message: Message) -> None:
                    await send(message)
                    # A stream of events has no end; it counts as served once it has begun.
                    if message["type"] == "http.response.body":
                        visit.close()

                await application(scope, receive, send_and_leave)

        return guarded

    async def opened(self) -> None:
        """Wait until it is open."""
        await self._open.wait()

    def _leave(self) -> None:
        self._within -= 1
        self._last_s = time.monotonic()

    def open(self) -> None:
        """Serve the requests that wait, and those that come."""
        self._last_s = time.monotonic()
        self._open.set()

    async def shut_when_quiet(self) -> None:
        """Shut after ``QUIET_S`` without a request, or when the pause has lasted ``LONGEST_PAUSE_S``."""
        began_s = time.monotonic()
        while (now_s := time.monotonic()) - began_s < LONGEST_PAUSE_S:
            left_s = self._last_s + QUIET_S - now_s
            if not self._within and left_s <= 0:
                break
            await asyncio.sleep(max(left_s, QUIET_S / 4))
        self._open.clear()
