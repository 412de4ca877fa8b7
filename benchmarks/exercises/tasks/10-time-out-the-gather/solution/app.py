"""A service that is ready when its dependencies are."""

from __future__ import annotations

import asyncio
from typing import Any

from flask import Flask

from flask_app.serving.bridge import EventLoopBridge

import dependency

DEPENDENCIES = ("database", "stock", "payments")
TIMEOUT_S = 0.5

app = Flask(__name__)


@app.get("/ready")
async def ready() -> tuple[dict[str, Any], int]:
    """Report the status of each dependency."""
    statuses = await asyncio.gather(*(status_of(name) for name in DEPENDENCIES))
    checks = dict(zip(DEPENDENCIES, statuses, strict=True))
    return {"checks": checks}, 503 if "fail" in statuses else 200


async def status_of(name: str) -> str:
    """Return the status of one dependency."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await dependency.ask_async(name)
    except (dependency.DownError, TimeoutError):
        return "fail"
    return "pass"


served = EventLoopBridge(app)
