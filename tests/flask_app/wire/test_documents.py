"""What is documented of each field and validator, word by word, and what is refused with which cure."""

from __future__ import annotations

import datetime as dt
import enum
import json
import re
import shutil
import subprocess
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from marshmallow import Schema, fields, post_dump, post_load, pre_load, validate, validates, validates_schema
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator import validate as check_document

from flask_app.contract import declare
from flask_app.wire.pattern import searched
from flask_app.wire.refusal import UndocumentableError
from tests.flask_app.wire.documented import Service, of_ecma
from tests.flask_app.wire.drawn_fields import Colour, Leaf, Level, Shouted, Tree, any_field

TEXT, WHOLE, NULL = {"type": "string"}, {"type": "integer"}, {"type": "null"}
DOUBLE = {"type": "number", "format": "double"}


def schema_with(field: fields.Field[Any]) -> type[Schema]:
    """Return a class of schemas with one field."""
    return type("Answer", (Schema,), {"v": field})


@pytest.mark.parametrize(
    ("field", "documented"),
    [
        (fields.String(), TEXT),
        (fields.String(allow_none=True), {"anyOf": [TEXT, NULL]}),
        (fields.Integer(strict=True), WHOLE),
        (fields.Integer(as_string=True), {**TEXT, "pattern": "^(?:0|-?[1-9][0-9]*)$"}),
        (fields.Float(), DOUBLE),
        (fields.Decimal(2, as_string=True), {**TEXT, "format": "decimal", "pattern": r"^-?[0-9]{1,26}\.[0-9]{2}$"}),
        (fields.Boolean(), {"type": "boolean"}),
        (fields.Date(), {**TEXT, "format": "date", "pattern": "^(?!0000)"}),
        (fields.UUID(), {**TEXT, "format": "uuid"}),
        (fields.IPv4(), {**TEXT, "format": "ipv4"}),
        (fields.IP(), {"anyOf": [{**TEXT, "format": "ipv4"}, {**TEXT, "format": "ipv6"}]}),
        (fields.Enum(Colour), {**TEXT, "enum": ["RED", "GREEN", "CRIMSON"]}),
        (fields.Enum(Level, by_value=True), {"enum": [1, 2]}),
        (fields.Constant("tree"), {"const": "tree", "default": "tree"}),
        (fields.Raw(allow_none=True), {}),
        (fields.Raw(), {"not": NULL}),
        (fields.List(fields.Integer()), {"type": "array", "items": WHOLE}),
        (
            fields.Tuple([fields.String(), fields.Integer()]),
            {"type": "array", "prefixItems": [TEXT, WHOLE], "minItems": 2, "maxItems": 2},
        ),
        (fields.Dict(), {"type": "object", "additionalProperties": {}}),
        (
            fields.Dict(fields.UUID(), fields.Integer()),
            {"type": "object", "propertyNames": {**TEXT, "format": "uuid"}, "additionalProperties": WHOLE},
        ),
        (fields.Nested(Leaf), {"$ref": "#/components/schemas/Leaf"}),
        (fields.Nested(Leaf, many=True), {"type": "array", "items": {"$ref": "#/components/schemas/Leaf"}}),
        (fields.Pluck(Leaf, "name"), {**TEXT, "minLength": 1}),
        (fields.Pluck(Leaf, "name", many=True), {"type": "array", "items": {**TEXT, "minLength": 1}}),
        (fields.DateTime("timestamp"), {"type": "number", "minimum": 0, "maximum": 253402300799}),
        (fields.Integer(validate=validate.Range(min=0, min_inclusive=False)), {**WHOLE, "exclusiveMinimum": 0}),
        (fields.Float(validate=validate.Range(max=1.5, max_inclusive=False)), {**DOUBLE, "exclusiveMaximum": 1.5}),
        (fields.Integer(validate=[validate.Range(0, 9), validate.Range(min=3)]), {**WHOLE, "minimum": 3, "maximum": 9}),
        (fields.String(validate=validate.Length(1, 5)), {**TEXT, "minLength": 1, "maxLength": 5}),
        (
            fields.List(fields.String(), validate=validate.Length(equal=2)),
            {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2},
        ),
        (fields.String(validate=validate.OneOf(["a", "b"])), {**TEXT, "enum": ["a", "b"]}),
        (
            fields.Date(validate=validate.Equal(dt.date(2026, 1, 2))),
            {**TEXT, "format": "date", "pattern": "^(?!0000)", "enum": ["2026-01-02"]},
        ),
        (fields.String(validate=validate.NoneOf(["a"])), {**TEXT, "not": {"enum": ["a"]}}),
        (
            fields.List(fields.String(), validate=validate.ContainsOnly(["a"])),
            {"type": "array", "items": TEXT, "allOf": [{"items": {"enum": ["a"]}}]},
        ),
        (
            fields.List(fields.String(), validate=validate.ContainsNoneOf(["a"])),
            {"type": "array", "items": TEXT, "allOf": [{"items": {"not": {"enum": ["a"]}}}]},
        ),
        (
            fields.String(validate=validate.And(validate.Length(max=3), validate.Regexp("b+"))),
            {**TEXT, "maxLength": 3, "pattern": "^(?:b+)"},
        ),
    ],
    ids=repr,
)
def test_what_is_documented(field: fields.Field[Any], documented: dict[str, Any]) -> None:
    """The document says of a field just what it sends, in the plainest words that JSON Schema has for it."""
    service = Service(response=schema_with(field))

    answer = service.document["components"]["schemas"]["Answer"]
    assert {**documented, "title": "V"} == answer["properties"]["v"]
    assert answer["additionalProperties"] is False


