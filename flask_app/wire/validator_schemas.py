"""Derive how a marshmallow validator narrows the JSON Schema of a field."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from marshmallow import fields, validate

from flask_app.wire import texts
from flask_app.wire.holding import Rule, compiled, is_json, same_json
from flask_app.wire.pattern import searched
from flask_app.wire.refusal import UndocumentableError, known_class

JsonSchema = dict[str, Any]

# For these keywords, one of two operands is the narrower one.
_NARROWER: Mapping[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum"), max),
    **dict.fromkeys(("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum"), min),
}
# The bounds of the remaining range, and whether one value may be both.
_ENDS = (
    *(("minLength", "maxLength", True), ("minItems", "maxItems", True), ("minProperties", "maxProperties", True)),
    *(("minimum", "maximum", True), ("minimum", "exclusiveMaximum", False), ("exclusiveMinimum", "maximum", False)),
    ("exclusiveMinimum", "exclusiveMaximum", False),
)
# In these fields, no two texts or numbers load as the same value, so a document can forbid a value exactly.
_ONE_SPELLING = (fields.String, fields.Integer, fields.Float, fields.Boolean, fields.Date)


def narrowed(schema: JsonSchema, constraint: JsonSchema) -> JsonSchema:
    """Return the intersection of two schemas."""
    merged = dict(schema)
    for keyword, operand in constraint.items():
        if keyword not in merged:
            merged[keyword] = operand
        elif keyword in _NARROWER:
            merged[keyword] = _NARROWER[keyword](merged[keyword], operand)
        elif merged[keyword] != operand:
            merged["allOf"] = [*merged.get("allOf", []), {keyword: operand}]
    return merged


def validated(schema: JsonSchema, field: fields.Field[Any], inner: JsonSchema | None = None) -> JsonSchema:
    """Return the schema of a field with its validators.

    Args:
        schema: The field's schema without them, and without its null.
        field: The field with the validators.
        inner: The schema of the items, if the field is a list.
    Raises:
        UndocumentableError: JSON Schema cannot express what one of them accepts.
    """
    for validator in _flat(field.validators):
        known = known_class(validator, frozenset(_CONSTRAINTS))
        if known is None:
            name = getattr(validator, "__name__", type(validator).__name__)
            raise UndocumentableError(
                f"what {name} accepts is unknown; use validators of marshmallow.validate, or check in the view"
            )
        schema = narrowed(schema, _CONSTRAINTS[known](validator, field, schema, inner))
    for least, most, may_meet in _ENDS:
        if least in schema and most in schema:
            low, high = schema[least], schema[most]
            if low > high or (low == high and not may_meet):
                raise UndocumentableError(f"no value has both {least} {low} and {most} {high}; widen one")
    return schema


def as_sent(field: fields.Field[Any], schema: JsonSchema, value: Any) -> Any:
    """Return the JSON that a field sends for a value.

    Args:
        field: The field.
        schema: The schema of what it sends, including its choices.
        value: The loaded value.
    Raises:
        ValueError: It sends no such value, or would load another value from what it sends.
    """
    if value is None:
        if not field.allow_none:
            raise ValueError(value)
        return None
    if isinstance(field, fields.Boolean) and value in (0, 1):
        # In Python these are equal to booleans.
        value = bool(value)
    is_documented = compiled(schema, _no_reference).holds
    try:
        sent = plain_json(field._serialize(value, None, None))  # noqa: SLF001 - a field's way to be written
        is_read_back = is_documented(sent) and field._deserialize(sent, None, None) == value  # noqa: SLF001
    except UndocumentableError:
        raise
    except Exception as error:  # of a value that is not the field's, it may fail in any way
        raise ValueError(value) from error
    if not is_read_back:
        raise ValueError(value)
    return sent


def plain_json(value: Any) -> Any:
    """Return a value as JSON: a decimal as a number, a tuple as a list.

    Raises:
        ValueError: It cannot be expressed in JSON.
    """
    if isinstance(value, Decimal):
        value = int(value) if value == value.to_integral_value() else float(value)
    elif isinstance(value, (list, tuple)):
        value = [plain_json(each) for each in value]
    if not is_json(value):
        raise ValueError(value)
    return value


def _no_reference(_: str) -> Rule:
    raise UndocumentableError("single values cannot be distinguished in nested schemas; check them in the view")


def _flat(validators: Iterable[Any]) -> Iterable[Any]:
    for validator in validators:
        if type(validator) is validate.And:
            yield from _flat(validator.validators)
        else:
            yield validator


def _met(values: Any, field: fields.Field[Any], schema: JsonSchema) -> list[Any]:
    # Choices that no value of the field can equal are ignored.
    if isinstance(values, (str, bytes)):
        raise UndocumentableError("a text as choices also allows its substrings; give a list")
    met: list[Any] = []
    for value in values:
        try:
            sent = as_sent(field, schema, value)
        except ValueError:
            continue
        if not any(same_json(sent, each) for each in met):
            met.append(sent)
    return met


def _one_of(validator: Any, field: fields.Field[Any], schema: JsonSchema, _: JsonSchema | None) -> JsonSchema:
    choices = [validator.comparable] if isinstance(validator, validate.Equal) else validator.choices
    met = _met(choices, field, schema)
    if not met:
        raise UndocumentableError(f"no value of the field satisfies {validator!r}; give the choices as loaded values")
    return {"enum": met}


def _none_of(validator: Any, field: fields.Field[Any], schema: JsonSchema, _: JsonSchema | None) -> JsonSchema:
    _needs_one_spelling(field)
    forbidden = _met(validator.iterable, field, schema)
    return {"not": {"enum": forbidden}} if forbidden else {}


def _needs_one_spelling(field: fields.Field[Any]) -> None:
    is_plain = isinstance(field, _ONE_SPELLING) and not getattr(field, "as_string", False)
    if not is_plain and not (isinstance(field, fields.Integer) and field.as_string):
        raise UndocumentableError(
            f"a {type(field).__name__} can be written in several ways, and a document forbids only one; list the "
            "allowed "
            "values with OneOf, or check in the view"
        )


def _contains(validator: Any, field: fields.Field[Any], _: JsonSchema, inner: JsonSchema | None) -> JsonSchema:
    if not isinstance(field, fields.List) or inner is None:
        raise UndocumentableError(f"{type(validator).__name__} is for a List; use Regexp for the characters of a text")
    if isinstance(validator, validate.ContainsNoneOf):
        forbidden = _none_of(validator, field.inner, inner, None)
        return {"items": forbidden} if forbidden else {}
    allowed = _met(validator.choices, field.inner, inner)
    return {"items": {"enum": allowed}} if allowed else {"maxItems": 0}


def _range(validator: Any, field: fields.Field[Any], schema: JsonSchema, _: JsonSchema | None) -> JsonSchema:
    if schema.get("type") not in {"integer", "number"}:
        raise UndocumentableError(
            "a document has bounds only for numbers, but this is not sent as one; use Integer or Float, or check in "
            "the view"
        )
    rounds = isinstance(field, (fields.TimeDelta, fields.DateTime)) or getattr(field, "places", None) is not None
    constraint: JsonSchema = {}
    for bound, inclusive, keyword in (
        (validator.min, validator.min_inclusive, "minimum"),
        (validator.max, validator.max_inclusive, "maximum"),
    ):
        if bound is None:
            continue
        if rounds and not inclusive:
            raise UndocumentableError(
                "with an exclusive bound, rounding makes the allowed values unclear; use an inclusive one"
            )
        exclusive = f"exclusive{keyword.capitalize()}"
        constraint[keyword if inclusive else exclusive] = _bound(bound, field)
    return constraint


def _bound(bound: Any, field: fields.Field[Any]) -> int | float:
    try:
        if isinstance(field, fields.Integer):
            number = plain_json(bound)
            is_exact = number == bound
        else:
            number = plain_json(field._serialize(bound, None, None))  # noqa: SLF001 - a field's way to be written
            is_exact = field._deserialize(number, None, None) == bound  # noqa: SLF001
        if is_exact and type(number) in {int, float} and math.isfinite(number):
            return number  # type: ignore[no-any-return]  # its type was checked
    except Exception as error:  # of a bound that is not the field's, it may fail in any way
        raise UndocumentableError(f"{bound!r} cannot be written as a number of the field; give one that can") from error
    raise UndocumentableError(f"{bound!r} becomes another number in JSON; give one that stays the same")


def _length(validator: Any, field: fields.Field[Any], schema: JsonSchema, _: JsonSchema | None) -> JsonSchema:
    is_counted = {
        "string": isinstance(field, fields.String),
        "array": True,
        "object": isinstance(field, fields.Mapping),
    }
    if not is_counted.get(schema.get("type", ""), False):
        raise UndocumentableError(
            "this field has no length that a document can express; use Range for a number, Regexp for a text"
        )
    if isinstance(field, fields.Mapping) and field.key_field is not None:
        _needs_one_spelling(field.key_field)
    low, high = (validator.min, validator.max) if validator.equal is None else (validator.equal, validator.equal)
    if any(limit is not None and type(limit) is not int for limit in (low, high)) or (high is not None and high < 0):
        raise UndocumentableError("a length must be a whole number from 0")
    unit = {"string": "Length", "array": "Items", "object": "Properties"}[schema["type"]]
    constraint = {} if low is None else {f"min{unit}": max(low, 0)}
    return constraint if high is None else constraint | {f"max{unit}": high}


def _needs_text(validator: Any, field: fields.Field[Any]) -> None:
    if not isinstance(field, fields.String):
        raise UndocumentableError(f"{type(validator).__name__} is for texts; use it with a String")


def _regexp(validator: Any, field: fields.Field[Any], _: JsonSchema, __: JsonSchema | None) -> JsonSchema:
    _needs_text(validator, field)
    return {"pattern": searched(validator.regex)}


def _email(validator: Any, field: fields.Field[Any], _: JsonSchema, __: JsonSchema | None) -> JsonSchema:
    _needs_text(validator, field)
    return texts.EMAIL


def _url(validator: Any, field: fields.Field[Any], _: JsonSchema, __: JsonSchema | None) -> JsonSchema:
    _needs_text(validator, field)
    return texts.url(validator)


def _predicate(validator: Any, *_: object) -> JsonSchema:
    raise UndocumentableError(
        f"the result of {validator.method}() cannot be documented; use Regexp or OneOf, or check in the view"
    )


_CONSTRAINTS: Mapping[type, Callable[..., JsonSchema]] = {
    validate.ContainsNoneOf: _contains,
    validate.ContainsOnly: _contains,
    validate.Email: _email,
    validate.Equal: _one_of,
    validate.Length: _length,
    validate.NoneOf: _none_of,
    validate.OneOf: _one_of,
    validate.Predicate: _predicate,
    validate.Range: _range,
    validate.Regexp: _regexp,
    validate.URL: _url,
}
