"""Reports what is in stock: Flask."""

from __future__ import annotations

from typing import Any

from flask import abort
from marshmallow import Schema, fields

from flask_app import create_app
from flask_app.contract import declare
from flask_app.settings import Settings

STOCK: dict[str, dict[str, Any]] = {"tea": {"amount": 12, "unit": "kg"}}

app = create_app(Settings())


class InStock(Schema):
    """The amount of a thing in stock."""

    thing = fields.String(required=True)
    amount = fields.Integer(required=True, strict=True)
    unit = fields.String(required=True)


@declare(response=InStock, summary="What is in stock")
def stock(thing: str) -> dict[str, Any]:
    """Return how much of a thing is in stock."""
    if thing not in STOCK:
        abort(404)
    return {"thing": thing, **STOCK[thing]}


app.add_url_rule("/stock/<thing>", view_func=stock)
