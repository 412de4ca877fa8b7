"""Check an app's dependencies, whose libraries are loaded only when needed.

The libraries take longer to load than the rest of the service, and most users never call readiness.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app

from flask_app.settings import Settings, settings_of

if TYPE_CHECKING:
    from flask_app.health.asking import Readiness

_EXTENSION = "readiness"


class _OnDemand:
    """The readiness of one app, created at once if the deployment configures dependencies, otherwise at first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._made: Readiness | None = None
        # For the loops that serve the app and have no connections yet.
        self._lifespans: dict[asyncio.AbstractEventLoop, contextlib.AsyncExitStack] = {}
        if settings.names_dependencies:
            self.get()

    def get(self) -> Readiness:
        if self._made is None:
            from flask_app.health.asking import Readiness  # noqa: PLC0415

            with self._lock:
                if self._made is None:
                    self._made = Readiness(self._settings)
        return self._made

    async def get_async(self) -> Readiness:
        # Loading takes half a second, which must not block the loop.
        readiness = await asyncio.to_thread(self.get) if self._made is None else self._made
        await self._connect(readiness)
        return readiness

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as stack:
            self._lifespans[loop] = stack
            if self._made is not None:
                await self._connect(self._made)
            try:
                yield
            finally:
                self._lifespans.pop(loop, None)

    async def _connect(self, readiness: Readiness) -> None:
        stack = self._lifespans.pop(asyncio.get_running_loop(), None)
        if stack is not None:
            await stack.enter_async_context(readiness.connections.lifespan())


def init_app(app: Flask) -> None:
    """Add readiness to an app."""
    app.extensions[_EXTENSION] = _OnDemand(settings_of(app))


def readiness_of(app: Flask) -> Readiness:
    """Return an app's readiness."""
    return _of(app).get()


def ask_in_turn(wait_ms: int) -> tuple[dict[str, Any], int]:
    """Check the current app's dependencies one after another."""
    return readiness_of(current_app).ask_in_turn(wait_ms)


async def ask_together(wait_ms: int) -> tuple[dict[str, Any], int]:
    """Check the current app's dependencies concurrently."""
    readiness = await _of(current_app).get_async()
    return await readiness.ask_together(wait_ms)


@contextlib.asynccontextmanager
async def lifespan(app: Flask) -> AsyncIterator[None]:
    """Keep connections for the running loop while a server serves an app on it."""
    async with _of(app).lifespan():
        yield


def _of(app: Flask) -> _OnDemand:
    found: _OnDemand = app.extensions[_EXTENSION]
    return found
