"""Checks exercises 1 and 2: what a service takes and answers is declared, documented and enforced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.exercises import serving
from benchmarks.exercises.answer import Answer, AnswerError, Finding, told

_COLDEST_CELSIUS = -273.15


def declare_the_contract(answer: Answer) -> Iterator[Finding]:
    """Check exercise 1: what the view takes and answers is validated and documented."""
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


_STOCKED = {"thing": "tea", "amount": 12, "unit": "kg"}
_TYPES = {"thing": "string", "amount": "integer", "unit": "string"}


def complete_the_docs(answer: Answer) -> Iterator[Finding]:
    """Check exercise 2: the documents of both frameworks describe the answer, and the answer conforms to them."""
    client = answer.load("flask_service", "app").test_client()

    def flask(path: str) -> serving.Reply:
        reply = client.get(path)
        return serving.Reply(reply.status_code, reply.get_data())

    with serving.on_its_loop(answer.load("fastapi_service", "app")) as service:
        asking = {"Flask": flask, "FastAPI": service.ask}
        for framework, ask in asking.items():
            yield _answers(answer, framework, ask("/stock/tea"))
            yield _describes(answer, framework, ask("/openapi.json").json or {})
        for framework, ask in asking.items():
            status = ask("/stock/coal").status
            yield answer.found("unknown", {"changed-answer": status != 404}, framework=framework, status=status)
        for framework, ask in asking.items():
            _write_many(answer, f"{framework.lower()}_service")
            status = ask("/stock/tea").status
            faults = {"documented-not-enforced": status != 500}
            yield answer.found("many", faults, framework=framework, status=status)


def _answers(answer: Answer, framework: str, reply: serving.Reply) -> Finding:
    body = reply.json
    lost = sorted(_STOCKED.keys() - body.keys()) if isinstance(body, dict) and reply.status == 200 else []
    faults = {"answer-filtered": bool(lost), "changed-answer": (reply.status, body) != (200, _STOCKED)}
    return answer.found("answers", faults, framework=framework, lost=", ".join(lost), reply=reply, expected=_STOCKED)


def _describes(answer: Answer, framework: str, document: Mapping[str, Any]) -> Finding:
    found = {name: each.get("type") for name, each in _properties(document).items()}
    wrong = {name: kind for name, kind in found.items() if kind != _TYPES.get(name)}
    faults = {
        "wrong-type": bool(wrong) and found.keys() == _TYPES.keys(),
        f"{framework.lower()}-undocumented": found != _TYPES,
    }
    return answer.found("describes", faults, framework=framework, wrong=wrong, found=found or "none")


def _properties(document: Mapping[str, Any]) -> Mapping[str, Any]:
    operation = document.get("paths", {}).get("/stock/{thing}", {}).get("get", {})
    content = operation.get("responses", {}).get("200", {}).get("content", {})
    schema = content["application/json"].get("schema", {}) if "application/json" in content else {}
    name = schema.get("$ref", "").rpartition("/")[2]
    schemas = document.get("components", {}).get("schemas", {})
    properties = schemas.get(name, schema).get("properties", {})
    # A property may have a schema of its own, such as an enumeration's.
    return {key: schemas.get(each.get("$ref", "").rpartition("/")[2], each) for key, each in properties.items()}


def _write_many(answer: Answer, service: str) -> None:
    try:
        answer.load(service, "STOCK")["tea"]["amount"] = "many"
    except (KeyError, TypeError) as error:
        raise AnswerError(
            "missing-name",
            f"The check writes into `STOCK` of {service}.py like the stock-keeper, and cannot: {error}. Keep it, and "
            "declare what is answered.",
        ) from error
