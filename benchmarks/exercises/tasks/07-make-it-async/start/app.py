"""A shop that gets the price of a thing from its supplier."""

from __future__ import annotations

from typing import Any

from flask import Flask

from flask_app.serving.bridge import EventLoopBridge

import dependency

app = Flask(__name__)


@app.get("/price/<thing>")
def price(thing: str) -> dict[str, Any]:
    """Answer with the supplier's answer."""
    quote = dependency.ask(thing)
    return {"thing": quote["name"], "in_stock": quote["ok"]}


served = EventLoopBridge(app)
