"""A service that is ready when what it depends on is."""

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
    """Say whether each dependency is well."""
    asking = [status_of(name) for name in DEPENDENCIES]
    statuses = await asyncio.gather(*asking, return_exceptions=True)
    checks = dict(zip(DEPENDENCIES, statuses, strict=True))
    return {"checks": checks}, 503 if "fail" in statuses else 200


async def status_of(name: str) -> str:
    """Return whether one dependency is well."""
    try:
        await dependency.ask_async(name)
    except dependency.DownError:
        return "fail"
    return "pass"


served = EventLoopBridge(app)
