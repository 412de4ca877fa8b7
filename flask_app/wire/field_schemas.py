"""Derive which JSON a marshmallow field sends and accepts: one exact JSON Schema, or an error with the remedy."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields, missing

from flask_app.wire import texts
from flask_app.wire.holding import Rule, compiled, is_json
from flask_app.wire.refusal import Direction, UndocumentableError, known_class, named
from flask_app.wire.validator_schemas import as_sent, plain_json, validated

JsonSchema = dict[str, Any]

_ASSERTIONS = {
    *(
        "type",
        "format",
        "pattern",
        "enum",
        "const",
        "not",
        "allOf",
        "oneOf",
        "anyOf",
        "items",
        "properties",
        "required",
    ),
    *("multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"),
    *("minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "additionalProperties", "nullable"),
}
_ANNOTATIONS = {"title", "description", "default", "deprecated", "example", "examples", "readOnly", "externalDocs"}
_LAST_SECOND = 253_402_300_799  # of the year 9999
_MOST_DAYS = 999_999_999  # of a timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The direction of fields, and how a document refers to a nested schema.

    Attributes:
        direction: The direction of the fields.
        refer: Returns the reference to a nested schema.
    """

    direction: Direction
    refer: Callable[[Schema], JsonSchema]


def schema_of(field: fields.Field[Any], way: Way) -> JsonSchema:
    """Return the JSON Schema of what a field sends and accepts.

    Args:
        field: A field bound to a schema.
        way: Whether it sends or only accepts. A query accepts no null, because null cannot be written in it.
    Raises:
        UndocumentableError: No JSON Schema is exact.
    """
    known = known_class(field, frozenset(_SCHEMAS))
    if known is None:
        raise UndocumentableError(
            f"what {type(field).__name__} sends is unknown; use another field of marshmallow.fields"
        )
    if way.direction == "query" and (field.pre_load or field.post_load):
        raise UndocumentableError("pre_load and post_load may refuse what the document allows; convert in the view")
    inner = schema_of(field.inner, way) if isinstance(field, fields.List) else None
    schema: JsonSchema = _SCHEMAS[known](field, way) if inner is None else {"type": "array", "items": inner}
    if way.direction == "query" and inner is not None:
        # An empty list cannot be written in a query.
        schema["minItems"] = 1
    schema = validated(_with_format(schema, field), field, inner)
    return {"anyOf": [schema, {"type": "null"}]} if schema and _is_nullable(field, way) else schema


def object_schema(schema: Schema, way: Way, *, whole: bool = False) -> JsonSchema:
    """Return the JSON Schema of what a marshmallow schema sends, without the fields' descriptions.

    Args:
        schema: A schema whose fields both load and dump.
        way: The direction of its fields.
        whole: Whether to require each field that the schema would fill in.
    Raises:
        UndocumentableError: No JSON Schema is exact; the message has the field's name.
    """
    properties: dict[str, JsonSchema] = {}
    required: list[str] = []
    for name, field in schema.fields.items():
        key = field.data_key or name
        with named(schema, name):
            properties[key] = schema_of(field, way)
        is_filled = whole and (field.load_default is not missing or field.dump_default is not missing)
        if is_required(field) or is_filled:
            required.append(key)
    described: JsonSchema = {"type": "object", "properties": properties}
    if required:
        described["required"] = sorted(required)
    return described | {"additionalProperties": False}


def is_required(field: fields.Field[Any]) -> bool:
    """Return whether a field is required; a constant never is."""
    return field.required and not isinstance(field, fields.Constant)


def said_of(field: fields.Field[Any], schema: JsonSchema) -> JsonSchema:
    """Return what a field says for its reader, beside its schema: its default, and its metadata.

    Args:
        field: Of which.
        schema: Its schema.
    """
    said: JsonSchema = {}
    if field.load_default is not missing and not callable(field.load_default):
        # A query's view may be given what no query can say.
        with contextlib.suppress(ValueError):
            default = _sent(field, field.load_default)
            if compiled(schema, lambda _: Rule((dict, list), None)).holds(default):
                said["default"] = default
    for key, value in field.metadata.items():
        name = key.replace("_", "-") if key.startswith("x_") else key
        if name in _ANNOTATIONS or name.startswith("x-"):
            said[name] = value
    return said


