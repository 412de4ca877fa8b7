"""Checks exercise 2: both frameworks' documents describe the answer, and the answer holds to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.exercises import serving
from benchmarks.exercises.answer import load_module, member
from benchmarks.exercises.finding import AnswerError, Finding, failed, passed

_PATH = "/stock/tea"
_UNKNOWN = "/stock/coal"
_ROUTE = "/stock/{thing}"
_ANSWER = {"thing": "tea", "amount": 12, "unit": "kg"}
_TYPES = {"thing": "string", "amount": "integer", "unit": "string"}


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    flask_service, fastapi_service = load_module(folder, "flask_service"), load_module(folder, "fastapi_service")
    client = member(flask_service, "app").test_client()
    reply = client.get(_PATH)
    yield _answers("Flask", reply.status_code, reply.json)
    yield _describes(
        "Flask",
        client.get("/openapi.json").json,
        cause="flask-undocumented",
        hint="A view that declares nothing is described by nothing. `@declare(response=...)` takes a marshmallow "
        "schema.",
    )
    with serving.on_its_loop(member(fastapi_service, "app")) as service:
        answer, document = service.ask(_PATH), service.ask("/openapi.json")
        yield _answers("FastAPI", *_told(answer))
        yield _describes(
            "FastAPI",
            _told(document)[1] or {},
            cause="fastapi-undocumented",
            hint="FastAPI documents a response model: a class of pydantic's, as `response_model=` or as the annotation "
            "of what the view returns. `Any` says nothing, and `dict` says that it is some object.",
        )
        yield _knows_nothing("Flask", client.get(_UNKNOWN).status_code)
        yield _knows_nothing("FastAPI", _told(service.ask(_UNKNOWN))[0])
        _write_many(flask_service)
        yield _refuses("Flask", client.get(_PATH).status_code)
        _write_many(fastapi_service)
        many = service.ask(_PATH)
        yield _refuses("FastAPI", _told(many)[0])


def _told(reply: serving.Reply | None) -> tuple[int | None, Any]:
    return (None, None) if reply is None else (reply.status, reply.json)


def _answers(framework: str, status: int | None, body: Any) -> Finding:
    what = f"{framework}: GET {_PATH} answers as before"
    if (status, body) == (200, _ANSWER):
        return passed(what)
    lost = sorted(_ANSWER.keys() - body.keys()) if isinstance(body, dict) and status == 200 else []
    if lost:
        return failed(
            what,
            "answer-filtered",
            f"{', '.join(lost)} is gone from the answer. A response model is a filter: FastAPI leaves out what the "
            "model does not name, and says nothing. Name every field.",
        )
    return failed(what, "changed-answer", f"It answers {status} {body}, and was to answer {_ANSWER}. {serving.LOOK}")


def _describes(framework: str, document: Mapping[str, Any], *, cause: str, hint: str) -> Finding:
    what = f"{framework}: the document has the answer's three properties with their types"
    found = {name: each.get("type") for name, each in _properties(document).items()}
    if found == _TYPES:
        return passed(what)
    wrong = {name: kind for name, kind in found.items() if kind != _TYPES.get(name)}
    if wrong and found.keys() == _TYPES.keys():
        return failed(
            what,
            "wrong-type",
            f"It says {wrong}. What the stock-keeper counts is whole, and the other two are words; a client that is "
            "made from the document believes it.",
        )
    return failed(what, cause, f"It has {found or 'none'}. {hint}")


def _properties(document: Mapping[str, Any]) -> Mapping[str, Any]:
    operation = document.get("paths", {}).get(_ROUTE, {}).get("get", {})
    content = operation.get("responses", {}).get("200", {}).get("content", {})
    schema = content["application/json"].get("schema", {}) if "application/json" in content else {}
    name = schema.get("$ref", "").rpartition("/")[2]
    schemas = document.get("components", {}).get("schemas", {})
    properties = schemas.get(name, schema).get("properties", {})
    # A property may have a schema of its own, such as an enumeration's.
    return {key: schemas.get(each.get("$ref", "").rpartition("/")[2], each) for key, each in properties.items()}


def _knows_nothing(framework: str, status: int | None) -> Finding:
    what = f"{framework}: GET {_UNKNOWN} is a 404 as before"
    if status == 404:
        return passed(what)
    return failed(
        what, "changed-answer", f"It is a {status}: what there is none of was to stay unknown. {serving.LOOK}"
    )


def _write_many(service: ModuleType) -> None:
    try:
        member(service, "STOCK")["tea"]["amount"] = "many"
    except (KeyError, TypeError) as error:
        raise AnswerError(
            "missing-name",
            f"The check writes into `STOCK` of {service.__name__}.py as the stock-keeper does, and cannot: {error}. "
            "Keep it, and declare what is answered.",
        ) from error


def _refuses(framework: str, status: int | None) -> Finding:
    what = f'{framework}: an amount of "many" is a 500, as the document promises an integer'
    if status == 500:
        return passed(what)
    return failed(
        what,
        "documented-not-enforced",
        f"It is a {status}: the document says integer and the answer says many. What is written into the document by "
        "hand binds nobody; a response model describes the answer *and* holds it to that.",
    )
