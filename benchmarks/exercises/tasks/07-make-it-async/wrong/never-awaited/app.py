"""A shop that asks its supplier for the price of a thing."""

from __future__ import annotations

from typing import Any

from flask import Flask

from flask_app.serving.bridge import EventLoopBridge

import dependency

app = Flask(__name__)


@app.get("/price/<thing>")
async def price(thing: str) -> dict[str, Any]:
    """Answer with what the supplier says."""
    quote = dependency.ask_async(thing)
    return {"thing": quote["name"], "in_stock": quote["ok"]}


served = EventLoopBridge(app)
