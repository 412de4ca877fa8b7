"""A shop that writes down who asked for which price."""

from __future__ import annotations

from typing import Any

from flask import Flask

from flask_app.serving.bridge import EventLoopBridge

import audit
import prices

app = Flask(__name__)


@app.get("/health")
async def health() -> dict[str, str]:
    """Say that the app answers."""
    return {"status": "pass"}


@app.get("/price/<thing>")
async def price(thing: str) -> dict[str, Any]:
    """Answer with the price of a thing, once it is written down that somebody asked."""
    known = await prices.today(thing)
    await audit.record("price", thing)
    return {"thing": thing, "known": known}


served = EventLoopBridge(app)
