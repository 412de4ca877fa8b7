"""A Flask app behind the event-loop bridge: its async view waits between ``def`` hooks, and it counts how many wait."""

from __future__ import annotations

import asyncio
import pkgutil
from typing import Any

from flask import Flask, g

WAIT_MS = 50

_flask = Flask(__name__)
_waits = {"now": 0, "most": 0}
"""Of this process, on its one loop."""


@_flask.before_request
def begin() -> None:
    """Keep something, like a database connection."""
    g.kept = object()


@_flask.teardown_request
def end(_error: BaseException | None) -> None:
    """Release it."""
    g.pop("kept", None)


@_flask.get("/health/async")
async def waiting() -> dict[str, str | int]:
    """Wait, and count the requests that do."""
    _waits["now"] += 1
    _waits["most"] = max(_waits.values())
    try:
        await asyncio.sleep(WAIT_MS / 1_000)
    finally:
        _waits["now"] -= 1
    return {"api": "health", "version": 1}


@_flask.get("/held/<int:ms>")
async def held(ms: int) -> str:
    """Hold the request's thread for so long without using it."""
    await asyncio.sleep(ms / 1_000)
    return ""


@_flask.get("/most")
async def most() -> str:
    """Return how many requests waited at once, at the most."""
    return str(_waits["most"])


# By its name, as a server loads it.
app: Any = pkgutil.resolve_name("flask_app.serving.bridge:EventLoopBridge")(_flask)