def _is_nullable(field: fields.Field[Any], way: Way) -> bool:
    return way.direction == "answer" and field.allow_none and not isinstance(field, fields.Constant)


def _with_format(schema: JsonSchema, field: fields.Field[Any]) -> JsonSchema:
    asserted = {key for key in field.metadata if key in _ASSERTIONS}
    name = str(field.metadata.get("format"))
    if asserted == {"format"} and schema == {"type": "string"} and name in texts.FORMATS:
        return texts.FORMATS[name]
    if asserted:
        raise UndocumentableError(
            f"{', '.join(sorted(asserted))} in the metadata is not enforced; use validate=, or, for a "
            f"String, a format of {', '.join(texts.FORMATS)}"
        )
    return schema


def check_said(field: fields.Field[Any], rule: Rule, *, is_sent: bool) -> None:
    """Refuse a field whose examples or defaults are not among its own values.

    Args:
        field: The field.
        rule: The field's compiled schema.
        is_sent: Whether its default is sent; a query's default is passed to the view, and may be anything.
    Raises:
        UndocumentableError: An example or a default is not a value of the field.
    """
    examples = field.metadata.get("examples", [])
    if not isinstance(examples, (list, tuple)) or not all(map(rule.holds, examples)):
        raise UndocumentableError(f"the examples {examples!r} are not values of the field; give a list of its values")
    for key, value in field.metadata.items():
        kind = {"title": str, "description": str, "deprecated": bool, "readOnly": bool}.get(key, object)
        if (key in _ANNOTATIONS or key.startswith(("x_", "x-"))) and not (is_json(value) and isinstance(value, kind)):
            raise UndocumentableError(
                f"its {key} in the metadata, {value!r}, cannot be in a document; write it as JSON"
            )
        if key in {"default", "example"} and not rule.holds(value):
            raise UndocumentableError(f"the {key} {value!r} is not a value of the field; give one that is")
    for default in (field.load_default, field.dump_default) if is_sent else ():
        if default is not missing and not callable(default):
            try:
                is_own = rule.holds(_sent(field, default))
            except ValueError:
                is_own = False
            if not is_own:
                raise UndocumentableError(f"its default {default!r} is not one of its values; give one that is")


def _sent(field: fields.Field[Any], value: Any) -> Any:
    try:
        return plain_json(field._serialize(value, None, None))  # noqa: SLF001 - how a field is serialised
    except Exception as error:  # for a value that is not the field's, it may fail in any way
        raise ValueError(value) from error


def _raw(field: fields.Field[Any], way: Way) -> JsonSchema:
    if way.direction == "query":
        raise UndocumentableError("a query is text, and this field has no type to parse it as; use String or Integer")
    return {} if field.allow_none else {"not": {"type": "null"}}


def _plain(schema: JsonSchema) -> Callable[[Any, Way], JsonSchema]:
    return lambda _field, _way: dict(schema)


def _integer(field: fields.Integer, _: Way) -> JsonSchema:
    if not field.as_string:
        return {"type": "integer"}
    if field.strict:
        raise UndocumentableError("as_string sends text, which strict refuses; remove one of them")
    return texts.text(texts.INTEGER)


def _float(field: fields.Float, _: Way) -> JsonSchema:
    if field.as_string:
        return texts.floating(special=field.allow_nan)
    if field.allow_nan:
        raise UndocumentableError(
            "JSON has no NaN and no infinity; remove allow_nan, and use allow_none for a missing value"
        )
    return {"type": "number", "format": "double"}


def _decimal(field: fields.Decimal, way: Way) -> JsonSchema:
    places = None if field.places is None else -int(field.places.as_tuple().exponent)
    digits = decimal.DefaultContext.prec - (places or 0)
    if digits < 2:
        raise UndocumentableError(f"{places} places are more than a decimal has; use fewer")
    if field.as_string:
        return texts.decimal(places, digits, special=field.allow_nan)
    if way.direction == "answer":
        raise UndocumentableError("JSON has no decimals; send text with as_string=True, or use Float")
    if field.allow_nan:
        raise UndocumentableError("JSON has no NaN and no infinity; remove allow_nan")
    limit = {} if places is None else {"minimum": -(10 ** (digits - 1)), "maximum": 10 ** (digits - 1)}
    return {"type": "number", "format": "decimal", **limit}


