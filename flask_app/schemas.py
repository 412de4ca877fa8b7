"""Hold the marshmallow schemas of every shape on the wire."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

WAIT_MAX_MS = 1_000
WAIT_DEFAULT_MS = 50


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

    ms = fields.Integer(
        load_default=WAIT_DEFAULT_MS,
        validate=validate.Range(min=0, max=WAIT_MAX_MS),
        metadata={"description": "Delay of the simulated dependency, milliseconds.", "examples": [50]},
    )


class ReadyQuery(Schema):
    """A dependency beside the configured ones, for a workshop to turn."""

    wait_ms = fields.Integer(
        load_default=0,
        validate=validate.Range(min=0, max=WAIT_MAX_MS),
        metadata={
            "description": "Delay of one more, simulated dependency, milliseconds; 0 for none.",
            "examples": [20],
        },
    )


class LiveResponse(Schema):
    """The shortest health answer of the draft: a status, and nothing else."""

    status = fields.String(
        required=True,
        validate=validate.OneOf(["pass"]),
        metadata={"description": "pass: this process answers.", "examples": ["pass"]},
    )


_STATUS = fields.String(
    required=True,
    validate=validate.OneOf(["pass", "warn", "fail"]),
    metadata={"description": "pass, warn (it answers, but slowly) or fail.", "examples": ["pass"]},
)


class DependencyReading(Schema):
    """What one measurement of one dependency gave; a details object of the health-check draft."""

    componentType = fields.String(  # noqa: N815 - the draft's name
        required=True,
        metadata={
            "description": "What kind of thing it is: datastore, component or system.",
            "examples": ["datastore"],
        },
    )
    status = _STATUS
    time = fields.String(required=True, metadata={"description": "When it was asked, UTC.", "format": "date-time"})
    observedValue = fields.Float(  # noqa: N815
        metadata={"description": "How long it took; absent when there was no answer.", "examples": [1.2]}
    )
    observedUnit = fields.String(metadata={"description": "Unit of the value.", "examples": ["ms"]})  # noqa: N815
    output = fields.String(
        metadata={"description": "Why it is no pass, in words.", "examples": ["did not answer within 2000 ms"]}
    )


class ReadyResponse(Schema):
    """Whether the service can do its work now; the health-check draft's answer."""

    status = _STATUS
    checks = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.Nested(DependencyReading)),
        metadata={
            "description": "Each dependency's measurements, as component:measurement; only where the settings allow it."
        },
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
