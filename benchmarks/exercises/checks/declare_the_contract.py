"""Checks exercise 1: what the view takes and answers is validated and documented."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.exercises.answer import Answer, told
from benchmarks.exercises.finding import Finding

_COLDEST_CELSIUS = -273.15


def check(answer: Answer) -> Iterator[Finding]:
    """Try the answer."""
    client = answer.load("app", "app").test_client()
    expected = {"celsius": 100.0, "fahrenheit": 212.0}
    reply = client.get("/convert?celsius=100")
    error = answer.raised("/convert?celsius=100")
    faults = {
        "breaks-its-contract": error is not None,
        "changed-answer": (reply.status_code, reply.json) != (200, expected),
    }
    yield answer.found("both", faults, error=told(error), reply=reply, expected=expected)
    reply = client.get("/convert?celsius=hot")
    is_named = "celsius" in ((reply.json or {}).get("errors") or {})
    yield answer.found("hot", {"not-validated": reply.status_code != 422, "by-hand": not is_named}, reply=reply)
    reply = client.get("/convert")
    text = reply.get_data(as_text=True).strip()[:80]
    yield answer.found("missing", {"not-required": reply.status_code != 422}, reply=reply, text=text)
    reply = client.get("/convert?celsius=-273.16")
    yield answer.found("too-cold", {"no-range": reply.status_code != 422}, reply=reply)
    reply = client.get("/convert?celsius=36.6")
    json = reply.json or {}
    fahrenheit = json.get("fahrenheit")
    converts = isinstance(fahrenheit, float) and (json.get("celsius"), round(fahrenheit, 9)) == (36.6, 97.88)
    faults = {
        "whole-numbers-only": reply.status_code == 422,
        "breaks-its-contract": reply.status_code == 500,
        "changed-answer": not converts,
    }
    yield answer.found("fraction", faults, reply=reply, json=json)
    reply = client.get(f"/convert?celsius={_COLDEST_CELSIUS}")
    yield answer.found("coldest", {"exclusive-bound": reply.status_code != 200}, reply=reply)
    operation = client.get("/openapi.json").json["paths"].get("/convert", {}).get("get", {})
    parameters = {each["name"]: each for each in operation.get("parameters", [])}
    celsius = parameters.get("celsius", {})
    is_bound = celsius.get("schema", {}).get("minimum") == _COLDEST_CELSIUS and celsius.get("required")
    is_declared = "$ref" in str(operation.get("responses", {}).get("200"))
    faults = {"by-hand": not is_bound, "answer-undeclared": not is_declared}
    yield answer.found("document", faults, parameters=", ".join(parameters) or "none")
