"""Converts temperatures, in addition to the lab's own routes."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from flask_app import create_app
from flask_app.contract import declare
from flask_app.settings import Settings

COLDEST_CELSIUS = -273.15

app = create_app(Settings())


class ConvertQuery(Schema):
    """The temperature to convert."""

    celsius = fields.Float(required=True, validate=validate.Range(min=COLDEST_CELSIUS))


class Converted(Schema):
    """One temperature on both scales."""

    celsius = fields.Float(required=True)
    fahrenheit = fields.Float(required=True)


@declare(query=ConvertQuery, response=Converted, summary="Celsius to Fahrenheit")
def convert(celsius: float) -> dict[str, float]:
    """Convert degrees Celsius to Fahrenheit."""
    return {"celsius": celsius, "fahrenheit": celsius * 9 / 5 + 32}


app.add_url_rule("/convert", view_func=convert)
