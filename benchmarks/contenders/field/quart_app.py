"""Quart: Flask's interface reimplemented on asyncio, by Flask's own maintainers; ``def`` runs in a thread."""

from __future__ import annotations

import asyncio
import time

from quart import Quart, abort, request

app = Quart(__name__)

Body = dict[str, str | int]


def _wait_s() -> float:
    ms: int = request.args.get("ms", 0, type=int)
    if not 0 <= ms <= 1000:
        abort(400, "ms is from 0 to 1000.")
    return ms / 1000


@app.get("/health/async")
async def health_async() -> Body:
    """Answer at once, on the event loop."""
    return {"api": "health", "version": 1}


@app.get("/health/sync")
def health_sync() -> Body:
    """Answer at once, in a worker thread."""
    return {"api": "health", "version": 1}


@app.get("/wait/async")
async def wait_async() -> Body:
    """Wait without holding a thread, then answer."""
    await asyncio.sleep(_wait_s())
    return {"api": "health", "version": 1}


@app.get("/wait/sync")
def wait_sync() -> Body:
    """Hold a worker thread while waiting, then answer."""
    time.sleep(_wait_s())
    return {"api": "health", "version": 1}
