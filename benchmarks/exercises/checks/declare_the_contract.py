"""Checks exercise 1: what the view takes and answers is validated and documented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.exercises.answer import load_module, member, raised_by, told
from benchmarks.exercises.finding import Finding, tried, when

_COLDEST_CELSIUS = -273.15
_BY_HAND = (
    " Checks inside the view are known to the view alone. Declared in a schema, the same rule refuses, names the "
    "parameter and is in the document."
)


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    app = member(load_module(folder, "app"), "app")
    client = app.test_client()
    expected = {"celsius": 100.0, "fahrenheit": 212.0}
    reply = client.get("/convert?celsius=100")
    error = raised_by(app, "/convert?celsius=100")
    yield tried(
        "GET /convert?celsius=100 answers both temperatures",
        when(
            error is not None,
            "breaks-its-contract",
            f"The view raises {told(error)}. A view under a contract returns the mapping itself, with every field of "
            "its answer's schema and no other: the contract makes a response of it, and validates it.",
        ),
        when(
            (reply.status_code, reply.json) != (200, expected),
            "changed-answer",
            f"The answer is {reply.status_code} {reply.json}, and was to stay {expected}.",
        ),
    )
    reply = client.get("/convert?celsius=hot")
    yield tried(
        "?celsius=hot gets a 422 that names the parameter",
        when(
            reply.status_code != 422,
            "not-validated",
            f"It gets a {reply.status_code}. The view converts the text itself, so a text that is no number is an "
            "error of the server. A schema for the query (`@declare(query=...)`) that says what kind of number it is "
            "refuses everything else before the view is called.",
        ),
        when(
            "celsius" not in ((reply.json or {}).get("errors") or {}),
            "by-hand",
            f"It is a 422, but it does not say in `errors` which parameter is wrong.{_BY_HAND}",
        ),
    )
    reply = client.get("/convert")
    yield tried(
        "without celsius it is a 422 too",
        when(
            reply.status_code != 422,
            "not-required",
            f"It gets a {reply.status_code} {reply.get_data(as_text=True).strip()[:80]}: no client asked for that "
            "temperature. A field is optional unless it says `required=True`.",
        ),
    )
    reply = client.get("/convert?celsius=-273.16")
    yield tried(
        "-273.16 °C, which does not exist, is a 422",
        when(
            reply.status_code != 422,
            "no-range",
            f"It gets a {reply.status_code}: it is a number, but nothing says exactly which numbers are allowed. "
            "`validate=validate.Range(min=...)` does, to the client and in the document.",
        ),
    )
    reply = client.get("/convert?celsius=36.6")
    answer = reply.json or {}
    fahrenheit = answer.get("fahrenheit")
    converts = isinstance(fahrenheit, float) and (answer.get("celsius"), round(fahrenheit, 9)) == (36.6, 97.88)
    yield tried(
        "36.6 °C are 97.88 °F",
        when(
            reply.status_code == 422,
            "whole-numbers-only",
            "It gets a 422: only whole numbers are accepted. A temperature is a number, and rarely an integer.",
        ),
        when(
            reply.status_code == 500,
            "breaks-its-contract",
            "It gets a 500: the schema of the answer forbids what the view returns. Which numbers may both fields be?",
        ),
        when(
            not converts,
            "changed-answer",
            f"The answer is {reply.status_code} {answer}: what the view computes was to stay the same.",
        ),
    )
    reply = client.get(f"/convert?celsius={_COLDEST_CELSIUS}")
    yield tried(
        f"{_COLDEST_CELSIUS} °C itself, no less, is converted",
        when(
            reply.status_code != 200,
            "exclusive-bound",
            f'It gets a {reply.status_code}. "No less than" allows the bound itself: which number is the least, and '
            "does the range include it?",
        ),
    )
    operation = client.get("/openapi.json").json["paths"].get("/convert", {}).get("get", {})
    parameters: dict[str, Any] = {each["name"]: each for each in operation.get("parameters", [])}
    celsius = parameters.get("celsius", {})
    yield tried(
        "the document describes the parameter with its bound, and the answer",
        when(
            celsius.get("schema", {}).get("minimum") != _COLDEST_CELSIUS or not celsius.get("required"),
            "by-hand",
            f"Its parameters in the document are {', '.join(parameters) or 'none'}.{_BY_HAND}",
        ),
        when(
            "$ref" not in str(operation.get("responses", {}).get("200")),
            "answer-undeclared",
            "The 200 answer has no schema: declare one with `response=`.",
        ),
    )
