"""Serves the class between trials only: what comes during one waits at the gate until it is over.

It is ASGI middleware around the page. A viewer costs a millisecond or so of a core, and two hundred of them at once,
who all open the page because the teacher said so, would cost a measurement what it measures.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]

QUIET_S = 0.12
"""Nobody has asked for so long: then the class has what it wants. A page's files are asked for one after another."""

LONGEST_PAUSE_S = 2.0
"""No pause is held open longer for those who still ask."""


class Gate:
    """A gate that can be shut, to be put around an ASGI application.

    Args:
        always: Paths that pass also while it is shut: the presenter's brake.
    """

    def __init__(self, always: Collection[str]) -> None:
        self._always = frozenset(always)
        self._open = asyncio.Event()
        self._open.set()
        self._within = 0
        self._last_s = 0.0

    @property
    def is_shut(self) -> bool:
        """Whether a trial is under way."""
        return not self._open.is_set()

    def around(self, application: Application) -> Application:
        """Return the application behind this gate."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"] in self._always:
                await application(scope, receive, send)
            else:
                await self._open.wait()
                await self._serve(application, scope, receive, send)

        return guarded

    async def opened(self) -> None:
        """Wait until it is open."""
        await self._open.wait()

    async def _serve(self, application: Application, scope: Scope, receive: Receive, send: Send) -> None:
        is_within = True

        def leave() -> None:
            nonlocal is_within
            if is_within:
                is_within = False
                self._within -= 1
                self._last_s = time.monotonic()

        async def send_and_leave(message: Message) -> None:
            await send(message)
            # A stream of events has no end; it is served when it has begun.
            if message["type"] == "http.response.body":
                leave()

        self._within += 1
        try:
            await application(scope, receive, send_and_leave)
        finally:
            leave()

    def open(self) -> None:
        """Let in whoever waits."""
        self._last_s = time.monotonic()
        self._open.set()

    async def shut_when_quiet(self) -> None:
        """Shut as soon as nobody has asked for a moment, or when the pause has lasted long enough."""
        began_s = time.monotonic()
        while (now_s := time.monotonic()) - began_s < LONGEST_PAUSE_S:
            left_s = self._last_s + QUIET_S - now_s
            if not self._within and left_s <= 0:
                break
            await asyncio.sleep(max(left_s, QUIET_S / 4))
        self._open.clear()
