"""Parse a query string with a marshmallow schema, exactly as the document describes each parameter."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from marshmallow import Schema, ValidationError, fields, missing
from werkzeug.datastructures import MultiDict

from flask_app.wire.answers import check_class, instance_of
from flask_app.wire.field_schemas import JsonSchema, Way, check_said, schema_of
from flask_app.wire.holding import Rule, compiled
from flask_app.wire.refusal import UndocumentableError, named

_REPEATED = "Give this parameter once."
_INVALID = "Not a valid value."
_INTEGER = re.compile(r"-?[0-9]+")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


class InvalidError(Exception):
    """The query string does not match the document.

    Attributes:
        errors: Messages by parameter.
    """

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__(errors)
        self.errors = errors


class Parameter(NamedTuple):
    """One parameter, as documented.

    Attributes:
        key: Its name in the query string.
        argument: The view's argument.
        field: The field that loads it.
        schema: Its JSON Schema.
        rule: The compiled schema.
        read: Parses one of its texts as JSON; raises ``ValueError`` or ``KeyError``.
        is_list: Whether it may be repeated.
        is_ready: Whether the view gets the parsed and checked value unchanged.
    """

    key: str
    argument: str
    field: fields.Field[Any]
    schema: JsonSchema
    rule: Rule
    read: Callable[[str], Any]
    is_list: bool
    is_ready: bool


class Query:
    """The query that a view takes.

    Attributes:
        schema: The schema.
        parameters: The parameters by their names in the query string.
    """

    def __init__(self, schema_class: type[Schema]) -> None:
        """Inspect a schema.

        Raises:
            UndocumentableError: What it accepts cannot be documented exactly; the message has the reason and remedy.
        """
        self.schema = instance_of(schema_class)
        if self.schema.many:
            raise UndocumentableError(
                "it has many=True, but a query is one mapping; use a List for a repeated parameter"
            )
        check_class(self.schema, "query")
        dumped = sorted(self.schema.fields.keys() - self.schema.load_fields.keys())
        if dumped:
            raise UndocumentableError(f"{', '.join(dumped)} is dump_only, but a query is never dumped; remove it")
        self.parameters = {}
        for name, field in self.schema.fields.items():
            with named(self.schema, name):
                parameter = _parameter(name, field)
                check_said(field, parameter.rule, is_sent=False)
            self.parameters[parameter.key] = parameter
        self._unknown = f"Unknown parameter; known parameters: {', '.join(sorted(self.parameters))}."

    def load(self, given: MultiDict[str, str]) -> dict[str, Any]:
        """Return the view's arguments.

        Args:
            given: The query string's parameters, each with all its values.
        Raises:
            InvalidError: They do not match the document.
        """
        arguments: dict[str, Any] = {}
        errors: dict[str, list[str]] = {}
        for key, texts in given.lists():
            parameter = self.parameters.get(key)
            if len(texts) > 1 and (parameter is None or not parameter.is_list):
                errors[key] = [_REPEATED]
            elif parameter is None:
                errors[key] = [self._unknown]
            else:
                _take(arguments, errors, parameter, texts)
        if len(arguments) < len(self.parameters):
            for key, parameter in self.parameters.items():
                if key not in given:
                    _take(arguments, errors, parameter, [])
        if errors:
            raise InvalidError(errors)
        return arguments


def _take(arguments: dict[str, Any], errors: dict[str, list[str]], parameter: Parameter, texts: Sequence[str]) -> None:
    try:
        value = _loaded(parameter, texts) if texts else parameter.field.deserialize(missing)
    except ValidationError as invalid:
        errors[parameter.key] = _messages(invalid.messages)
    else:
        if value is not missing:
            arguments[parameter.argument] = value


def _parameter(name: str, field: fields.Field[Any]) -> Parameter:
    if field.attribute is not None and "." in field.attribute:
        raise UndocumentableError("a dotted attribute cannot be an argument of a view; name one argument")
    schema = schema_of(field, Way(direction="query", refer=_nested))
    single, one = (field.inner, schema["items"]) if isinstance(field, fields.List) else (field, schema)
    kinds = _kinds(one)
    if len(kinds) != 1 or not kinds <= _READERS.keys():
        lack = "cannot be" if len(kinds) == 1 else "does not show whether it is"
        raise UndocumentableError(
            f"a value in a query is text, and {lack} {' or '.join(sorted(kinds))}; use single values of one type, or a "
            "List of them"
        )
    is_decimal = isinstance(single, fields.Decimal) and not single.as_string
    is_plain = isinstance(single, (fields.String, fields.Integer, fields.Boolean)) and not getattr(
        single, "as_string", False
    )
    return Parameter(
        key=field.data_key or name,
        argument=field.attribute or name,
        field=field,
        schema=schema,
        rule=compiled(schema, _nothing),
        read=_decimal if is_decimal else _READERS[kinds.pop()],
        is_list=single is not field,
        is_ready=is_plain,
    )


def _loaded(parameter: Parameter, texts: Sequence[str]) -> Any:
    field = parameter.field
    try:
        value = [parameter.read(text) for text in texts] if parameter.is_list else parameter.read(texts[0])
    except (ValueError, KeyError):
        # The field has better messages for most values that are not numbers or booleans.
        value = list(texts) if parameter.is_list else texts[0]
    else:
        if parameter.rule.holds(value):
            return value if parameter.is_ready else field.deserialize(value)
    try:
        field.deserialize(value)
    except ValidationError:
        raise
    except Exception:  # noqa: BLE001, S110 - for a value that is not the field's, it may fail in any way
        pass
    # The field accepts more than the document: spaces, underscores, other digits, other date formats.
    said = field.error_messages.get("invalid")
    raise ValidationError(said if isinstance(said, str) and "{" not in said else _INVALID)


def _messages(messages: Any) -> list[str]:
    if isinstance(messages, Mapping):
        return [
            f"Value {key + 1}: {message}" if isinstance(key, int) else message
            for key, inner in messages.items()
            for message in _messages(inner)
        ]
    return [str(message) for message in (messages if isinstance(messages, list) else [messages])]


def _kinds(schema: JsonSchema) -> set[str]:
    if "type" in schema:
        return {schema["type"]}
    if "anyOf" in schema:
        return {kind for each in schema["anyOf"] for kind in _kinds(each)}
    kinds = {_kind(value) for value in schema.get("enum", [schema.get("const")])}
    return {"number"} if kinds == {"integer", "number"} else kinds


def _kind(value: Any) -> str:
    return {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}.get(
        type(value), "null"
    )


def _integer(text: str) -> int:
    # int() also accepts spaces, a plus sign, underscores and the digits of every script.
    if _INTEGER.fullmatch(text) is None:
        raise ValueError(text)
    return int(text)


def _number(text: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(text)
    return float(text)


def _decimal(text: str) -> Decimal:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(text)
    try:
        return Decimal(text)
    except InvalidOperation as error:
        # Its exponent is too large for a decimal.
        raise ValueError(text) from error


_READERS: Mapping[str, Callable[[str], Any]] = {
    "string": str,
    "integer": _integer,
    "number": _number,
    "boolean": {"true": True, "false": False}.__getitem__,
}


def _nested(_: Schema) -> JsonSchema:
    raise UndocumentableError("a query string has only single values and lists of them, nothing nested")


def _nothing(name: str) -> Rule:
    raise KeyError(name)
