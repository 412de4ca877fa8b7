"""What the tests know of a document without asking the code: who is right by it, and which values it promises."""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import jsonschema
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import strategies as st
from jsonschema.protocols import Validator
from marshmallow import Schema, fields

from flask_app import openapi, problems
from flask_app.contract import declare

FORMATS = jsonschema.FormatChecker(jsonschema.Draft202012Validator.FORMAT_CHECKER.checkers)
# OpenAPI's name for the numbers that a double can hold.
FORMATS.checks("double")(lambda value: not isinstance(value, (int, float, Decimal)) or math.isfinite(float(value)))
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@functools.cache
def of_ecma(pattern: str) -> re.Pattern[str]:
    """Return a document's pattern as its reader means it: $ is the very end, which it is not to Python."""
    return re.compile(re.sub(r"(?<!\\)\$", r"\\Z", pattern), re.ASCII)


def _matches(_: Validator, pattern: str, instance: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    if isinstance(instance, str) and of_ecma(pattern).search(instance) is None:
        yield jsonschema.ValidationError(f"{instance!r} is not of {pattern!r}")


# In a query no integer is written with a fraction, and in an answer none is.
_TYPES = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
_Reader = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _matches}, type_checker=_TYPES)


class Service:
    """An app of one view under a contract, and its document.

    Attributes:
        client: Asks it.
        returned: What its view returns next.
        received: What its view was given last.
    """

    def __init__(self, *, response: type[Schema] | None = None, query: type[Schema] | None = None) -> None:
        class Done(Schema):
            ok = fields.Boolean(required=True)

        self.returned: Any = {"ok": True}
        self.received: dict[str, Any] = {}

        @declare(response=response or Done, query=query, summary="Serve")
        def view(**arguments: Any) -> Any:
            self.received = arguments
            return self.returned

        app = Flask("documented", static_folder=None)
        app.logger.disabled = True
        problems.init_app(app)
        app.add_url_rule("/serve", view_func=view)
        self.client: FlaskClient = app.test_client()
        self.document: dict[str, Any] = json.loads(json.dumps(openapi.document(app), allow_nan=False))
        self.operation: dict[str, Any] = self.document["paths"]["/serve"]["get"]

    @property
    def answered(self) -> dict[str, Any]:
        """What the document says of the answer."""
        schema: dict[str, Any] = self.operation["responses"]["200"]["content"]["application/json"]["schema"]
        return schema

    def parameter(self, name: str = "v") -> dict[str, Any]:
        """Return what the document says of a parameter."""
        found: dict[str, Any]
        [found] = [each for each in self.operation["parameters"] if each["name"] == name]
        return found

    def allows(self, schema: Mapping[str, Any], value: Any) -> bool:
        """Say whether a schema of the document allows a value, its formats included."""
        rooted = {**schema, "components": self.document["components"]}
        return bool(_Reader(rooted, format_checker=FORMATS).is_valid(value))

    def answer(self, returned: Any) -> tuple[int, Any]:
        """Return the status and the JSON of the answer to what a view returns; NaN is none."""
        self.returned = returned
        response = self.client.get("/serve")
        return response.status_code, json.loads(response.data, parse_constant=not_json)

    def values(self, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
        """Return what a schema of the document promises."""
        return self._drawn(schema).filter(lambda value: self.allows(schema, value))

    def _drawn(self, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return st.deferred(lambda: self._drawn(self.document["components"]["schemas"][name]))
        if "enum" in schema or "const" in schema:
            return st.sampled_from(schema.get("enum", [schema.get("const")]))
        if "anyOf" in schema:
            return st.one_of(*map(self._drawn, schema["anyOf"]))
        kinds: Mapping[str | None, Callable[[Mapping[str, Any]], st.SearchStrategy[Any]]] = {
            "array": self._arrays,
            "object": self._objects,
            "string": _strings,
            "number": _numbers,
            "integer": _integers,
            "boolean": lambda _: st.booleans(),
            "null": lambda _: st.none(),
            None: lambda _: JSON_VALUES,
        }
        return kinds[schema.get("type")](schema)

    def _arrays(self, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
        if "prefixItems" in schema:
            return st.tuples(*map(self._drawn, schema["prefixItems"])).map(list)
        low = schema.get("minItems", 0)
        extra = [each["items"] for each in schema.get("allOf", []) if "items" in each]
        items = schema.get("items", {})
        # Where only some items will do, they are drawn from the narrower schema.
        narrow = next((each for each in extra if "enum" in each), items)
        return st.lists(self._drawn(narrow), min_size=low, max_size=min(schema.get("maxItems", low + 3), low + 3))

    def _objects(self, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
        drawn = {key: self._drawn(each) for key, each in schema.get("properties", {}).items()}
        required = {key: drawn.pop(key) for key in schema.get("required", [])}
        fixed = st.fixed_dictionaries(required, optional=drawn)
        if schema.get("additionalProperties") is False:
            return fixed
        names = self._drawn(schema.get("propertyNames", {"type": "string"}))
        others = self._drawn(schema.get("additionalProperties", {}))
        low = schema.get("minProperties", 0)
        return st.dictionaries(names, others, min_size=low, max_size=min(schema.get("maxProperties", low + 2), low + 2))


def not_json(constant: str) -> None:
    """Refuse what Python's parser takes for JSON."""
    raise AssertionError(f"{constant} is not JSON")


def _strings(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    drawn = {
        "date": st.dates().map(str),
        "date-time": st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()),
        "uuid": st.uuids().map(str) | st.uuids().map(lambda each: str(each).upper()),
        "ipv4": st.ip_addresses(v=4).map(str),
        "ipv6": st.ip_addresses(v=6).map(str) | st.ip_addresses(v=6).map(lambda each: each.exploded.upper()),
    }.get(schema.get("format", ""))
    if drawn is not None:
        return drawn
    if "pattern" in schema:
        return _of_pattern(schema["pattern"])
    low = schema.get("minLength", 0)
    return st.text(min_size=low, max_size=min(schema.get("maxLength", low + 9), low + 9))


@functools.cache
def _of_pattern(pattern: str) -> st.SearchStrategy[str]:
    # Hypothesis takes a long pattern apart for longer than it then draws from it.
    return st.from_regex(of_ecma(pattern))


def _numbers(schema: Mapping[str, Any]) -> st.SearchStrategy[float]:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    ends = st.sampled_from([end for end in (low, high, 0, 1) if end is not None])
    # Zero has no sign here.
    low, high = (None if end is None else float(end) + 0.0 for end in (low, high))
    floats = st.floats(low, high, allow_nan=False, allow_infinity=False)
    return floats | ends | _integers(schema)


def _integers(schema: Mapping[str, Any]) -> st.SearchStrategy[int]:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    low, high = (low if low is None else int(low)), (high if high is None else int(high))
    return st.integers(low, high if low is None or high is None else max(low, high)) if schema else st.just(0)


def spelled(value: Any) -> str:
    """Return a single value as a query string has it."""
    return value if isinstance(value, str) else json.dumps(value)


def read_as(text: str) -> list[Any]:
    """Return what a text may be in a query, by JSON's grammar; what is written with a fraction is no integer."""
    options: list[Any] = [text]
    if text in {"true", "false"}:
        options.append(text == "true")
    if re.fullmatch(r"-?[0-9]+", text, re.ASCII):
        options.append(int(text))
    elif re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", text, re.ASCII):
        options.append(float(text) if math.isfinite(float(text)) else Decimal(text))
    return options
