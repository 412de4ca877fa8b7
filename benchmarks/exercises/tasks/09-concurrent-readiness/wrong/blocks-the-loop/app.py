"""A service that is ready when what it depends on is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
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
    with ThreadPoolExecutor(len(DEPENDENCIES)) as pool:
        checks = dict(zip(DEPENDENCIES, pool.map(status_of, DEPENDENCIES), strict=True))
    return {"checks": checks}, 503 if "fail" in checks.values() else 200


def status_of(name: str) -> str:
    """Return whether one dependency is well."""
    try:
        dependency.ask(name)
    except dependency.DownError:
        return "fail"
    return "pass"


served = EventLoopBridge(app)
