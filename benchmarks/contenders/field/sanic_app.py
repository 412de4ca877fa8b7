"""Sanic, on its own server or over ASGI. It calls a ``def`` on its event loop, where a wait would stop all others."""

from __future__ import annotations

import asyncio

from sanic import HTTPResponse, Request, Sanic, json
from sanic.exceptions import BadRequest

app = Sanic("field")


@app.get("/health/async")
async def health_async(_: Request) -> HTTPResponse:
    """Answer at once."""
    return json({"api": "health", "version": 1})


@app.get("/wait/async")
async def wait_async(request: Request) -> HTTPResponse:
    """Wait without holding a thread, then answer."""
    ms = request.args.get("ms", "0")
    if not ms.isdecimal() or int(ms) > 1000:
        raise BadRequest("ms is from 0 to 1000.")
    await asyncio.sleep(int(ms) / 1000)
    return json({"api": "health", "version": 1})
