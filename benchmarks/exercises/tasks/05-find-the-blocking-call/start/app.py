"""A shop that logs every request for a price."""

from __future__ import annotations

from typing import Any

from flask import Flask

from flask_app.serving.bridge import EventLoopBridge

import audit
import prices

app = Flask(__name__)


@app.get("/health")
async def health() -> dict[str, str]:
    """Answer that the app is running."""
    return {"status": "pass"}


@app.get("/price/<thing>")
async def price(thing: str) -> dict[str, Any]:
    """Answer with the price of a thing, after logging the request."""
    known = await prices.today(thing)
    await audit.record("price", thing)
    return {"thing": thing, "known": known}


served = EventLoopBridge(app)
