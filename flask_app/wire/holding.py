"""Check a value against a JSON Schema: the keywords that this package uses, compiled to functions.

A value is what goes to the JSON provider or comes from a query: ``dict`` with text as keys, ``list`` or ``tuple``,
``str``, ``int``, ``float`` that is a number, ``bool`` and ``None``; of a query also ``Decimal``.
"""

from __future__ import annotations

import datetime as dt
import functools
import ipaddress
import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import NoneType
from typing import Any, NamedTuple

Check = Callable[[Any], bool]
JsonSchema = dict[str, Any]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float, Decimal),
    "boolean": (bool,),
    "null": (NoneType,),
    "array": (list, tuple),
    "object": (dict,),
}
_EVERY_TYPE = tuple(each for types in _TYPES.values() for each in types)


class Rule(NamedTuple):
    """A schema's conditions for a value: first its type, which decides most cases, then the rest, if any."""

    types: tuple[type, ...]
    rest: Check | None

    def holds(self, value: Any) -> bool:
        """Return whether a value matches the schema."""
        return type(value) in self.types and (self.rest is None or self.rest(value))


def compiled(schema: JsonSchema, resolve: Callable[[str], Rule], *, numbers: tuple[type, ...] | None = None) -> Rule:
    """Compile a schema.

    Args:
        schema: A schema with the keywords below; titles and descriptions are ignored.
        resolve: Returns the rule that a ``$ref`` names; called when a value is checked, so that schemas may be
            recursive.
        numbers: The allowed types of a number, if not all.
    """
    return _Compiler(resolve, numbers or _TYPES["number"]).rule(schema)


def is_json(value: Any) -> bool:
    """Return whether a value is JSON: NaN and infinities are not, nor are keys other than text."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_json(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(is_json, value))
    return isinstance(value, (str, int, NoneType))


def same_json(one: Any, other: Any) -> bool:
    """Return whether two values are the same JSON: 1 equals 1.0, and neither equals true."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Decimal) or isinstance(other, Decimal):
        return (
            isinstance(one, (int, float, Decimal))
            and isinstance(other, (int, float, Decimal))
            and (Decimal(str(one)) == Decimal(str(other)))
        )
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same_json, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(item, other[key]) for key, item in one.items())
    return bool(one == other)


class _Compiler:
    def __init__(self, resolve: Callable[[str], Rule], numbers: tuple[type, ...]) -> None:
        self._resolve = resolve
        self._types = {**_TYPES, "number": numbers}

    def rule(self, schema: JsonSchema) -> Rule:
        types = self._types[schema["type"]] if "type" in schema else _EVERY_TYPE
        if "anyOf" in schema and "type" not in schema:
            # For "null or a value", the type decides most cases.
            types = tuple({each: None for one in schema["anyOf"] for each in self.rule(one).types})
        checks = self._checks(schema, types)
        return Rule(types, functools.reduce(_both, checks) if checks else None)

    def _checks(self, schema: JsonSchema, types: tuple[type, ...]) -> list[Check]:
        checks: list[Check | None] = []
        if types is _EVERY_TYPE and not schema.keys() & {"$ref", "enum", "const", "anyOf"}:
            checks.append(is_json)
        elif schema.get("type") == "number":
            checks.append(_is_finite)
        elif schema.get("type") == "object":
            checks.append(self._object(schema))
        for keyword, operand in schema.items():
            if keyword in _KEYWORDS:
                checks.append(getattr(self, f"_{keyword.strip('$')}")(operand))
            elif keyword in _LIMITS:
                checks.append(_limit(keyword, operand))
        return [check for check in checks if check is not None]

    def _ref(self, reference: str) -> Check:
        return lambda value: self._resolve(reference).holds(value)

    def _enum(self, values: Sequence[Any]) -> Check:
        if all(isinstance(value, str) for value in values):
            texts = frozenset(values)
            return lambda value: type(value) is str and value in texts
        return lambda value: any(same_json(value, each) for each in values)

    def _const(self, constant: Any) -> Check:
        return lambda value: same_json(value, constant)

    def _not(self, schema: JsonSchema) -> Check:
        rule = self.rule(schema)
        return lambda value: not rule.holds(value)

    def _allOf(self, schemas: Sequence[JsonSchema]) -> Check:  # noqa: N802 - the keyword
        rules = [self.rule(each) for each in schemas]
        return lambda value: all(rule.holds(value) for rule in rules)

    def _anyOf(self, schemas: Sequence[JsonSchema]) -> Check | None:  # noqa: N802 - the keyword
        rules = [self.rule(each) for each in schemas]
        if not any(rest for _, rest in rules):
            # Then its type is one of theirs, which has been checked.
            return None
        return lambda value: any(rule.holds(value) for rule in rules)

    def _pattern(self, pattern: str) -> Check:
        # In JSON Schema $ is the very end; Python's $ also matches before a final newline. In a class it is written \$.
        search = re.compile(re.sub(r"(?<!\\)((?:\\\\)*)\$", r"\1\\Z", pattern), re.ASCII).search
        return lambda value: type(value) is not str or search(value) is not None

    def _format(self, name: str) -> Check | None:
        return _FORMATS[name]

    def _items(self, schema: JsonSchema) -> Check:
        types, rest = self.rule(schema)
        if rest is None:
            return lambda value: all(type(item) in types for item in value)
        return lambda value: all(type(item) in types and rest(item) for item in value)

    def _prefixItems(self, schemas: Sequence[JsonSchema]) -> Check:  # noqa: N802 - the keyword
        rules = [self.rule(each) for each in schemas]
        return lambda value: all(rule.holds(item) for rule, item in zip(rules, value, strict=False))

    def _object(self, schema: JsonSchema) -> Check:
        known = {key: self.rule(each) for key, each in schema.get("properties", {}).items()}
        required = frozenset(schema.get("required", ()))
        allowed = schema.get("additionalProperties", {})
        if allowed is False and required == known.keys() and not any(rest for _, rest in known.values()):
            return _of_types({key: types for key, (types, _) in known.items()})
        others = None if allowed is False else self.rule(allowed)
        names = self.rule(schema.get("propertyNames", {"type": "string"}))

        def is_object(value: Any) -> bool:
            missing = len(required)
            for key, item in value.items():
                rule = known.get(key)
                if rule is None:
                    if others is None or not names.holds(key) or not others.holds(item):
                        return False
                else:
                    types, rest = rule
                    if type(item) not in types or (rest is not None and not rest(item)):
                        return False
                    missing -= key in required
            return not missing

        return is_object


