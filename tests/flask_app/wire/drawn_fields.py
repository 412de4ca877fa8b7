"""Every field and validator of marshmallow, drawn with its options, and the values that views may return for them."""

from __future__ import annotations

import datetime as dt
import enum
import functools
import inspect
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from marshmallow import EXCLUDE, INCLUDE, RAISE, Schema, ValidationError, fields, validate, validates_schema

from tests.flask_app.wire.documented import JSON_VALUES

Drawn = st.SearchStrategy[Any]


class Colour(enum.Enum):
    """Texts for values."""

    RED = "red"
    GREEN = "green"
    CRIMSON = "red"  # noqa: PIE796 - an alias, which is accepted and never sent


class Level(enum.IntEnum):
    """Whole numbers for values."""

    LOW = 1
    HIGH = 2


class Mixed(enum.Enum):
    """Values of several types, null among them."""

    NOTHING = None
    ONE = 1
    HALF = 0.5
    TEXT = "1"


class Day(enum.Enum):
    """Values that JSON does not have."""

    FIRST = dt.date(2026, 1, 1)


class Leaf(Schema):
    """What is nested."""

    name = fields.String(required=True, validate=validate.Length(min=1))
    weight = fields.Float(load_default=1.5)
    since = fields.Date(data_key="from")


class Tree(Schema):
    """What nests itself, without an end."""

    leaf = fields.Nested(Leaf, only=["name"])
    branches = fields.List(fields.Nested("Tree"), validate=validate.Length(max=2))
    kind = fields.Constant("tree")


class Ordered(Schema):
    """What has a rule between its fields."""

    low = fields.Integer(required=True)
    high = fields.Integer(required=True)

    @validates_schema
    def in_order(self, data: Mapping[str, int], **_: Any) -> None:
        """Refuse a range that ends before it begins."""
        if data["low"] > data["high"]:
            raise ValidationError("low is above high")


class Shouted(fields.String):
    """A field that is written in its own way."""

    def _serialize(self, value: Any, *args: Any, **kwargs: Any) -> str | None:
        return None if value is None else str(value).upper()


def optional(**options: Drawn) -> Drawn:
    """Draw any of these options."""
    return st.fixed_dictionaries({}, optional=options)


bools = st.booleans()
nothing: Drawn = st.just({})
zones = st.sampled_from([None, dt.UTC, dt.timezone(dt.timedelta(hours=-5))])
places = st.none() | st.integers(-2, 30)
moments = st.sampled_from([None, "iso", "iso8601", "rfc", "rfc822", "timestamp", "timestamp_ms", "%d/%m/%Y %H:%M"])
single: Mapping[str, tuple[type[fields.Field[Any]], Drawn]] = {
    "AwareDateTime": (fields.AwareDateTime, optional(format=moments, default_timezone=zones)),
    "Boolean": (fields.Boolean, optional(truthy=st.sampled_from([{"yes"}, set(), {1}]), falsy=st.just({"no"}))),
    "Constant": (fields.Constant, st.fixed_dictionaries({"constant": JSON_VALUES | st.just(Decimal("0.1"))})),
    "Date": (fields.Date, optional(format=st.sampled_from([None, "iso", "%d/%m/%Y"]))),
    "DateTime": (fields.DateTime, optional(format=moments)),
    "Decimal": (fields.Decimal, optional(places=places, allow_nan=bools, as_string=bools)),
    "Email": (fields.Email, nothing),
    "Enum": (
        fields.Enum,
        st.sampled_from(
            [
                {"enum": Colour},
                {"enum": Colour, "by_value": True},
                {"enum": Level, "by_value": True},
                {"enum": Mixed, "by_value": True},
                {"enum": Day, "by_value": True},
                {"enum": Day, "by_value": fields.Date},
                {"enum": Level, "by_value": fields.Integer(as_string=True)},
            ]
        ),
    ),
    "Field": (fields.Field, nothing),
    "Float": (fields.Float, optional(allow_nan=bools, as_string=bools)),
    "Function": (fields.Function, st.just({"serialize": str, "deserialize": str})),
    "IP": (fields.IP, optional(exploded=bools)),
    "IPInterface": (fields.IPInterface, optional(exploded=bools)),
    "IPv4": (fields.IPv4, optional(exploded=bools)),
    "IPv4Interface": (fields.IPv4Interface, optional(exploded=bools)),
    "IPv6": (fields.IPv6, optional(exploded=bools)),
    "IPv6Interface": (fields.IPv6Interface, optional(exploded=bools)),
    "Integer": (fields.Integer, optional(strict=bools, as_string=bools)),
    "Method": (fields.Method, nothing),
    "NaiveDateTime": (fields.NaiveDateTime, optional(format=moments, timezone=zones)),
    "Raw": (fields.Raw, nothing),
    "Shouted": (Shouted, nothing),
    "String": (
        fields.String,
        optional(metadata=st.sampled_from([{"format": "date"}, {"format": "uuid"}, {"pattern": "a"}])),
    ),
    "Time": (fields.Time, optional(format=st.sampled_from([None, "iso", "%H.%M"]))),
    "TimeDelta": (fields.TimeDelta, optional(precision=st.sampled_from(["weeks", "seconds", "microseconds"]))),
    "UUID": (fields.UUID, nothing),
    "Url": (
        fields.Url,
        optional(
            relative=bools, require_tld=bools, schemes=st.sampled_from([{"https"}, {"file", "git+ssh"}, {"no scheme"}])
        ),
    ),
}
compound = {"Dict", "List", "Nested", "Pluck", "Tuple"}


def every_class(module: Any, names: set[str], base: type) -> set[type]:
    """Return the classes of a module of marshmallow that anybody can use as they are."""
    found = [getattr(module, name) for name in names]
    return {each for each in found if inspect.isclass(each) and issubclass(each, base) and not inspect.isabstract(each)}


