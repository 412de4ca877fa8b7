"""BlackSheep: ASGI in Cython. It calls a ``def`` on its event loop, where a wait would stop all others."""

from __future__ import annotations

import asyncio

from blacksheep import Application, Response, get, json
from blacksheep.exceptions import BadRequest

app = Application()


@get("/health/async")
async def health_async() -> Response:
    """Answer at once."""
    return json({"api": "health", "version": 1})


@get("/wait/async")
async def wait_async(ms: int = 0) -> Response:
    """Wait without holding a thread, then answer."""
    if not 0 <= ms <= 1000:
        raise BadRequest("ms is from 0 to 1000.")
    await asyncio.sleep(ms / 1000)
    return json({"api": "health", "version": 1})