def _boolean(field: fields.Boolean, _: Way) -> JsonSchema:
    if field.truthy and (True not in field.truthy or False not in field.falsy or True in field.falsy):
        raise UndocumentableError(
            "it sends true and false, but its truthy and falsy refuse them; remove truthy and falsy"
        )
    if not field.truthy and field.falsy != fields.Boolean.falsy:
        raise UndocumentableError("without truthy, falsy has no effect; remove it")
    return {"type": "boolean"}


def _date_time(field: fields.DateTime, way: Way) -> JsonSchema:
    if field.format in {"timestamp", "timestamp_ms"}:
        if isinstance(field, fields.AwareDateTime) and field.default_timezone != dt.UTC:
            raise UndocumentableError("a timestamp is read as UTC; give default_timezone=datetime.UTC")
        unit = 1 if field.format == "timestamp" else 1_000
        return {"type": "number", "minimum": 0, "maximum": _LAST_SECOND * unit}
    _needs_iso(field)
    accepts_other = way.direction == "query" and (
        getattr(field, "timezone", None) or getattr(field, "default_timezone", None)
    )
    if isinstance(field, fields.AwareDateTime) and not accepts_other:
        return dict(texts.DATE_TIME)
    if isinstance(field, fields.NaiveDateTime) and accepts_other:
        return {"anyOf": [dict(texts.SHIFTED_DATE_TIME), dict(texts.LOCAL_DATE_TIME)]}
    if isinstance(field, fields.NaiveDateTime) and not accepts_other:
        return dict(texts.LOCAL_DATE_TIME)
    return {"anyOf": [dict(texts.DATE_TIME), dict(texts.LOCAL_DATE_TIME)]}


def _iso(schema: JsonSchema) -> Callable[[Any, Way], JsonSchema]:
    def of(field: Any, _: Way) -> JsonSchema:
        _needs_iso(field)
        return dict(schema)

    return of


def _needs_iso(field: Any) -> None:
    if field.format not in {None, "iso", "iso8601"}:
        raise UndocumentableError(
            f"JSON Schema cannot express dates or times of the format {field.format!r}; remove it, for ISO 8601"
        )


def _time_delta(field: fields.TimeDelta, _: Way) -> JsonSchema:
    most = _MOST_DAYS * 86_400_000_000 // field._unit_to_microseconds_mapping[field.precision]  # noqa: SLF001
    return {"type": "number", "format": "double", "minimum": -most, "maximum": most, "x-unit": field.precision}


def _ip(_field: fields.IP, _: Way) -> JsonSchema:
    return {"anyOf": [dict(texts.FORMATS["ipv4"]), dict(texts.FORMATS["ipv6"])]}


def _enum(field: fields.Enum[Any], way: Way) -> JsonSchema:
    if all(member.value is None and field.by_value for member in field.enum):
        raise UndocumentableError("the enumeration is empty; give it members")
    if field.by_value is False:
        return {"type": "string", "enum": list(field.enum.__members__)}
    inner = schema_of(field.field, Way(direction="answer", refer=way.refer))
    sent = []
    for member in field.enum:
        try:
            value = as_sent(field.field, inner, member.value) if member.value is not None else None
            if field._deserialize(value, None, None) is not member:  # noqa: SLF001 - a field's way to read
                raise ValueError(member)  # noqa: TRY301 - like any other that is not read back
        except Exception as error:  # an enumeration may refuse a value in any way
            raise UndocumentableError(
                f"{member!r} is not read back from what is sent for it; remove by_value, or set it to the values' field"
            ) from error
        sent.append(value)
    # allow_none adds the null.
    return {"enum": [value for value in sent if value is not None]}


