"""Litestar: handlers with types, JSON by msgspec; a ``def`` says whether it wants a thread."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from litestar import Litestar, get
from litestar.params import Parameter

Body = dict[str, str | int]
WaitMs = Annotated[int, Parameter(ge=0, le=1000)]


@get("/health/async")
async def health_async() -> Body:
    """Answer at once, on the event loop."""
    return {"api": "health", "version": 1}


@get("/health/sync", sync_to_thread=True)
def health_sync() -> Body:
    """Answer at once, in a worker thread."""
    return {"api": "health", "version": 1}


@get("/wait/async")
async def wait_async(ms: WaitMs = 0) -> Body:
    """Wait without holding a thread, then answer."""
    await asyncio.sleep(ms / 1000)
    return {"api": "health", "version": 1}


@get("/wait/sync", sync_to_thread=True)
def wait_sync(ms: WaitMs = 0) -> Body:
    """Hold a worker thread while waiting, then answer."""
    time.sleep(ms / 1000)
    return {"api": "health", "version": 1}


app = Litestar([health_async, health_sync, wait_async, wait_sync])
