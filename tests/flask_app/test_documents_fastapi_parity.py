"""The document of the health check is FastAPI's for the tutorial's app, but for what the docs list and explain."""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import fastapi
import pydantic
import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from flask_app import create_app, openapi
from flask_app.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "response-models.md"
PATHS = ("/health/sync", "/health/async")
SCHEMA = "responses.200.content.application/json.schema"
ABSENT, PRESENT = "absent", "present"

# What differs, each with FastAPI's value, ours, and the reason; a value in JSON, or whether there is one at all.
DIFFERENCES: Mapping[str, tuple[str, str, str]] = {
    f"{SCHEMA}.additionalProperties": (ABSENT, "false", "the contract refuses unknown fields, FastAPI drops them"),
    f"{SCHEMA}.properties.version.default": (ABSENT, "null", "FastAPI leaves out what is null when it writes"),
    f"{SCHEMA}.properties.api.description": (ABSENT, PRESENT, "written in our schema"),
    f"{SCHEMA}.properties.api.examples": (ABSENT, PRESENT, "written in our schema"),
    f"{SCHEMA}.properties.version.description": (ABSENT, PRESENT, "written in our schema"),
    f"{SCHEMA}.properties.version.examples": (ABSENT, PRESENT, "written in our schema"),
    "responses.405": (ABSENT, PRESENT, "FastAPI documents only errors of validation"),
    "responses.413": (ABSENT, PRESENT, "FastAPI documents only errors of validation"),
    "responses.500": (ABSENT, PRESENT, "FastAPI documents only errors of validation"),
    "summary": (PRESENT, PRESENT, "FastAPI makes one of the function's name, ours is written"),
    "operationId": (PRESENT, PRESENT, "each framework has its own way to make one"),
    "description": (ABSENT, PRESENT, "the docstring of our view"),
    "tags": (ABSENT, PRESENT, "FastAPI has no group unless told"),
}


class HealthResponse(pydantic.BaseModel):  # noqa: D101  # a docstring would be in the document
    api: str
    # As the tutorial writes it.
    version: typing.Optional[int] = None  # noqa: UP045


def tutorial_document(response_model: type[HealthResponse] | None) -> dict[str, Any]:
    """Return the document that FastAPI makes of the tutorial's app, with the views at the paths of ours."""
    app = fastapi.FastAPI()

    @app.get("/health/sync", response_model=response_model)
    def root():  # type: ignore[no-untyped-def]  # noqa: ANN202, RUF100  # an annotation would be a response model
        return {"api": "fastit"}

    @app.get("/health/async", response_model=response_model)
    async def async_root():  # type: ignore[no-untyped-def]  # noqa: ANN202, RUF100  # the same
        return {"api": "fastit"}

    return app.openapi()


def our_document(*, response_schemas: bool = True) -> dict[str, Any]:
    """Return the document of the service."""
    return openapi.document(create_app(Settings()), response_schemas=response_schemas)


def resolved(node: Any, document: dict[str, Any]) -> Any:
    """Return a part of a document with what it refers to in the place of each reference."""
    if isinstance(node, list):
        return [resolved(each, document) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return resolved(target, document)
    return {key: resolved(value, document) for key, value in node.items()}


def operation(document: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the GET of a path, with nothing left to look up."""
    get: dict[str, Any] = resolved(document["paths"][path]["get"], document)
    return get


def differing(theirs: Any, ours: Any, point: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Go through the points at which two values differ, each with both; what is not there is ``ABSENT``."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in theirs.keys() | ours.keys():
            yield from differing(theirs.get(key, ABSENT), ours.get(key, ABSENT), f"{point}.{key}".lstrip("."))
    elif theirs != ours:
        yield point, theirs, ours


def at(operation: Any, point: str) -> Any:
    """Return the value at a point of an operation."""
    for part in re.split(r"\.(?!json)", point.replace("application/json", "media")):
        operation = operation["application/json" if part == "media" else part]
    return operation


def matches(expected: str, value: object) -> bool:
    """Say whether a value is what a difference has for it."""
    if expected in {ABSENT, PRESENT}:
        return (expected == ABSENT) == (value == ABSENT)
    wanted: object = json.loads(expected)
    return wanted == value


def table(heading: str) -> dict[str, list[str]]:
    """Return the rows of a table of the page, by their point."""
    _, _, after = PAGE.read_text(encoding="utf-8").partition(heading)
    rows = re.search(r"\|---.*?\n((?:\|.*\n)+)", after)
    assert rows is not None, heading
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[1].splitlines()]
    return {re.sub("^schema", SCHEMA, row[0].strip("| `")): [cell.strip("| `") for cell in row[1:]] for row in cells}


@pytest.mark.parametrize("path", PATHS)
def test_document_is_fastapis_but_for_the_listed_differences(path: str) -> None:
    """Each point of the operation is FastAPI's, or it is in the list with just these two values."""
    found = {
        point: (theirs, ours)
        for point, theirs, ours in differing(
            operation(tutorial_document(HealthResponse), path), operation(our_document(), path)
        )
    }
    assert DIFFERENCES.keys() == found.keys()
    for point, (theirs, ours, _) in DIFFERENCES.items():
        assert matches(theirs, found[point][0]), point
        assert matches(ours, found[point][1]), point


@pytest.mark.parametrize("path", PATHS)
def test_before_is_what_fastapi_publishes_without_a_model(path: str) -> None:
    """The 200 of the document before is FastAPI's for a view without a response model, in full."""
    theirs = operation(tutorial_document(None), path)["responses"]["200"]
    ours = operation(our_document(response_schemas=False), path)["responses"]["200"]
    assert {"description": "Successful Response", "content": {"application/json": {"schema": {}}}} == theirs
    assert theirs == ours


@pytest.mark.parametrize("keyword", [False, True])
def test_keyword_leaves_no_trace_in_the_schema(keyword: bool) -> None:
    """In both frameworks, def and async def have the same 200, with a model and without."""
    model = HealthResponse if keyword else None
    for document in (tutorial_document(model), our_document(response_schemas=keyword)):
        sync, async_ = (operation(document, path)["responses"]["200"] for path in PATHS)
        assert sync == async_


def test_pydantic_has_the_default_that_fastapi_leaves_out() -> None:
    """The null default is in pydantic's own schema of the tutorial's model, as in ours."""
    theirs = HealthResponse.model_json_schema(mode="serialization")["properties"]["version"]
    ours = operation(our_document(), "/health/sync")
    assert theirs["default"] is None
    assert at(ours, f"{SCHEMA}.properties.version.default") is None


@pytest.mark.parametrize("path", PATHS)
def test_page_lists_what_is_the_same(path: str) -> None:
    """Each value that the page gives as common is in both documents."""
    same = table("The same in both")
    assert len(same) >= 7
    for point, (value,) in same.items():
        assert json.loads(value) == at(operation(tutorial_document(HealthResponse), path), point), point
        assert json.loads(value) == at(operation(our_document(), path), point), point


def test_page_explains_every_difference() -> None:
    """The page's table has the differences of this test, all and no other, each with its values and a reason."""
    rows = table("All differences")
    assert {point: [theirs, ours] for point, (theirs, ours, _) in DIFFERENCES.items()} == {
        point: row[:2] for point, row in rows.items()
    }
    assert all(row[2] for row in rows.values())


def test_code_of_the_page_runs() -> None:
    """Each Python block of the page runs, one after the other, and what it asserts holds."""
    examples = list(Sybil(parsers=[PythonCodeBlockParser()]).parse(PAGE).examples())
    assert 5 == len(examples)
    for example in examples:
        example.evaluate()