numbers = (
    st.integers(-5, 5)
    | st.floats(-5, 5)
    | st.sampled_from([Decimal("0.1"), dt.timedelta(seconds=2), dt.date(2026, 1, 1)])
)
choices = st.lists(
    st.sampled_from(
        [
            "a",
            "ab",
            "red",
            0,
            1,
            1.0,
            1.5,
            True,
            None,
            Decimal("1.50"),
            dt.date(2026, 1, 1),
            Level.LOW,
            Colour.RED,
            ["a"],
        ]
    ),
    min_size=1,
    max_size=4,
)
lengths = st.none() | st.integers(0, 4)
patterns = st.sampled_from(
    [
        re.compile("b"),
        re.compile("[a-f]+$"),
        re.compile("^a.c|x"),
        re.compile(r"\d{2,3}\Z", re.ASCII),
        re.compile(r"\w+"),
        re.compile("abc", re.IGNORECASE),
        re.compile("(?P<year>[0-9]{4})"),
    ]
)
validators: Mapping[type, Drawn] = {
    validate.And: st.deferred(lambda: st.lists(any_validator, max_size=2).map(lambda each: validate.And(*each))),
    validate.ContainsNoneOf: choices.map(validate.ContainsNoneOf),
    validate.ContainsOnly: choices.map(validate.ContainsOnly),
    validate.Email: st.builds(validate.Email),
    validate.Equal: choices.map(lambda each: validate.Equal(each[0])),
    validate.Length: st.builds(validate.Length, min=lengths, max=lengths) | st.builds(validate.Length, equal=lengths),
    validate.NoneOf: choices.map(validate.NoneOf),
    validate.OneOf: choices.map(validate.OneOf),
    validate.Predicate: st.just(validate.Predicate("isdigit")),
    validate.Range: st.builds(
        validate.Range, min=st.none() | numbers, max=st.none() | numbers, min_inclusive=bools, max_inclusive=bools
    ),
    validate.Regexp: patterns.map(validate.Regexp),
    validate.URL: st.builds(validate.URL, require_tld=bools),
}
any_validator: Drawn = st.one_of(*validators.values(), st.just(bool))
options = optional(
    allow_none=bools,
    required=bools,
    load_default=st.sampled_from([None, "a", 1, 0.5, dt.date(2026, 1, 1)]),
    dump_default=st.sampled_from(["a", 1]),
    data_key=st.just("v"),
    attribute=st.sampled_from(["v", "w"]),
    validate=st.lists(any_validator, min_size=1, max_size=2),
)
functions = optional(
    pre_load=st.sampled_from([str, repr]),
    post_load=st.sampled_from([str, bool]),
    load_default=st.sampled_from([list, str]),
)
# Most fields have few options: of many at once, some one is refused.
some_options = nothing | st.fixed_dictionaries({"validate": st.lists(any_validator, min_size=1, max_size=1)}) | options


def made(make: Callable[..., Any], *arguments: Any, **given: Any) -> Any:
    """Make a field, or say that marshmallow itself makes none of these options."""
    try:
        return make(*arguments, **given)
    except (TypeError, ValueError, AttributeError):
        return None


@functools.cache
def one_of_class(name: str) -> Drawn:
    """Draw a field of a class, with its own options and the common ones."""
    if name in compound:
        return st.tuples(_compounds[name], some_options).map(lambda each: made(*each[0], **each[1])).filter(bool)
    make, own = single[name]
    return st.tuples(own, some_options).map(lambda each: made(make, **each[0] | each[1])).filter(bool)


@functools.cache
def of_functions() -> Drawn:
    """Draw a field with rules or functions of its author's, of which nobody else knows what they make of a value."""
    with_functions = st.sampled_from(sorted(single)).flatmap(
        lambda name: st.tuples(st.just(single[name][0]), single[name][1], functions)
    )
    return with_functions.map(lambda each: made(each[0], **each[1] | each[2])).filter(bool) | st.builds(
        fields.Nested, st.just(Ordered)
    )


plain = st.deferred(lambda: st.sampled_from(sorted(single)).flatmap(one_of_class))
any_field: Drawn = st.deferred(lambda: st.sampled_from(sorted(single) + sorted(compound)).flatmap(one_of_class))
_nested = st.sampled_from([Leaf, Tree])
_compounds: Mapping[str, Drawn] = {
    "Dict": st.tuples(st.just(fields.Dict), st.none() | plain, st.none() | plain),
    "List": plain.map(lambda inner: (fields.List, inner)),
    "Nested": st.builds(
        lambda nested, many, unknown: (lambda **given: fields.Nested(nested, many=many, unknown=unknown, **given),),
        _nested,
        bools,
        st.sampled_from([None, EXCLUDE, INCLUDE, RAISE]),
    ),
    "Pluck": bools.map(lambda many: (lambda **given: fields.Pluck(Leaf, "name", many=many, **given),)),
    "Tuple": st.lists(plain, max_size=2).map(lambda inner: (fields.Tuple, inner)),
}
python_values: Drawn = st.recursive(
    JSON_VALUES
    | st.floats()
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.decimals()
    | st.uuids()
    | st.ip_addresses()
    | st.binary(max_size=3)
    | st.sampled_from(
        [*Colour, *Level, *Mixed, *Day, "a@b.example", "https://a.example/b", "5", "01", "2026-01-01", "1e5"]
    )
    | st.fixed_dictionaries(
        {"name": st.text()}, optional={"weight": st.floats() | st.integers(), "low": st.integers()}
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2) | st.tuples(inner),
    max_leaves=3,
)
