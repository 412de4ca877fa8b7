"""Checks exercise 2: the documents of both frameworks describe the answer, and the answer conforms to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.exercises import serving
from benchmarks.exercises.answer import Answer
from benchmarks.exercises.finding import AnswerError, Finding

_EXPECTED = {"thing": "tea", "amount": 12, "unit": "kg"}
_TYPES = {"thing": "string", "amount": "integer", "unit": "string"}


def check(answer: Answer) -> Iterator[Finding]:
    """Try the answer."""
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
    lost = sorted(_EXPECTED.keys() - body.keys()) if isinstance(body, dict) and reply.status == 200 else []
    faults = {"answer-filtered": bool(lost), "changed-answer": (reply.status, body) != (200, _EXPECTED)}
    return answer.found("answers", faults, framework=framework, lost=", ".join(lost), reply=reply, expected=_EXPECTED)


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
