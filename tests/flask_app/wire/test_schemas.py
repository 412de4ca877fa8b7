"""What marshmallow's schemas do beside their fields, and nobody would expect of an answer or a query."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from marshmallow import Schema, fields, validate

from flask_app.contract import declare
from tests.flask_app.wire.documented import Service


class Page(Schema):
    """Fields with the names of a mapping's methods, one of which is converted on its way."""

    items = fields.String()
    values = fields.List(fields.Integer())
    copy = fields.Raw()
    on = fields.Date()


class Author(Schema):
    """What nests a part of itself."""

    name = fields.String(required=True)
    born = fields.Date()
    friends = fields.List(fields.Nested(lambda: Author(exclude=("friends",))))


class Shelf(Schema):
    """What nests what nests."""

    author = fields.Nested(Author)


def of(**declared: fields.Field[Any]) -> type[Schema]:
    """Return a schema of these fields."""
    return Schema.from_dict(declared, name="Of")


def test_a_field_that_is_left_out_is_no_method() -> None:
    """A field named as a method of a mapping is left out of the answer when the view leaves it out."""
    service = Service(response=Page)

    assert (200, {"on": "2026-11-30"}) == service.answer({"on": "2026-11-30"})
    assert (200, {}) == service.answer({})
    assert (200, {"items": "a", "values": [1]}) == service.answer({"items": "a", "values": [1]})


def test_a_path_of_attributes_is_followed() -> None:
    """A dotted attribute still leads through what was loaded."""
    service = Service(response=of(a=fields.Date(attribute="b.items"), c=fields.String(attribute="b.copy")))

    assert (200, {"a": "2026-11-30"}) == service.answer({"a": "2026-11-30"})


@pytest.mark.parametrize(
    ("response", "returned"),
    [
        (Author, {"name": "a", "friends": [{"name": "b", "born": "2026-11-30"}]}),
        (of(v=fields.Nested({"w": fields.Integer()})), {"v": {"w": 1}}),
        (of(v=fields.Nested(of(w=fields.Integer()))), {"v": {"w": 1}}),
    ],
)
def test_schemas_of_one_name_have_a_document_each(response: type[Schema], returned: Any) -> None:
    """What nests a schema of its own name, a part of itself for one, is documented beside it."""
    service = Service(response=response)

    status, sent = service.answer(returned)
    assert (200, returned) == (status, sent)
    assert service.allows(service.answered, sent)


def test_a_part_of_itself_is_documented_as_that_part() -> None:
    """The document does not promise friends of friends."""
    service = Service(response=Author)

    deeper = {"name": "a", "friends": [{"name": "b", "friends": []}]}
    assert 500 == service.answer(deeper)[0]
    assert not service.allows(service.answered, deeper)


def test_a_name_beyond_ascii_is_one_that_openapi_has() -> None:
    """Components have names of ASCII's letters."""
    service = Service(response=Schema.from_dict({"v": fields.Integer()}, name="Größe"))

    assert {"Gr__e", "Problem"} == set(service.document["components"]["schemas"])


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (of(v=fields.Nested(Shelf, exclude=("author.name",))), "a dotted name, author. and more; nest a separate"),
        (of(v=fields.Nested(Shelf, only=("author.name",))), "a dotted name, author. and more; nest a separate class"),
        (of(v=fields.Pluck(of(w=fields.Date(allow_none=True)), "w")), "set allow_none=True on both, or on neither"),
        (of(v=fields.Constant(None, allow_none=False)), "a constant None is refused when it is given"),
        (of(v=fields.Integer(data_key="")), "has an empty data_key or attribute"),
        (of(v=fields.Nested("NobodyKnowsIt")), "NobodyKnowsIt' was not found"),
        (of(v=fields.Pluck(Author, "age")), "cannot be made"),
        (of(v=fields.Integer(data_key="d"), w=fields.Integer(data_key="d")), "collides with another"),
        (of(v=fields.Float(metadata={"example": float("nan")})), "its example in the metadata, nan, cannot"),
        (of(v=fields.Date(metadata={"x-since": dt.date(2026, 1, 1)})), "its x-since in the metadata"),
        (of(v=fields.Integer(metadata={"deprecated": "yes"})), "its deprecated in the metadata, 'yes', cannot"),
        (of(v=fields.Integer(metadata={"example": "a"})), "the example 'a' is not a value of the field"),
        (
            of(v=fields.AwareDateTime("timestamp", default_timezone=dt.timezone(dt.timedelta(hours=1)))),
            "is read as UTC",
        ),
        (of(v=fields.String(validate=validate.Regexp("(?=a)*b"))), "only Python can repeat a look-around"),
        (of(v=fields.String(validate=validate.Regexp(r"a\B", 256))), r"\B in an empty text differs"),
    ],
)
def test_what_is_refused(schema: type[Schema], reason: str) -> None:
    """What cannot be made or said is a TypeError when the app is made, whatever marshmallow raises."""
    with pytest.raises(TypeError) as refused:
        declare(response=schema, summary="s")(lambda: None)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("field", "query", "status"),
    [
        (fields.NaiveDateTime(timezone=dt.UTC), "0001-01-01T00:00:00%2B23:59", 422),
        (fields.NaiveDateTime(timezone=dt.UTC), "9999-12-31T23:59:59-23:59", 422),
        (fields.NaiveDateTime(timezone=dt.UTC), "0002-01-01T00:00:00%2B23:59", 200),
        (fields.NaiveDateTime(timezone=dt.UTC), "0001-01-01T00:00:00", 200),
        (fields.Decimal(), "1e999999999999999999999", 422),
        (fields.Decimal(), "-1e-99999999999999999999999", 422),
        (fields.Integer(error_messages={"invalid": "No {number}."}), "a", 422),
    ],
)
def test_no_query_is_a_fault_of_the_service(field: fields.Field[Any], query: str, status: int) -> None:
    """What a field fails at in a way of its own is a 422 too, and is not documented as taken."""
    service = Service(query=of(v=field))

    assert status == service.client.get(f"/serve?v={query}").status_code
