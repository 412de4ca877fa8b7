import functools
import inspect
import json
import logging
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields, validate, validates_schema
from werkzeug.test import TestResponse

from flask_app import problems
from flask_app.contract import ContractBrokenError, contract_of, declare
from flask_app.schemas import HealthResponse, WaitQuery

View = Callable[..., Any]


def calling(function: Callable[[], Any], kind: str, response: type[Schema] = HealthResponse) -> View:
    """Return a view of this kind, under a contract, that returns what a function returns."""
    if kind == "def":

        @declare(response=response, summary="Return it")
        def view() -> Any:
            return function()

        return view

    @declare(response=response, summary="Return it")
    async def async_view() -> Any:
        return function()

    return async_view


def returning(value: Any, kind: str, response: type[Schema] = HealthResponse) -> View:
    """Return a view of this kind, under a contract, that returns a value."""
    return calling(lambda: value, kind, response)


def ask(view: View, query: str = "", rule: str = "/", path: str = "/") -> TestResponse:
    """Serve one view, and return what it answers to one request."""
    app = Flask("contracted")
    problems.init_app(app)
    app.add_url_rule(rule, view_func=view)
    return app.test_client().get(f"{path}?{query}")


@functools.cache
def asking_for(kind: str) -> Callable[[Any], TestResponse]:
    """Serve one view of a kind, and return what has it return a value and gives the answer."""
    values: list[Any] = []
    app = Flask("contracted")
    app.logger.disabled = True
    problems.init_app(app)
    app.add_url_rule("/", view_func=calling(values.pop, kind))
    client = app.test_client()

    def ask_for(value: Any) -> TestResponse:
        values.append(value)
        return client.get("/")

    return ask_for


both_kinds = pytest.mark.parametrize("kind", ["def", "async def"])


class Strict(Schema):
    """A schema with every kind of field that an answer can have."""

    name = fields.String(required=True)
    count = fields.Integer(strict=True)
    at = fields.DateTime(data_key="when")
    share = fields.Float(allow_none=True)
    inner = fields.Nested(HealthResponse)
    words = fields.List(fields.String())


class Refined(Schema):
    """Fields of the two commonest kinds, with everything that can refuse a value or write it otherwise."""

    plain = fields.String(allow_none=True)
    short = fields.String(validate=validate.Length(max=1))
    loud = fields.String(post_load=str.upper)
    given = fields.String(pre_load=lambda value: value or "nothing")
    written = fields.Integer(as_string=True)
    strict = fields.Integer(strict=True)
    filled = fields.Integer(dump_default=7)


class Hooked(Schema):
    """A schema that does more than its fields do."""

    low = fields.Integer(strict=True, required=True)
    high = fields.Integer(strict=True, required=True)

    @validates_schema
    def in_order(self, data: Mapping[str, int], **_: Any) -> None:
        """Refuse a range that ends before it begins."""
        if data["low"] > data["high"]:
            raise ValidationError("low is above high")


class Renamed(Schema):
    """A schema whose attribute has another name than its field."""

    api = fields.String(required=True, attribute="service")


@both_kinds
@pytest.mark.parametrize(
    ("returned", "body"),
    [
        ({"api": "health", "version": 1}, {"api": "health", "version": 1}),
        ({"api": "health", "version": None}, {"api": "health", "version": None}),
        ({"api": "health"}, {"api": "health", "version": None}),
    ],
)
def test_what_the_schema_allows(kind: str, returned: Any, body: Any) -> None:
    """An answer that the schema allows is a 200, with the schema's defaults where the view left something out."""
    response = ask(returning(returned, kind))

    assert 200 == response.status_code
    assert body == response.get_json()


@both_kinds
@pytest.mark.parametrize(
    "returned",
    [
        {},
        {"version": 1},
        {"api": None},
        {"api": 1},
        {"api": "health", "version": "1"},
        {"api": "health", "version": 1.0},
        {"api": "health", "version": True},
        {"api": "health", "version": [1]},
        {"api": "health", "more": 1},
        {"api": "health", 1: 1},
        None,
        "health",
        [{"api": "health"}],
        ({"api": "health"}, 200),
    ],
)
def test_what_the_schema_forbids(kind: str, returned: Any, caplog: pytest.LogCaptureFixture) -> None:
    """An answer that the schema forbids is a 500 that tells nothing, and the log has the view and the cause."""
    with caplog.at_level(logging.ERROR):
        response = ask(returning(returned, kind))

    assert 500 == response.status_code
    assert "application/problem+json" == response.content_type
    assert "contract" not in response.get_data(as_text=True)
    [logged] = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert isinstance(logged, ContractBrokenError)
    assert isinstance(logged.__cause__, ValidationError)
    assert "view broke its contract: {" in str(logged)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
