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
    tasks = {name: asyncio.create_task(status_of(name)) for name in DEPENDENCIES}
    await asyncio.wait(tasks.values(), timeout=TIMEOUT_S)
    checks = {name: task.result() if task.done() else "fail" for name, task in tasks.items()}
    statuses = list(checks.values())
    return {"checks": checks}, 503 if "fail" in statuses else 200


async def status_of(name: str) -> str:
    """Return whether one dependency is well."""
    try:
        await dependency.ask_async(name)
    except dependency.DownError:
        return "fail"
    return "pass"


served = EventLoopBridge(app)