class Empty(enum.Enum):
    """An enumeration of nothing."""


both, answer, query = ("response", "query"), ("response",), ("query",)


@pytest.mark.parametrize(
    ("field", "where", "reason"),
    [
        (fields.Decimal(2), answer, "JSON has no decimals; send text with as_string=True, or use Float"),
        (fields.Decimal(40, as_string=True), both, "40 places are more than a decimal has; use fewer"),
        (fields.Float(allow_nan=True), both, "JSON has no NaN and no infinity; remove allow_nan"),
        (fields.Integer(strict=True, as_string=True), both, "as_string sends text, which strict refuses; remove one"),
        (fields.Boolean(truthy={"yes"}, falsy={"no"}), both, "truthy and falsy refuse them; remove truthy and falsy"),
        (fields.DateTime("rfc"), both, "format 'rfc'; remove it, for ISO 8601"),
        (fields.Time("%H.%M"), both, "format '%H.%M'; remove it, for ISO 8601"),
        (
            fields.AwareDateTime("timestamp"),
            both,
            "a timestamp is read as UTC; give default_timezone=datetime.UTC",
        ),
        (fields.Enum(Empty), both, "the enumeration is empty; give it members"),
        (fields.Constant(Decimal("0.1")), both, "is not JSON; write the constant as it is sent"),
        (fields.Function(str, str), both, "compute the value in the view"),
        (fields.Method(), both, "compute the value in the view"),
        (Shouted(), both, "Shouted overrides _serialize of marshmallow's class"),
        (fields.List(Shouted()), both, "Shouted overrides _serialize"),
        (fields.Dict(keys=fields.Integer()), answer, "keys are text in JSON"),
        (fields.Dict(), query, "not a Dict; use one field for each key"),
        (fields.Nested(Leaf), query, "not a Nested; use its fields"),
        (fields.Tuple([fields.String()]), query, "not a Tuple; use List"),
        (fields.Raw(), query, "no type to parse it as; use String"),
        (fields.List(fields.List(fields.String())), query, "use single values of one type"),
        (fields.String(pre_load=str.strip), query, "pre_load and post_load may refuse"),
        (fields.String(dump_only=True), query, "a query is never dumped; remove it"),
        (fields.String(validate=str.isdigit), both, "what isdigit accepts is unknown; use validators"),
        (fields.String(validate=validate.Predicate("isdigit")), both, "use Regexp or OneOf, or check in the view"),
        (fields.Date(validate=validate.Range(min=dt.date(2026, 1, 1))), both, "bounds only for numbers"),
        (fields.Float(validate=validate.Range(min=Decimal("0.1"))), both, "give one that stays the same"),
        (fields.Integer(validate=validate.Range(5, 1)), both, "no value has both minimum 5 and maximum 1"),
        (
            fields.Float(validate=validate.Range(0, 0, max_inclusive=False)),
            both,
            "minimum 0.0 and exclusiveMaximum 0.0",
        ),
        (fields.Integer(validate=validate.Length(1)), both, "no length that a document can express; use Range"),
        (fields.Integer(validate=validate.Regexp("1")), both, "Regexp is for texts; use it with a String"),
        (fields.Integer(validate=validate.OneOf(["a"])), both, "no value of the field satisfies"),
        (fields.UUID(validate=validate.NoneOf([None])), both, "written in several ways"),
        (fields.String(validate=validate.ContainsOnly(["a"])), both, "ContainsOnly is for a List; use Regexp"),
        (fields.String(validate=validate.Regexp("a", re.IGNORECASE)), both, "pattern cannot have flags"),
        (fields.String(validate=validate.Regexp(r"\d")), both, "use flags=re.ASCII, or write [0-9]"),
        (
            fields.String(metadata={"pattern": "a"}),
            both,
            "pattern in the metadata is not enforced; use validate=",
        ),
        (fields.String(metadata={"examples": [1]}), both, "the examples [1] are not values of the field"),
        (fields.Integer(load_default="a"), answer, "its default 'a' is not one of its values"),
    ],
    ids=repr,
)
def test_what_is_refused(field: fields.Field[Any], where: tuple[str, ...], reason: str) -> None:
    """What no document can say exactly is a TypeError when the app is made, with the reason and the cure."""
    for part in where:
        schemas: Any = {"response": Leaf} | {part: schema_with(field)}
        with pytest.raises(TypeError, match=f"Answer cannot be an? (answer|query): .*{re.escape(reason)}"):
            declare(**schemas, summary="s")(lambda **_: None)


def hooked(hook: Any) -> type[Schema]:
    """Return a class of schemas with a hook."""
    return type("Answer", (Schema,), {"v": fields.String(), "hook": hook})


