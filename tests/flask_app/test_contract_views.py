"""A contract on every kind of view, wherever it is registered, and the queries that it takes."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView, View
from marshmallow import Schema, fields, validate
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator import validate as check_document

from flask_app import openapi, problems
from flask_app.contract import declare
from flask_app.wire.answers import Answers


class Told(Schema):
    """What the views of these tests answer."""

    told = fields.String(required=True)


class Taken(Schema):
    """What they take."""

    v = fields.Integer(strict=True, load_default=7)


def new_app() -> Flask:
    """Return an app that tells its errors as problems."""
    app = Flask("viewed", static_folder=None)
    app.logger.disabled = True
    problems.init_app(app)
    return app


class Methods(MethodView):
    """A view of methods, each under its own contract, of either kind."""

    @declare(response=Told, query=Taken, summary="Get")
    def get(self, v: int) -> dict[str, Any]:
        """Tell what was given."""
        return {"told": f"{type(self).__name__} {v}"}

    @declare(response=Told, summary="Post")
    async def post(self) -> dict[str, Any]:
        """Tell it from a coroutine."""
        return {"told": type(self).__name__}

    @declare(response=Told, summary="Delete")
    def delete(self) -> dict[str, Any]:
        """Break the contract."""
        return {"told": 1}

    def put(self) -> str:
        """Be under no contract."""
        return "put"


class Dispatched(View):
    """A view of one method for all."""

    @declare(response=Told, summary="Dispatch")
    def dispatch_request(self) -> dict[str, Any]:
        """Tell."""
        return {"told": "dispatched"}


def test_a_method_views_methods_are_answered_and_documented() -> None:
    """Each method of a class is held to its own contract, and the document has each."""
    app = new_app()
    app.add_url_rule("/methods", view_func=Methods.as_view("methods"))
    client = app.test_client()

    assert {"told": "Methods 3"} == client.get("/methods?v=3").json
    assert 422 == client.get("/methods?v=x").status_code
    assert 422 == client.get("/methods?w=1").status_code
    assert 200 == client.head("/methods").status_code
    assert {"told": "Methods"} == client.post("/methods").json
    assert 500 == client.delete("/methods").status_code
    assert "put" == client.put("/methods").text
    document = json.loads(json.dumps(openapi.document(app)))
    check_document(document, cls=OpenAPIV31SpecValidator)
    methods = document["paths"]["/methods"]
    assert {"get": "Get", "post": "Post", "delete": "Delete", "put": "Put"} == {
        method: operation["summary"] for method, operation in methods.items()
    }
    assert ["v"] == [each["name"] for each in methods["get"]["parameters"]]
    assert "parameters" not in methods["post"]


def test_a_view_class_of_one_method() -> None:
    """A contract on dispatch_request is the view's."""
    app = new_app()
    app.add_url_rule("/one", view_func=Dispatched.as_view("one"))

    assert {"told": "dispatched"} == app.test_client().get("/one").json
    assert "Dispatch" == openapi.document(app)["paths"]["/one"]["get"]["summary"]


def test_a_view_in_nested_blueprints() -> None:
    """A view keeps its contract behind every prefix, and is documented at the path that it has there."""
    inner, outer = Blueprint("inner", "viewed"), Blueprint("outer", "viewed", url_prefix="/outer")

    @inner.get("/<name>")
    @declare(response=Told, query=Taken, summary="Inside")
    async def inside(name: str, v: int) -> dict[str, Any]:
        return {"told": f"{name} {v}"}

    inner.add_url_rule("/methods", view_func=Methods.as_view("methods"))
    outer.register_blueprint(inner, url_prefix="/inner")
    app = new_app()
    app.register_blueprint(outer)

    assert {"told": "lab 2"} == app.test_client().get("/outer/inner/lab?v=2").json
    assert {"told": "Methods 7"} == app.test_client().get("/outer/inner/methods").json
    assert {"/outer/inner/{name}", "/outer/inner/methods"} == openapi.document(app)["paths"].keys()


def test_a_parameter_with_the_name_of_a_paths_variable() -> None:
    """A path and a query that share a name are a TypeError of the app, the document and the request, with the cure."""
    app = new_app()
    app.testing = True

    @app.get("/<int:v>")
    @declare(response=Told, query=Taken, summary="Twice")
    def twice(v: int) -> dict[str, Any]:
        return {"told": str(v)}

    message = (
        r"twice cannot be at /<int:v>: its path and its query both have v, .*; rename one, or give the query's field"
    )
    with pytest.raises(TypeError, match=message):
        openapi.document(app)
    with pytest.raises(TypeError, match=message):
        app.test_client().get("/1")
    with pytest.raises(TypeError, match=message):
        openapi.init_app(app)


class Loose(Schema):
    """A parameter that may be left out, and then is nothing."""

    v = fields.Integer()


