"""Reports what is in stock: Flask."""

from __future__ import annotations

from typing import Any

from flask import abort

from flask_app import create_app
from flask_app.settings import Settings

STOCK: dict[str, dict[str, Any]] = {"tea": {"amount": 12, "unit": "kg"}}

app = create_app(Settings())


def stock(thing: str) -> dict[str, Any]:
    """Return how much of a thing is in stock."""
    if thing not in STOCK:
        abort(404)
    return {"thing": thing, **STOCK[thing]}


app.add_url_rule("/stock/<thing>", view_func=stock)
