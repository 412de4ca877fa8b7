"""Checks exercise 2: the documents of both frameworks describe the answer, and the answer conforms to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.exercises import serving
from benchmarks.exercises.answer import load_module, member
from benchmarks.exercises.finding import AnswerError, Finding, tried, when

_PATH = "/stock/tea"
_UNKNOWN = "/stock/coal"
_ROUTE = "/stock/{thing}"
_ANSWER = {"thing": "tea", "amount": 12, "unit": "kg"}
_TYPES = {"thing": "string", "amount": "integer", "unit": "string"}
_HINTS = {
    "Flask": "A view that declares nothing has no description. `@declare(response=...)` takes a schema of marshmallow.",
    "FastAPI": "FastAPI documents a response model: a class of pydantic, as `response_model=` or as the annotation of "
    "what the view returns. `Any` says nothing, and `dict` says that it is some object.",
}


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    flask_service, fastapi_service = load_module(folder, "flask_service"), load_module(folder, "fastapi_service")
    client = member(flask_service, "app").test_client()
    with serving.on_its_loop(member(fastapi_service, "app")) as service:

        def flask(path: str) -> serving.Reply:
            reply = client.get(path)
            return serving.Reply(reply.status_code, reply.get_data())

        asking = {"Flask": flask, "FastAPI": service.ask}
        for framework, ask in asking.items():
            yield _answers(framework, ask(_PATH))
            yield _describes(framework, ask("/openapi.json").json or {})
        for framework, ask in asking.items():
            status = ask(_UNKNOWN).status
            hint = f"It is a {status}: an unknown thing was to stay unknown. {serving.LOOK}"
            yield tried(f"{framework}: GET {_UNKNOWN} is a 404 as before", when(status != 404, "changed-answer", hint))
        for (framework, ask), module in zip(asking.items(), (flask_service, fastapi_service), strict=True):
            _write_many(module)
            status = ask(_PATH).status
            yield tried(
                f'{framework}: an amount of "many" is a 500, as the document promises an integer',
                when(
                    status != 500,
                    "documented-not-enforced",
                    f"It is a {status}: the document says integer and the answer says many. A document written by hand "
                    "is not binding; a response model describes the answer *and* validates it.",
                ),
            )


def _answers(framework: str, reply: serving.Reply) -> Finding:
    body = reply.json
    lost = sorted(_ANSWER.keys() - body.keys()) if isinstance(body, dict) and reply.status == 200 else []
    return tried(
        f"{framework}: GET {_PATH} answers as before",
        when(
            bool(lost),
            "answer-filtered",
            f"{', '.join(lost)} is gone from the answer. A response model is a filter: FastAPI leaves out what the "
            "model does not name, and says nothing. Name every field.",
        ),
        when(
            (reply.status, body) != (200, _ANSWER),
            "changed-answer",
            f"It answers {reply}, and was to answer {_ANSWER}. {serving.LOOK}",
        ),
    )


def _describes(framework: str, document: Mapping[str, Any]) -> Finding:
    found = {name: each.get("type") for name, each in _properties(document).items()}
    wrong = {name: kind for name, kind in found.items() if kind != _TYPES.get(name)}
    return tried(
        f"{framework}: the document has the answer's three properties with their types",
        when(
            bool(wrong) and found.keys() == _TYPES.keys(),
            "wrong-type",
            f"It says {wrong}. The stock-keeper counts whole things, and the other two are words; a client that is "
            "generated from the document relies on it.",
        ),
        when(
            found != _TYPES,
            f"{framework.lower()}-undocumented",
            f"It has {found or 'none'}. {_HINTS[framework]}",
        ),
    )


def _properties(document: Mapping[str, Any]) -> Mapping[str, Any]:
    operation = document.get("paths", {}).get(_ROUTE, {}).get("get", {})
    content = operation.get("responses", {}).get("200", {}).get("content", {})
    schema = content["application/json"].get("schema", {}) if "application/json" in content else {}
    name = schema.get("$ref", "").rpartition("/")[2]
    schemas = document.get("components", {}).get("schemas", {})
    properties = schemas.get(name, schema).get("properties", {})
    # A property may have a schema of its own, such as an enumeration's.
    return {key: schemas.get(each.get("$ref", "").rpartition("/")[2], each) for key, each in properties.items()}


def _write_many(service: ModuleType) -> None:
    try:
        member(service, "STOCK")["tea"]["amount"] = "many"
    except (KeyError, TypeError) as error:
        raise AnswerError(
            "missing-name",
            f"The check writes into `STOCK` of {service.__name__}.py like the stock-keeper, and cannot: {error}. Keep "
            "it, and declare what is answered.",
        ) from error