def test_a_parameter_that_may_be_left_out_has_a_default_in_the_view() -> None:
    """A view that could not be called without it is refused, and one with a default or any keywords is not."""
    with pytest.raises(TypeError, match="v is optional, but v has no default; give it a default"):
        declare(response=Told, query=Loose, summary="s")(lambda v: {"told": str(v)})

    app = new_app()
    app.add_url_rule("/a", "a", declare(response=Told, query=Loose, summary="a")(lambda v=None: {"told": str(v)}))
    app.add_url_rule("/b", "b", declare(response=Told, query=Loose, summary="b")(lambda **given: {"told": str(given)}))
    assert {"told": "None"} == app.test_client().get("/a").json
    assert {"told": "{}"} == app.test_client().get("/b").json


@pytest.mark.parametrize("status", [True, "503", 99, 204, 304, 405, 413, 422, 500])
def test_a_status_that_has_no_answer_of_the_schema(status: Any) -> None:
    """A status without a body, or one whose answer is a problem, is not the contract's."""
    with pytest.raises(TypeError, match=f"cannot answer its schema with status {status!r}"):
        declare(response=Told, query=Loose, also={status: "Never."}, summary="s")(lambda v=None: {"told": str(v)})


def test_every_route_that_flask_has_is_in_a_valid_document() -> None:
    """Defaults of a rule are in no path, ids are told apart, and a method that OpenAPI lacks is left out."""
    app = new_app()
    view = declare(response=Told, summary="s")(lambda **given: {"told": str(given)})
    app.add_url_rule("/list", defaults={"page": 1}, endpoint="list", view_func=view)
    app.add_url_rule("/list/<int:page>", endpoint="list", view_func=view)
    app.add_url_rule("/a-b", endpoint="hyphen", view_func=view)
    app.add_url_rule("/a_b", endpoint="underscore", view_func=view, methods=["GET", "PURGE"])
    document = openapi.document(app)

    check_document(document, cls=OpenAPIV31SpecValidator)
    assert ["page"] == [each["name"] for each in document["paths"]["/list/{page}"]["get"]["parameters"]]
    assert "parameters" not in document["paths"]["/list"]["get"]
    assert ["get"] == list(document["paths"]["/a_b"])


def test_one_path_has_one_contract() -> None:
    """Rules that differ in their variables alone are one path to OpenAPI, and two contracts there are refused."""
    app = new_app()
    for converter in ("int", "string"):
        view = declare(response=Told, summary=converter)(lambda **given: {"told": str(given)})
        app.add_url_rule(f"/<{converter}:of_{converter}>", converter, view)
    with pytest.raises(TypeError, match="a path has only one contract; choose a path"):
        openapi.init_app(app)


def test_a_parameter_named_self_is_refused() -> None:
    """A method has its object there."""
    query = Schema.from_dict({"self": fields.Integer(load_default=1)})

    with pytest.raises(TypeError, match=r"a method receives its object as self; give the query's field an attribute="):

        class Named(MethodView):
            @declare(response=Told, query=query, summary="Named")
            def get(self) -> dict[str, Any]:
                return {"told": "never"}


def test_an_attribute_of_another_name_is_the_cure() -> None:
    """A query's field may reach the view under another name than the client gives it."""

    class Renamed(Schema):
        v = fields.Integer(attribute="wanted", required=True)

    app = new_app()

    @app.get("/<int:v>")
    @declare(response=Told, query=Renamed, summary="Once each")
    def once(v: int, wanted: int) -> dict[str, Any]:
        return {"told": f"{v} {wanted}"}

    assert {"told": "1 2"} == app.test_client().get("/1?v=2").json
    assert ["v", "v"] == [each["name"] for each in openapi.document(app)["paths"]["/{v}"]["get"]["parameters"]]


class Level(enum.Enum):
    """Whole numbers as values."""

    LOW = 1
    HIGH = 2


@pytest.mark.parametrize(
    ("field", "query", "given"),
    [
        (fields.List(fields.Integer()), "v=1&v=2", [1, 2]),
        (fields.List(fields.Integer()), "v=1", [1]),
        (fields.List(fields.Enum(Level, by_value=True)), "v=2&v=1", [Level.HIGH, Level.LOW]),
        (fields.Integer(strict=True), "v=-5", -5),
        (fields.Float(), "v=1e2", 100.0),
        (fields.Boolean(), "v=false", False),
        (fields.Enum(Level, by_value=True), "v=2", Level.HIGH),
        (fields.Enum(Level), "v=HIGH", Level.HIGH),
        (fields.String(load_default=None), "", None),
        (fields.List(fields.String(), load_default=list), "", []),
    ],
)
def test_a_query_is_read_by_its_types(field: fields.Field[Any], query: str, given: Any) -> None:
    """Each type has its proper spelling, and a list is its parameter as often as it has values."""
    assert ({"v": given}, 200) == taken(field, query)


