"""A service that is ready when what it depends on is."""

from __future__ import annotations

from typing import Any

from flask import Flask

from flask_app.serving.bridge import EventLoopBridge

import dependency

DEPENDENCIES = ("database", "stock", "payments")

app = Flask(__name__)


@app.get("/health")
async def health() -> dict[str, str]:
    """Say that the app answers."""
    return {"status": "pass"}


@app.get("/ready")
async def ready() -> tuple[dict[str, Any], int]:
    """Say whether each dependency is well."""
    checks = {}
    for name in DEPENDENCIES:
        try:
            await dependency.ask_async(name)
            checks[name] = "pass"
        except dependency.DownError:
            checks[name] = "fail"
    return {"checks": checks}, 503 if "fail" in checks.values() else 200


served = EventLoopBridge(app)
