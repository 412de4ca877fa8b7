"""Prepare a marshmallow schema for answers: refuse what cannot be documented, and check what is sent."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields
from marshmallow.utils import get_value

from flask_app.wire.field_schemas import JsonSchema, Way, check_said, object_schema
from flask_app.wire.holding import Rule, compiled, same_json
from flask_app.wire.refusal import Direction, UndocumentableError, named

# A value of these fields is sent unchanged, if it matches the document.
_SENT_AS_GIVEN = (fields.String, fields.Integer, fields.Float, fields.Boolean, fields.Raw)
# The attributes of marshmallow's class that a schema class may override.
_HARMLESS = {"Meta", "error_messages", "on_bind_field", "opts"}
# The parts of a schema that a nested field selects; a dotted name applies to the fields of that schema.
_PARTS = ("only", "exclude")


class Answers:
    """The answers of views with one schema.

    Attributes:
        schema: The schema of one mapping, which refuses unknown fields.
    """

    def __init__(self, schema_class: type[Schema]) -> None:
        """Inspect a schema and all schemas nested in it.

        Raises:
            UndocumentableError: What it sends cannot be documented exactly; the message has the reason and the remedy.
        """
        self.schema = instance_of(schema_class)
        if self.schema.many:
            raise UndocumentableError(
                "it has many=True, but an answer is one mapping; answer with a field that is a List of it Nested"
            )
        self._schemas = {str(id(schema)): schema for schema in _tied(self.schema)}
        for schema in self._schemas.values():
            check_class(schema, "answer")
            _check_both_ways(schema)
            schema.get_attribute = _item_of  # type: ignore[assignment]  # as marshmallow lets a class override it
        way = Way(direction="answer", refer=_reference)
        resolve = self._resolver(way, whole=False)
        for schema in self._schemas.values():
            described = object_schema(schema, way)["properties"]
            for name, field in schema.fields.items():
                rule = compiled(described[field.data_key or name], resolve)
                with named(schema, name):
                    check_said(field, rule, is_sent=True)
            for field in _all_fields(schema):
                if isinstance(field, fields.Constant):
                    _hold_to_constant(field)
        self.holds = self._rule(way, whole=False).holds
        # For a dict, and no other mapping.
        self.is_sent_as_given = self._rule(way, whole=True).rest if self._sends_as_given() else None

    def wrong_in(self, sent: Mapping[str, Any]) -> list[str]:
        """Return the names of the fields that do not match the document."""
        document = object_schema(self.schema, Way(direction="answer", refer=_reference))
        resolve = self._resolver(Way(direction="answer", refer=_reference), whole=False)
        rules = {key: compiled(schema, resolve) for key, schema in document["properties"].items()}
        wrong = [key for key, value in sent.items() if key not in rules or not rules[key].holds(value)]
        return wrong + [key for key in document.get("required", ()) if key not in sent]

    def _rule(self, way: Way, *, whole: bool) -> Rule:
        return self._resolver(way, whole=whole)(str(id(self.schema)))

    def _resolver(self, way: Way, *, whole: bool) -> Callable[[str], Rule]:
        # An integer in a float field is converted to a float, so only a float is sent unchanged.
        numbers = (float,) if whole else None

        @functools.cache
        def resolve(name: str) -> Rule:
            return compiled(object_schema(self._schemas[name], way, whole=whole), resolve, numbers=numbers)

        return resolve

    def _sends_as_given(self) -> bool:
        # No hooks, no attribute with another name, and only fields that load and dump do not change.
        return all(
            not any(schema._hooks.values())  # noqa: SLF001 - marshmallow has no other list of them
            and all(field.attribute is None for field in schema.fields.values())
            and all(_is_sent_as_given(field) for field in _all_fields(schema))
            for schema in self._schemas.values()
        )


def instance_of(schema_class: type[Schema]) -> Schema:
    """Return an instance of a schema class, which refuses unknown fields.

    Raises:
        UndocumentableError: It is not a schema class.
    """
    if not _is_schema_class(schema_class):
        raise UndocumentableError("it is not a schema class; give a class derived from marshmallow.Schema")
    return schema_class(unknown=RAISE)


def _is_schema_class(given: object) -> bool:
    return inspect.isclass(given) and issubclass(given, Schema)


def check_class(schema: Schema, direction: Direction) -> None:
    """Refuse a schema that does more than its fields do.

    Args:
        schema: The schema to inspect, without nested ones.
        direction: Rules between fields may narrow an answer, which still matches its document; in a query they would
            refuse what the document allows.
    Raises:
        UndocumentableError: The schema does more.
    """
    name = type(schema).__name__
    own_classes = type(schema).__mro__[: type(schema).__mro__.index(Schema)]
    overridden = sorted(
        {
            member
            for own in own_classes
            for member in vars(own)
            if hasattr(Schema, member) and not member.startswith("_")
        }
        - _HARMLESS
    )
    if overridden:
        raise UndocumentableError(f"{name} overrides {', '.join(overridden)}, which changes what it does; remove that")
    for field_name, field in schema.fields.items():
        if "" in {field.data_key, field.attribute}:
            raise UndocumentableError(
                f"{name}.{field_name} has an empty data_key or attribute, which marshmallow treats inconsistently; "
                "remove it"
            )
    for tag, hooks in schema._hooks.items():  # noqa: SLF001 - marshmallow has no other list of them
        if hooks and not (direction == "answer" and tag == "validates_schema"):
            cure = {
                "validates": "give the field validators of marshmallow.validate, or check in the view",
                "validates_schema": "check in the view, which may raise InvalidQueryError",
            }.get(tag, "do it in the view")
            raise UndocumentableError(f"{name}.{hooks[0][0]} is a @{tag}, whose effect on values is unknown; {cure}")
    if schema.partial:
        raise UndocumentableError(f"{name} is partial; leave required=True out of the fields that may be missing")
    for field_name, declared in type(schema)._declared_fields.items():  # noqa: SLF001 - as the class has them
        bound = schema.declared_fields[field_name]
        if any(set(getattr(bound, way, None) or ()) != set(getattr(declared, way, None) or ()) for way in _PARTS):
            # Two such schemas of one class cannot be distinguished.
            raise UndocumentableError(
                f"{name} is given only or exclude with a dotted name, {field_name}. and more; nest a separate class "
                "with the wanted fields"
            )


def _item_of(loaded: Any, path: str, default: Any) -> Any:
    # For a missing key, marshmallow reads an attribute of the mapping: a field named items would send a method.
    for key in path.split("."):
        loaded = loaded.get(key, default) if isinstance(loaded, Mapping) else get_value(loaded, key, default)
    return loaded


def _reference(schema: Schema) -> JsonSchema:
    return {"$ref": str(id(schema))}


def _tied(root: Schema) -> list[Schema]:
    # Each nested field creates its own schema on demand, endlessly where schemas nest themselves. Here equal ones share
    # one schema, so that all can be inspected.
    known = {_key(root): root}
    waiting = [root]
    while waiting:
        for field in _all_fields(waiting.pop()):
            if not isinstance(field, fields.Nested):
                continue
            nested = field.schema
            if _key(nested) not in known:
                known[_key(nested)] = nested
                waiting.append(nested)
            field._schema = known[_key(nested)]  # noqa: SLF001 - where it keeps the one that it made
    return list(known.values())


def _key(schema: Schema) -> tuple[object, ...]:
    ways = (schema.only, schema.exclude, schema.load_only, schema.dump_only)
    names = (None if names is None else frozenset(names) for names in ways)
    return (type(schema), schema.many, schema.unknown, *names)


def _all_fields(schema: Schema) -> Iterator[fields.Field[Any]]:
    waiting: list[fields.Field[Any] | None] = list(schema.fields.values())
    while waiting:
        field = waiting.pop()
        if field is None:
            continue
        yield field
        if isinstance(field, fields.List):
            waiting.append(field.inner)
        elif isinstance(field, fields.Tuple):
            waiting.extend(field.tuple_fields)
        elif isinstance(field, fields.Mapping):
            waiting.extend((field.key_field, field.value_field))


def _check_both_ways(schema: Schema) -> None:
    one_way = sorted(schema.load_fields.keys() ^ schema.dump_fields.keys())
    if one_way:
        raise UndocumentableError(
            f"{', '.join(one_way)} only loads or only dumps; remove load_only and dump_only, and compute in the "
            "view what a Method or a Function would"
        )


def _hold_to_constant(field: fields.Constant[Any]) -> None:
    # By default it loads any value as its constant, and would hide a wrong value from a view.
    def is_constant(value: Any) -> Any:
        if not same_json(value, field.constant):
            raise ValidationError(f"Must be {field.constant!r}.")
        return value

    if not any(getattr(each, "__name__", "") == is_constant.__name__ for each in field.pre_load):
        field.pre_load = [is_constant, *field.pre_load]


def _is_sent_as_given(field: fields.Field[Any]) -> bool:
    if field.pre_load or field.post_load or getattr(field, "as_string", False):
        return False
    is_plain = isinstance(field, _SENT_AS_GIVEN) or type(field) in {fields.List, fields.Dict, fields.Nested}
    return is_plain or type(field) is fields.Field