@pytest.mark.parametrize(
    ("field", "query", "messages"),
    [
        (fields.List(fields.Integer()), "v=1&v=x", ["Value 2: Not a valid integer."]),
        (fields.List(fields.Integer()), "v=1,2", ["Value 1: Not a valid integer."]),
        (fields.List(fields.Integer(), validate=validate.Length(max=1)), "v=1&v=2", ["Longer than maximum length 1."]),
        (fields.Integer(), "v=1&v=2", ["Give this parameter once."]),
        (fields.Integer(), "v=%201", ["Not a valid integer."]),
        (fields.Integer(), "v=1_0", ["Not a valid integer."]),
        (fields.Integer(validate=validate.Range(min=0, min_inclusive=False)), "v=0", ["Must be greater than 0."]),
        (fields.Float(), "v=nan", ["Special numeric values (nan or infinity) are not permitted."]),
        (fields.Boolean(), "v=yes", ["Not a valid boolean."]),
        (fields.Date(), "v=20260102", ["Not a valid date."]),
        (fields.UUID(), "v=12345678123456781234567812345678", ["Not a valid value."]),
        (fields.Enum(Level, by_value=True), "v=3", ["Must be one of: 1, 2."]),
        (fields.String(required=True), "", ["Missing data for required field."]),
    ],
)
def test_what_a_query_may_not_be(field: fields.Field[Any], query: str, messages: list[str]) -> None:
    """What is spelled otherwise is a 422 that says of the parameter what is wrong, in texts."""
    assert (messages, 422) == taken(field, query)


def test_a_list_is_documented_as_repeated() -> None:
    """A list is a parameter that is given once for each value; an empty one is not given, so it has one at least."""
    parameter = documented(fields.List(fields.Integer(), metadata={"description": "Whole numbers."}))

    assert {
        "in": "query",
        "name": "v",
        "required": False,
        "description": "Whole numbers.",
        "style": "form",
        "explode": True,
        "schema": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "title": "V"},
    } == parameter


def test_a_query_has_no_null() -> None:
    """What a query string cannot say, a null, the document does not say either."""
    assert {"type": "string", "title": "V"} == documented(fields.String(load_default=None))["schema"]


def view_of(field: fields.Field[Any], keep: Callable[[dict[str, Any]], None]) -> Flask:
    """Return an app of a view that takes one field and keeps what it was given."""
    app = new_app()

    @app.get("/")
    @declare(response=Told, query=type("Query", (Schema,), {"v": field}), summary="Take")
    def take(**given: Any) -> dict[str, Any]:
        keep(given)
        return {"told": "yes"}

    return app


def taken(field: fields.Field[Any], query: str) -> tuple[Any, int]:
    """Return what a view is given for a query and the status, or what the problem says of the parameter."""
    given: dict[str, Any] = {}
    response = view_of(field, given.update).test_client().get(f"/?{query}")
    return (given if response.status_code == 200 else json.loads(response.data)["errors"]["v"]), response.status_code


def documented(field: fields.Field[Any]) -> dict[str, Any]:
    """Return the document's only parameter."""
    document = openapi.document(view_of(field, lambda _: None))
    check_document(document, cls=OpenAPIV31SpecValidator)
    [parameter] = document["paths"]["/"]["get"]["parameters"]
    found: dict[str, Any] = parameter
    return found


@pytest.mark.parametrize("schema", [{"told": "x"}, Told(), Told | Taken, str])
def test_what_is_no_class_of_schemas(schema: Any) -> None:
    """An instance, a union and whatever else is no one class of schemas is refused with the cure."""
    with pytest.raises(TypeError, match="cannot be an answer: it is not a schema class; give a class"):
        declare(response=schema, summary="s")(lambda: None)


def test_the_short_way_is_there() -> None:
    """Plain answers are sent without marshmallow, and what it would fill in, convert or refuse is not."""

    class Plain(Schema):
        name = fields.String(required=True, validate=validate.Length(max=3))
        share = fields.Float(load_default=0.5)
        words = fields.Dict(fields.String(), fields.List(fields.Nested(Told)))

    is_sent_as_given = Answers(Plain).is_sent_as_given

    assert is_sent_as_given is not None
    assert is_sent_as_given({"name": "a", "share": 1.0, "words": {"x": [{"told": "y"}]}})
    assert not is_sent_as_given({"name": "a"})
    assert not is_sent_as_given({"name": "a", "share": 1})
    assert not is_sent_as_given({"name": "abcd", "share": 1.0})
    assert not is_sent_as_given({"name": "a", "share": 1.0, "words": {"x": [{"told": 1}]}})
    assert Answers(type("Dated", (Schema,), {"at": fields.Date()})).is_sent_as_given is None


def test_a_contract_on_a_class_is_refused() -> None:
    """It goes on the methods, and a class under it would never be asked as one."""
    with pytest.raises(
        TypeError, match="Methods cannot have a contract: it is a class; put one on each of its methods"
    ):
        declare(response=Told, summary="Told")(Methods)