@pytest.mark.parametrize(
    ("hook", "where"),
    [
        (pre_load(lambda *given, **_: given[1]), both),
        (post_load(lambda *given, **_: given[1]), both),
        (post_dump(lambda *given, **_: {"enveloped": given[1]}), both),
        (validates("v")(lambda *_, **__: None), both),
        (validates_schema(lambda *_, **__: None), query),
    ],
)
def test_hooks_are_refused(hook: Any, where: tuple[str, ...]) -> None:
    """A hook could do anything, so no document is right about it; only a rule between an answer's fields may stand."""
    for part in where:
        schemas: Any = {"response": Leaf} | {part: hooked(hook)}
        with pytest.raises(TypeError, match=r"Answer.hook is a @\w+, whose effect on values is unknown; "):
            declare(**schemas, summary="s")(lambda **_: None)


def test_a_constant_hides_nothing() -> None:
    """A view that returns another value than the constant broke its contract, and one that leaves it out did not."""
    service = Service(response=schema_with(fields.Constant(1)))

    assert (200, {"v": 1}) == service.answer({})
    assert (200, {"v": 1}) == service.answer({"v": 1})
    assert 500 == service.answer({"v": 2})[0]
    assert 500 == service.answer({"v": True})[0]


def test_a_constant_deep_inside_hides_nothing() -> None:
    """Also where schemas nest themselves, at any depth, a wrong constant is seen."""
    service = Service(response=Tree)

    assert 200 == service.answer({"branches": [{"branches": [{"kind": "tree"}]}]})[0]
    assert 500 == service.answer({"branches": [{"branches": [{"kind": "bush"}]}]})[0]


def test_what_is_no_number_is_never_sent() -> None:
    """NaN is no JSON, wherever a view hides it and whatever writes the answer."""
    service = Service(response=schema_with(fields.Raw()))

    assert 200 == service.answer({"v": {"deep": [0.5]}})[0]
    assert 500 == service.answer({"v": {"deep": [float("nan")]}})[0]


@settings(suppress_health_check=list(HealthCheck), phases=set(Phase) - {Phase.explain}, max_examples=40)
@given(field=any_field)
def test_every_document_is_valid(field: fields.Field[Any]) -> None:
    """Whatever field is let through, the document as a whole is valid OpenAPI 3.1."""
    try:
        service = Service(response=schema_with(field))
    except TypeError:
        assume(False)
    check_document(service.document, cls=OpenAPIV31SpecValidator)


atoms = st.sampled_from(
    [
        "a",
        "b",
        ".",
        "[a-c]",
        "[^b]",
        "[]a]",
        "[$.]",
        r"\.",
        r"\n",
        "^",
        "$",
        r"\A",
        r"\Z",
        r"\d",
        r"\W",
        r"\b",
        "{",
        "}",
        "]",
        r"\-",
        "/",
    ]
)
pieces = st.tuples(atoms, st.sampled_from(["", "", "*", "+?", "{2}", "{,2}"])).map("".join)
regexes = st.recursive(
    st.lists(pieces, max_size=4).map("".join),
    lambda inner: st.tuples(
        st.sampled_from(["({}|{})", "(?:{}){}", "(?={}){}", "(?!{}){}", "{}|{}"]), inner, inner
    ).map(lambda each: each[0].format(each[1], each[2])),
    max_leaves=4,
)


def translated(pattern: str) -> tuple[re.Pattern[str], str]:
    """Return a drawn pattern, and as a document has it; patterns that are none are not drawn."""
    try:
        regex = re.compile(pattern, re.ASCII)
        return regex, searched(regex)
    except (re.error, UndocumentableError):
        assume(False)
        raise


@given(pattern=regexes, text=st.text("ab.c1-$]{}/\n"))
def test_a_pattern_is_found_where_pythons_matches(pattern: str, text: str) -> None:
    """A translated pattern is found in just the texts that the regular expression matches."""
    regex, ours = translated(pattern)
    # A document's end is the end; Python's $ is also before a last newline.
    assume("$" not in pattern or not text.endswith("\n"))

    assert (regex.match(text) is not None) == (of_ecma(ours).search(text) is not None)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_ecmascript_reads_patterns_as_we_mean_them() -> None:
    """A real ECMA-262 engine in Unicode mode finds what the translation means."""
    found: list[tuple[str, str, bool]] = []

    @settings(database=None, max_examples=200)
    @given(pattern=regexes, text=st.text("ab.c1-$]{}/\n"))
    def collect(pattern: str, text: str) -> None:
        _, ours = translated(pattern)
        found.append((ours, text, of_ecma(ours).search(text) is not None))

    collect()
    script = """
        for (const [pattern, text, expected] of JSON.parse(require("fs").readFileSync(0))) {
            if (new RegExp(pattern, "u").test(text) !== expected) console.log(pattern, JSON.stringify(text));
        }
    """
    ran = subprocess.run(["node", "-e", script], input=json.dumps(found), capture_output=True, text=True, check=False)

    assert ("", "") == (ran.stdout, ran.stderr)