def _constant(field: fields.Constant[Any], _: Way) -> JsonSchema:
    if field.validators:
        raise UndocumentableError("a constant needs no validator; remove it")
    if field.constant is None and not field.allow_none:
        raise UndocumentableError("a constant None is refused when it is given; set allow_none=True")
    if not is_json(field.constant):
        raise UndocumentableError(f"{field.constant!r} is not JSON; write the constant as it is sent")
    return {"const": plain_json(field.constant)}


def _computed(field: fields.Field[Any], _: Way) -> JsonSchema:
    raise UndocumentableError(
        f"what a {type(field).__name__} sends is unknown; compute the value in the view, and use a field of its type"
    )


def _tuple(field: fields.Tuple, way: Way) -> JsonSchema:
    _not_in_query(way, "Tuple", "List")
    size = len(field.tuple_fields)
    items = {"prefixItems": [schema_of(each, way) for each in field.tuple_fields]} if size else {}
    return {"type": "array", **items, "minItems": size, "maxItems": size}


def _mapping(field: fields.Mapping[Any], way: Way) -> JsonSchema:
    _not_in_query(way, type(field).__name__, "one field for each key")
    schema: JsonSchema = {"type": "object"}
    if field.key_field is not None:
        names = schema_of(field.key_field, way)
        if names.get("type") != "string":
            raise UndocumentableError(
                "keys are text in JSON, but this one's are not, or may be null; use String or Integer(as_string=True)"
            )
        if names != {"type": "string"}:
            schema["propertyNames"] = names
    schema["additionalProperties"] = {} if field.value_field is None else schema_of(field.value_field, way)
    return schema


def _nested(field: fields.Nested, way: Way) -> JsonSchema:
    _not_in_query(way, "Nested", "its fields, one parameter each")
    referred = way.refer(field.schema)
    return {"type": "array", "items": referred} if field.schema.many or field.many else referred


def _pluck(field: fields.Pluck, way: Way) -> JsonSchema:
    _not_in_query(way, "Pluck", "the field that it plucks")
    plucked = field.schema.fields[field.field_name]
    if plucked.allow_none and not (field.allow_none or field.many):
        raise UndocumentableError(
            "the plucked field may be null, but this one may not; set allow_none=True on both, or on neither"
        )
    # A missing value cannot be expressed in what it sends.
    schema = schema_of(plucked, way)
    return {"type": "array", "items": schema} if field.many else schema


def _not_in_query(way: Way, name: str, cure: str) -> None:
    if way.direction == "query":
        raise UndocumentableError(f"a query string has only single values and lists of them, not a {name}; use {cure}")


# The abstract ones are here for their subclasses.
_SCHEMAS: Mapping[type, Callable[[Any, Way], JsonSchema]] = {
    fields.AwareDateTime: _date_time,
    fields.Boolean: _boolean,
    fields.Constant: _constant,
    fields.Date: _iso(texts.DATE),
    fields.DateTime: _date_time,
    fields.Decimal: _decimal,
    fields.Dict: _mapping,
    fields.Email: _plain({"type": "string"}),
    fields.Enum: _enum,
    fields.Field: _raw,
    fields.Float: _float,
    fields.Function: _computed,
    fields.IP: _ip,
    fields.IPInterface: lambda _field, _way: texts.ip_interface((4, 6)),
    fields.IPv4: _plain(texts.FORMATS["ipv4"]),
    fields.IPv4Interface: lambda _field, _way: texts.ip_interface((4,)),
    fields.IPv6: _plain(texts.FORMATS["ipv6"]),
    fields.IPv6Interface: lambda _field, _way: texts.ip_interface((6,)),
    fields.Integer: _integer,
    fields.List: lambda _field, _way: {},
    fields.Method: _computed,
    fields.NaiveDateTime: _date_time,
    fields.Nested: _nested,
    fields.Pluck: _pluck,
    fields.Raw: _raw,
    fields.String: _plain({"type": "string"}),
    fields.Time: _iso(texts.TIME),
    fields.TimeDelta: _time_delta,
    fields.Tuple: _tuple,
    fields.URL: _plain({"type": "string"}),
    fields.UUID: _plain(texts.FORMATS["uuid"]),
}
