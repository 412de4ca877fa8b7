"""The marshmallow schemas of every query and answer."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

WAIT_MAX_MS = 1_000
WAIT_DEFAULT_MS = 50


class HealthResponse(Schema):
    """The tutorial's health response: the API's name and version."""

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
    """The delay of the simulated dependency."""

    ms = fields.Integer(
        load_default=WAIT_DEFAULT_MS,
        validate=validate.Range(min=0, max=WAIT_MAX_MS),
        metadata={"description": "Delay of the simulated dependency, milliseconds.", "examples": [50]},
    )


class ReadyQuery(Schema):
    """An additional simulated dependency, to vary in a workshop."""

    wait_ms = fields.Integer(
        load_default=0,
        validate=validate.Range(min=0, max=WAIT_MAX_MS),
        metadata={
            "description": "Delay of an additional simulated dependency, milliseconds; 0 for none.",
            "examples": [20],
        },
    )


class LiveResponse(Schema):
    """The draft's shortest health answer: only a status."""

    status = fields.String(
        required=True,
        validate=validate.OneOf(["pass"]),
        metadata={"description": "pass: this process is running.", "examples": ["pass"]},
    )


_STATUS = fields.String(
    required=True,
    validate=validate.OneOf(["pass", "warn", "fail"]),
    metadata={"description": "pass, warn (it answers, but slowly) or fail.", "examples": ["pass"]},
)


class DependencyReading(Schema):
    """One measurement of one dependency; a details object of the health-check draft."""

    componentType = fields.String(  # noqa: N815 - the draft's name
        required=True,
        metadata={
            "description": "The kind of component: datastore, component or system.",
            "examples": ["datastore"],
        },
    )
    status = _STATUS
    time = fields.String(required=True, metadata={"description": "Time of the check, UTC.", "format": "date-time"})
    observedValue = fields.Float(  # noqa: N815
        metadata={"description": "The measured time; absent if there was no answer.", "examples": [1.2]}
    )
    observedUnit = fields.String(metadata={"description": "Unit of the value.", "examples": ["ms"]})  # noqa: N815
    output = fields.String(
        metadata={"description": "Why the status is not pass.", "examples": ["did not answer within 2000 ms"]}
    )


class ReadyResponse(Schema):
    """Whether the service can do its work now; the health-check draft's answer."""

    status = _STATUS
    checks = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.Nested(DependencyReading)),
        metadata={
            "description": "Each dependency's measurements, as component:measurement; only if the settings allow it."
        },
    )


class Problem(Schema):
    """Problem details of an error, RFC 9457."""

    type = fields.String(
        required=True,
        metadata={
            "description": "URI of the problem type; about:blank adds nothing to the status.",
            "format": "uri-reference",
            "examples": ["about:blank"],
        },
    )
    title = fields.String(
        required=True, metadata={"description": "The problem type, in words.", "examples": ["Not Found"]}
    )
    status = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(min=400, max=599),
        metadata={"description": "The HTTP status, repeated.", "examples": [404]},
    )
    detail = fields.String(metadata={"description": "An explanation of this occurrence, for people."})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "For an invalid query: messages by parameter."},
    )