def _both(first: Check, second: Check) -> Check:
    return lambda value: first(value) and second(value)


def _of_types(types_by_key: Mapping[str, tuple[type, ...]]) -> Check:
    # The same result as is_object() for the simplest and most common objects, in half the time.
    keys, pairs = frozenset(types_by_key), tuple(types_by_key.items())

    def are_all(value: Any) -> bool:
        if value.keys() != keys:
            return False
        for key, types in pairs:  # noqa: SIM110 - a generator would take as long as all of it
            if type(value[key]) not in types:
                return False
        return True

    return are_all


_KEYWORDS = {"$ref", "enum", "const", "not", "allOf", "anyOf", "pattern", "format", "items", "prefixItems"}


def _is_finite(value: Any) -> bool:
    return type(value) is not float or math.isfinite(value)


def _limit(keyword: str, limit: Any) -> Check:
    measure, compare = _LIMITS[keyword]
    if measure is not None:
        return lambda value: compare(measure(value), limit)
    # A decimal is compared with the limit's decimal digits, not with its binary value.
    exact = Decimal(str(limit))
    return lambda value: compare(value, exact if type(value) is Decimal else limit)


_LIMITS: Mapping[str, tuple[Callable[[Any], int] | None, Callable[[Any, Any], bool]]] = {
    "minimum": (None, lambda value, limit: value >= limit),
    "maximum": (None, lambda value, limit: value <= limit),
    "exclusiveMinimum": (None, lambda value, limit: value > limit),
    "exclusiveMaximum": (None, lambda value, limit: value < limit),
    **dict.fromkeys(("minLength", "minItems", "minProperties"), (len, lambda size, limit: size >= limit)),
    **dict.fromkeys(("maxLength", "maxItems", "maxProperties"), (len, lambda size, limit: size <= limit)),
}


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2026-11-30") and text[4] == text[7] == "-" and "W" not in text


def _is_date_time(text: str) -> bool:
    try:
        return dt.datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _is_address(kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> Check:
    def is_address(text: str) -> bool:
        try:
            kind(text)
        except ValueError:
            return False
        return "%" not in text

    return is_address


# With None, the pattern beside the format is sufficient.
_FORMATS: Mapping[str, Check | None] = {
    "date": _is_date,
    "date-time": _is_date_time,
    "ipv4": _is_address(ipaddress.IPv4Address),
    "ipv6": _is_address(ipaddress.IPv6Address),
    "uuid": re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}").fullmatch,  # type: ignore[dict-item]
    "date-time-local": None,
    "decimal": None,
    "double": None,
    "email": None,
    "uri": None,
    "uri-reference": None,
}