nearly_health = st.fixed_dictionaries(
    {}, optional={"api": st.text() | json_values, "version": st.none() | st.integers() | json_values, "x": json_values}
)


@both_kinds
@given(returned=nearly_health | json_values)
def test_never_a_wrong_200(kind: str, returned: Any) -> None:
    """Whatever a view returns, the client gets what the document promises, or a 500."""
    response = asking_for(kind)(returned)

    if response.status_code == 500:
        assert not _is_health(returned)
        return
    assert 200 == response.status_code
    body = json.loads(response.data)
    assert ["api", "version"] == sorted(body)
    assert isinstance(body["api"], str)
    assert body["version"] is None or type(body["version"]) is int
    # Bytes of UTF-8 are text to marshmallow, and are sent as such.
    assert body["api"] == (returned["api"].decode() if isinstance(returned["api"], bytes) else returned["api"])
    assert body["version"] == returned.get("version")


def _is_health(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() <= {"api", "version"}
        and isinstance(value.get("api"), str)
        and (value.get("version") is None or type(value["version"]) is int)
    )


strict_values = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text() | st.none() | st.integers(),
        "count": st.integers() | st.text() | st.booleans(),
        "when": st.datetimes().map(lambda at: at.isoformat()) | st.text() | st.none(),
        "at": st.text(),
        "share": st.floats() | st.none() | st.text(),
        "inner": nearly_health,
        "words": st.lists(st.text() | st.integers(), max_size=2),
    },
)


refined_values = st.fixed_dictionaries(
    {},
    optional={name: st.none() | st.text(max_size=2) | st.integers() | st.booleans() for name in Refined().fields},
)


@functools.cache
def changing(schema_class: type[Schema]) -> tuple[list[Any], View]:
    """Return a list, and a view that returns its last value."""
    values: list[Any] = []
    return values, calling(values.pop, "def", schema_class)


@given(data=st.data(), schema_class=st.sampled_from([Strict, Refined]))
def test_the_short_way_is_the_schemas_way(data: st.DataObject, schema_class: type[Schema]) -> None:
    """Asking the fields directly gives what the schema's own load and dump give, or refuses what they refuse."""
    returned: dict[str, Any] = data.draw(strict_values if schema_class is Strict else refined_values)
    values, view = changing(schema_class)
    values.append(returned)
    schema = schema_class()
    errors = schema.validate(returned)

    if errors:
        with pytest.raises(ContractBrokenError, match=re.escape(str(errors))):
            view()
    else:
        assert schema.dump(schema.load(returned)) == view()


def test_a_mapping_that_is_no_dict() -> None:
    """Any mapping will do for an answer."""
    assert 200 == ask(returning(MappingProxyType({"api": "health"}), "def")).status_code


def test_the_schemas_own_validators_count() -> None:
    """A schema that checks more than its fields is asked as a whole."""
    assert 200 == ask(returning({"low": 1, "high": 2}, "def", response=Hooked)).status_code
    assert 500 == ask(returning({"low": 2, "high": 1}, "def", response=Hooked)).status_code


def test_an_attribute_by_another_name() -> None:
    """A schema whose fields read another attribute answers under the names that it documents."""
    response = ask(returning({"api": "health"}, "def", response=Renamed))

    assert {"api": "health"} == response.get_json()


def test_one_way_fields_are_refused() -> None:
    """A schema with a field that is only sent or only received cannot be an answer, and says so at once."""

    class OneWay(Schema):
        sent = fields.String(dump_only=True)
        received = fields.String(load_only=True)
        both = fields.String()

    with pytest.raises(TypeError, match="OneWay cannot be an answer: received, sent only loads or only dumps"):
        returning({}, "def", response=OneWay)


def test_an_answer_of_many_is_refused() -> None:
    """A schema of many cannot be an answer, which is one mapping, and says so at once."""

    class Many(HealthResponse):
        class Meta(Schema.Meta):
            many = True

    with pytest.raises(TypeError, match="Many cannot be an answer: it has many=True"):
        returning([], "def", response=Many)


