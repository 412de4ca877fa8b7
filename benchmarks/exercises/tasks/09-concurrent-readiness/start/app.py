"""A service that is ready when its dependencies are."""

from __future__ import annotations

from typing import Any

from flask import Flask

from flask_app.serving.bridge import EventLoopBridge

import dependency

DEPENDENCIES = ("database", "stock", "payments")

app = Flask(__name__)


@app.get("/health")
async def health() -> dict[str, str]:
    """Answer that the app is running."""
    return {"status": "pass"}


@app.get("/ready")
async def ready() -> tuple[dict[str, Any], int]:
    """Report the status of each dependency."""
    checks = {}
    for name in DEPENDENCIES:
        try:
            await dependency.ask_async(name)
            checks[name] = "pass"
        except dependency.DownError:
            checks[name] = "fail"
    return {"checks": checks}, 503 if "fail" in checks.values() else 200


served = EventLoopBridge(app)
