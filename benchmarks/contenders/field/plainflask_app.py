"""Flask as most people run it: its own JSON and routing, without the service's contract, JSON provider or bridge.

``async def`` is what ``flask[async]`` makes of it: asgiref runs each view on an event loop made for the request.
"""

from __future__ import annotations

import asyncio
import time

from flask import Flask, abort, request

app = Flask(__name__)

Body = dict[str, str | int]


def _wait_s() -> float:
    ms = request.args.get("ms", 0, type=int)
    if not 0 <= ms <= 1000:
        abort(400, "ms is from 0 to 1000.")
    return ms / 1000


@app.get("/health/sync")
def health_sync() -> Body:
    """Answer at once."""
    return {"api": "health", "version": 1}


@app.get("/health/async")
async def health_async() -> Body:
    """Answer at once, on a loop of the request's own."""
    return {"api": "health", "version": 1}


@app.get("/wait/sync")
def wait_sync() -> Body:
    """Hold the server's thread while waiting, then answer."""
    time.sleep(_wait_s())
    return {"api": "health", "version": 1}


@app.get("/wait/async")
async def wait_async() -> Body:
    """Wait on the request's own loop, which holds the server's thread too, then answer."""
    await asyncio.sleep(_wait_s())
    return {"api": "health", "version": 1}
