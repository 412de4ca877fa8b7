"""Describe every route of the app in one OpenAPI 3.1 document, from the contracts and the URL map.

The document has two forms, for the tutorial's lesson: with each view's declared answer, and without it, as a framework
publishes a view that declares nothing.
"""

from __future__ import annotations

import functools
import importlib.metadata
import itertools
import json
import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_instance
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import Blueprint, Flask, Response, current_app
from marshmallow import Schema, fields
from packaging.version import Version
from werkzeug.exceptions import (
    HTTPException,
    InternalServerError,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    RequestEntityTooLarge,
)
from werkzeug.routing import Rule

from flask_app import problems
from flask_app.contract import ERRORS_OF_EVERY_ROUTE, JSON, Contract, check_rule, contract_of, contracted_methods
from flask_app.schemas import WAIT_MAX_MS, Problem
from flask_app.wire.field_schemas import Way, is_required, object_schema, said_of
from flask_app.wire.query import Parameter

View = TypeVar("View", bound=Callable[..., Any])

OPENAPI_VERSION = "3.1.0"

_ATTRIBUTE = "__openapi_description__"
_EXTENSION = "openapi"
_VARIABLE = re.compile(r"<(?:[^<>:]+:)?([^<>:]+)>")
_DISTRIBUTION = "sync-async-lab"
_INFO = """\
The same health check, written twice: as `def` and as `async def`. Is async faster, here, and why?

Every path also accepts `HEAD` and `OPTIONS`. Every error, including a 404 for a path that is not listed here, is a
problem details answer (RFC 9457), `application/problem+json`.
"""
_TAGS = {
    "health": "The twins: one health check as `def` and as `async def`, and the routes for probes.",
    "wait": "The twins again, after waiting for a simulated dependency.",
    "pages": "For people: the landing page, the documents of this API, and the files that they load.",
}
_PAGES = "pages"
_SUCCESS = "Successful Response"
# The documented methods. HEAD and OPTIONS exist for each route in Flask, and are mentioned once.
_METHODS = {"DELETE", "GET", "PATCH", "POST", "PUT", "TRACE"}
# The meaning of each here, and an error that the service could raise, which becomes the example.
_ERRORS: Mapping[int, tuple[str, HTTPException]] = {
    404: ("Nothing has that name.", NotFound()),
    405: ("The path does not accept this method; `Allow` lists those it accepts.", MethodNotAllowed()),
    412: ("The file no longer matches `If-Match`.", PreconditionFailed()),
    413: ("The request announces a body longer than this deployment allows.", RequestEntityTooLarge()),
    422: (
        "The query string is not valid; `errors` lists what is wrong with each parameter.",
        problems.InvalidQueryError(
            {"ms": [f"Must be greater than or equal to 0 and less than or equal to {WAIT_MAX_MS}."]}
        ),
    ),
    500: (
        "An error in the service, for example an answer that breaks the view's contract. Its log has the cause.",
        InternalServerError(),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """The description of a view without a contract.

    Attributes:
        summary: One line.
        content: Schema of the 200 answer by media type: marshmallow's, or a JSON Schema; `{}` allows anything.
        description: Markdown; may be empty.
        path_values: The allowed values of each path variable.
        also: Descriptions of other statuses that are not errors.
        same_content: Those of them that have the same content as the 200.
        errors: Error statuses beyond those of every route.
    """

    summary: str
    content: Mapping[str, Any]
    description: str = ""
    path_values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    also: Mapping[int, str] = field(default_factory=dict)
    same_content: frozenset[int] = frozenset()
    errors: tuple[int, ...] = ()


def describe(description: Description) -> Callable[[View], View]:
    """Describe a view that cannot have a contract, such as a page, in the document."""

    def decorate(view: View) -> View:
        setattr(view, _ATTRIBUTE, description)
        return view

    return decorate


def init_app(app: Flask) -> None:
    """Add the routes that publish the document.

    Args:
        app: Its existing routes are checked against their contracts now; routes that are added later are checked at
            their first request and when the document is requested.
    Raises:
        TypeError: A path variable has the name of a query parameter, or a path has two contracts.
    """
    for _ in _operations(app, response_schemas=False):
        pass
    app.extensions[_EXTENSION] = _Documents(app)
    blueprint = Blueprint(_EXTENSION, __name__)
    blueprint.add_url_rule("/openapi.json", "openapi", publish)
    blueprint.add_url_rule("/openapi-after.json", "after", publish_after)
    blueprint.add_url_rule("/openapi-before.json", "before", publish_before)
    app.register_blueprint(blueprint)


@describe(Description(summary="This document", content={JSON: {"type": "object"}}))
def publish() -> Response:
    """Answer with the document."""
    return _response(response_schemas=True)


@describe(Description(summary="This document, under the name that the lesson uses", content={JSON: {"type": "object"}}))
def publish_after() -> Response:
    """Answer with the document, with the answers that views declare."""
    return _response(response_schemas=True)


@describe(Description(summary="This document, as if no view declared its answer", content={JSON: {"type": "object"}}))
def publish_before() -> Response:
    """Answer with the document as it would be if no view declared its answer."""
    return _response(response_schemas=False)


def document(app: Flask, *, response_schemas: bool = True) -> dict[str, Any]:
    """Return the document of an app whose routes are all registered.

    Args:
        app: The app to describe.
        response_schemas: Whether to include each view's declared answer, or only the media type.
    """
    spec = APISpec(
        title="Sync versus async lab",
        version=_version(),
        openapi_version=OPENAPI_VERSION,
        info={"description": _INFO},
        plugins=[_Plugin()],
    )
    operations = sorted(_operations(app, response_schemas=response_schemas), key=lambda each: _order(each[1]))
    for name in dict.fromkeys(operation["tags"][0] for _, operation in operations):
        spec.tag({"name": name} | ({"description": _TAGS[name]} if name in _TAGS else {}))
    statuses = {int(status) for _, operation in operations for status in operation["responses"]}
    for status in sorted(statuses & _ERRORS.keys()):
        spec.components.response(_error_name(status), _error(status))
    for (path, method), operation in operations:
        spec.path(path=path, operations={method: operation})
    described = spec.to_dict()
    for name, schema in described["components"]["schemas"].items():
        schema.setdefault("title", name)
    return {part: described[part] for part in ("openapi", "info", "tags", "paths", "components")}


@functools.cache
def _version() -> str:
    # Reads and parses a file.
    return importlib.metadata.version(_DISTRIBUTION)


class _Converter(OpenAPIConverter):
    """Write each schema as it is enforced, with titles and nulls as pydantic writes them, to match FastAPI's."""

    def __init__(self, openapi_version: Version | str, schema_name_resolver: Callable[..., str], spec: APISpec) -> None:
        super().__init__(openapi_version, self._free_name, spec)
        self._name_of = schema_name_resolver

    def schema2jsonschema(self, schema: Schema | type[Schema]) -> dict[str, Any]:
        instance = resolve_schema_instance(schema)
        described = object_schema(instance, Way(direction="answer", refer=self._reference))
        for name, field_ in instance.fields.items():
            key = field_.data_key or name
            described["properties"][key] |= _said(name, field_, described["properties"][key])
        meta = {key: getattr(instance.Meta, key) for key in ("title", "description") if hasattr(instance.Meta, key)}
        return described | meta

    def _reference(self, schema: Schema) -> dict[str, Any]:
        referred = self.resolve_nested_schema(schema)  # type: ignore[no-untyped-call]
        one: dict[str, Any] = referred["items"] if schema.many else referred
        return dict(one)

    def _free_name(self, schema: Any) -> str:
        # Nesting a part of a schema creates a schema of its own, with its own name.
        name = re.sub("[^0-9A-Za-z._-]", "_", self._name_of(schema))
        # A schema that is currently being described is not yet among the components.
        return _free(name, {*self.spec.components.schemas, *self.refs.values()})


def _free(name: str, taken: Collection[str]) -> str:
    numbered = (f"{name}{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([name], numbered) if each not in taken)


def _said(name: str, field_: fields.Field[Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"title": name.replace("_", " ").title()} | said_of(field_, dict(schema))


class _Plugin(MarshmallowPlugin):
    Converter = _Converter


class _Documents:
    """The two documents of one app as JSON, each built at its first request, when every route exists."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._texts: dict[bool, str] = {}

    def text(self, *, response_schemas: bool) -> str:
        with self._lock:
            if response_schemas not in self._texts:
                built = document(self._app, response_schemas=response_schemas)
                # Not with the app's own provider: it sorts keys, and the order here is for readers.
                self._texts[response_schemas] = json.dumps(built, ensure_ascii=False)
            return self._texts[response_schemas]


def _response(*, response_schemas: bool) -> Response:
    documents: _Documents = current_app.extensions[_EXTENSION]
    response = Response(documents.text(response_schemas=response_schemas), mimetype=JSON)
    response.headers["Cache-Control"] = "no-cache"
    return response


def _operations(app: Flask, *, response_schemas: bool) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    contracts: dict[tuple[str, str], Contract | None] = {}
    taken: set[str] = set()
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        check_rule(rule, view)
        path = _VARIABLE.sub(r"{\1}", rule.rule)
        methods = sorted((rule.methods or set()) & _METHODS)
        for method, function in contracted_methods(view, methods).items():
            contract = contract_of(function)
            if contracts.setdefault((re.sub(r"{[^{}]+}", "{}", path), method), contract) is not contract:
                raise TypeError(
                    f"{function.__qualname__} cannot be at {rule.rule}: for OpenAPI another rule has the same path, "
                    "and a path has only one contract; choose a path that differs in more than its variables."
                )
            operation = _operation(function, rule, response_schemas=response_schemas)
            operation["operationId"] = _free(_operation_id(method, path), taken)
            taken.add(operation["operationId"])
            yield (path, method.lower()), operation


def _operation(view: Callable[..., Any], rule: Rule, *, response_schemas: bool) -> dict[str, Any]:
    contract = contract_of(view)
    if contract is not None:
        description = _description_of(contract)
        parameters = [_query_parameter(parameter) for parameter in contract.parameters]
        tag = rule.rule.split("/")[1]
    else:
        # Nothing is known about a view without a description, except that it answers.
        nothing = Description(summary=view.__name__.replace("_", " ").capitalize(), content={"*/*": {}})
        description, parameters, tag = getattr(view, _ATTRIBUTE, nothing), [], _PAGES
    # The rule's defaults are arguments too, but not in the path.
    in_path = sorted(rule.arguments & set(_VARIABLE.findall(rule.rule)))
    parameters += [_path_parameter(name, description) for name in in_path]
    content = {media: {"schema": schema if response_schemas else {}} for media, schema in description.content.items()}
    responses: dict[str, Any] = {"200": {"description": _SUCCESS, "content": content}}
    for status, words in description.also.items():
        same = {"content": content} if status in description.same_content else {}
        responses[str(status)] = {"description": words, **same}
    for status in sorted({*description.errors, *ERRORS_OF_EVERY_ROUTE}):
        responses[str(status)] = _error_name(status)
    return {
        "tags": [tag],
        "summary": description.summary,
        **({"description": description.description} if description.description else {}),
        **({"parameters": parameters} if parameters else {}),
        "responses": responses,
    }


def _description_of(contract: Contract) -> Description:
    return Description(
        summary=contract.summary,
        description=contract.description,
        content={contract.media_type: contract.response},
        also=contract.also,
        same_content=frozenset(contract.also),
        errors=() if contract.query is None else (422,),
    )


def _query_parameter(parameter: Parameter) -> dict[str, Any]:
    schema = parameter.schema | _said(parameter.field.name or parameter.key, parameter.field, parameter.schema)
    described: dict[str, Any] = {"in": "query", "name": parameter.key, "required": is_required(parameter.field)}
    described |= {key: schema.pop(key) for key in ("description", "deprecated") if key in schema}
    if parameter.is_list:
        # The parameter is repeated for each value.
        described |= {"style": "form", "explode": True}
    return described | {"schema": schema}


def _path_parameter(name: str, description: Description) -> dict[str, Any]:
    values = description.path_values.get(name)
    schema: dict[str, Any] = {"type": "string"} | ({"enum": list(values)} if values else {})
    return {"in": "path", "name": name, "required": True, "schema": schema}


def _error(status: int) -> dict[str, Any]:
    meaning, error = _ERRORS[status]
    example = {"type": "about:blank", "title": error.name, "status": status, "detail": error.description}
    if isinstance(error, problems.InvalidQueryError):
        example["errors"] = error.errors
    response: dict[str, Any] = {
        "description": meaning,
        "content": {problems.CONTENT_TYPE: {"schema": Problem, "example": example}},
    }
    if status == MethodNotAllowed.code:
        response["headers"] = {
            "Allow": {
                "description": "The methods that the path accepts.",
                "required": True,
                "schema": {"type": "string"},
            }
        }
    return response


def _error_name(status: int) -> str:
    return _ERRORS[status][1].name.replace(" ", "")


def _operation_id(method: str, path: str) -> str:
    return "_".join([method.lower(), *re.findall(r"[A-Za-z0-9]+", path)])


def _order(operation: Mapping[str, Any]) -> int:
    # The API before its pages; the sort is stable, so the URL map's order stays within each.
    tags = list(_TAGS)
    tag = operation["tags"][0]
    return tags.index(tag) if tag in tags else tags.index(_PAGES)
