"""Converts temperatures, in addition to the lab's own routes."""

from __future__ import annotations

from flask import request

from flask_app import create_app
from flask_app.settings import Settings

COLDEST_CELSIUS = -273.15

app = create_app(Settings())


def convert() -> dict[str, float]:
    """Convert degrees Celsius to Fahrenheit."""
    celsius = float(request.args["celsius"])
    return {"celsius": celsius, "fahrenheit": celsius * 9 / 5 + 32}


app.add_url_rule("/convert", view_func=convert)