@declare(response=HealthResponse, query=WaitQuery, summary="Wait", description="Said in **markdown**.")
def waits(ms: int) -> dict[str, Any]:
    """Wait in a def view."""
    return {"api": str(ms)}


@declare(response=HealthResponse, query=WaitQuery, summary="Wait")
async def waits_async(ms: int) -> dict[str, Any]:
    """Wait in an async def view."""
    return {"api": str(ms)}


both_waits = pytest.mark.parametrize("view", [waits, waits_async])


@both_waits
@pytest.mark.parametrize(("query", "ms"), [("ms=7", "7"), ("", "50")])
def test_the_query_is_given_to_the_view(view: View, query: str, ms: str) -> None:
    """A view gets its validated query by keyword, with the schema's defaults."""
    assert ms == ask(view, query).get_json()["api"]


@both_waits
@given(query=st.dictionaries(st.text(), st.lists(st.text() | st.integers(-9, 1_009).map(str), max_size=2), max_size=2))
def test_any_query_is_taken_or_refused_by_name(view: View, query: dict[str, list[str]]) -> None:
    """Whatever the query, it is a 200 or a 422 that names nothing that was not sent."""
    app = Flask("contracted")
    problems.init_app(app)
    app.add_url_rule("/", view_func=view)

    response = app.test_client().get("/", query_string=query)

    sent = {name: values for name, values in query.items() if values}
    is_valid = sent.keys() <= {"ms"} and all(
        len(values) == 1
        and values[0].isascii()
        and values[0].removeprefix("-").isdigit()
        and 0 <= int(values[0]) <= 1_000
        for values in sent.values()
    )
    assert (200 if is_valid else 422) == response.status_code
    if not is_valid:
        errors = response.get_json(force=True)["errors"]
        assert errors.keys() <= sent.keys()
        assert all(isinstance(message, str) for messages in errors.values() for message in messages)


def test_the_url_is_given_too() -> None:
    """What a route takes from its path reaches the view beside the query."""

    @declare(response=HealthResponse, query=WaitQuery, summary="Both")
    def view(name: str, ms: int) -> dict[str, Any]:
        return {"api": name, "version": ms}

    response = ask(view, "ms=3", rule="/<name>", path="/lab")

    assert {"api": "lab", "version": 3} == response.get_json()


def test_a_view_that_cannot_take_its_query() -> None:
    """A query that the view has no parameter for is an error of the declaration, not of the first request."""
    with pytest.raises(TypeError, match=r"forgetful cannot take the query that it declares: .*'ms'"):

        @declare(response=HealthResponse, query=WaitQuery, summary="Oops")
        def forgetful() -> dict[str, Any]:
            return {}


@pytest.mark.parametrize(("view", "is_async"), [(waits, False), (waits_async, True)])
def test_a_view_stays_recognisable(view: View, is_async: bool) -> None:
    """A view under a contract is a function of its own kind, with its own name, docstring and signature."""
    assert inspect.isfunction(view)
    assert is_async == inspect.iscoroutinefunction(view)
    assert ("waits_async" if is_async else "waits") == view.__name__
    assert (view.__doc__ or "").startswith("Wait in a")
    assert __name__ == view.__module__
    assert "(ms: int) -> dict[str, typing.Any]" == str(inspect.signature(view, eval_str=True))
    assert not contract_of(inspect.unwrap(view))


def test_the_contract_can_be_read() -> None:
    """What a view declared can be read from it, for the document; its docstring stands in for a description."""
    contract, other = contract_of(waits), contract_of(waits_async)

    assert contract is not None
    assert other is not None
    assert isinstance(contract.response, HealthResponse)
    assert isinstance(contract.query, WaitQuery)
    assert "Wait" == contract.summary
    assert "Said in **markdown**." == contract.description
    assert "Wait in an async def view." == other.description


def test_no_contract() -> None:
    """A view that declared nothing has no contract."""
    assert contract_of(lambda: "") is None


def test_a_views_own_errors_pass() -> None:
    """What a view raises, a refusal or a fault, is not taken for a broken contract."""

    @declare(response=HealthResponse, summary="Fail")
    def failing() -> dict[str, Any]:
        raise ValidationError("mine")

    app = Flask("contracted")
    app.testing = True
    app.add_url_rule("/", view_func=failing)

    with pytest.raises(ValidationError, match="mine"):
        app.test_client().get("/")
