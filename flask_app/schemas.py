"""Hold the marshmallow schemas of every shape on the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, validate

WAIT_MAX_MS = 1_000
WAIT_DEFAULT_MS = 50
_DECIMAL = re.compile(r"-?[0-9]+")


class WrittenInteger(fields.Integer):
    """An integer as a query string writes it.

    ``int()`` would also take spaces, a plus sign, underscores and the digits of every script, which the document's
    ``type: integer`` does not announce.
    """

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if not isinstance(value, str) or _DECIMAL.fullmatch(value) is None:
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class HealthResponse(Schema):
    """The tutorial's health response: who answers, and its version."""

    api = fields.String(
        required=True, metadata={"description": "Name of the API that answers.", "examples": ["health"]}
    )
    version = fields.Integer(
        strict=True,
        allow_none=True,
        load_default=None,
        metadata={"description": "Version of the API; null when it has none.", "examples": [1]},
    )


class WaitQuery(Schema):
    """How long the simulated dependency takes."""

    ms = WrittenInteger(
        load_default=WAIT_DEFAULT_MS,
        validate=validate.Range(min=0, max=WAIT_MAX_MS),
        metadata={"description": "Delay of the simulated dependency, milliseconds.", "examples": [50]},
    )


class Problem(Schema):
    """Problem details of an error, RFC 9457."""

    type = fields.String(
        required=True,
        metadata={
            "description": "URI of the kind of problem; about:blank says no more than the status.",
            "format": "uri-reference",
            "examples": ["about:blank"],
        },
    )
    title = fields.String(
        required=True, metadata={"description": "The kind of problem, in words.", "examples": ["Not Found"]}
    )
    status = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(min=400, max=599),
        metadata={"description": "The HTTP status, again.", "examples": [404]},
    )
    detail = fields.String(metadata={"description": "What happened here, for a person."})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "Of a query that is not valid: messages by parameter."},
    )
