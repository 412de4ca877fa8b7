"""Checks exercise 1: what the view takes and answers is validated and documented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.exercises.answer import load_module, member, told
from benchmarks.exercises.finding import Finding, failed, passed

_COLDEST_CELSIUS = -273.15


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    app = member(load_module(folder, "app"), "app")
    yield _converts(app)
    client = app.test_client()
    yield _refuses_words(client.get("/convert?celsius=hot"))
    yield _refuses_nothing(client.get("/convert"))
    yield _refuses_the_impossible(client.get("/convert?celsius=-273.16"))
    yield _converts_fractions(client.get("/convert?celsius=36.6"))
    yield _takes(client.get(f"/convert?celsius={_COLDEST_CELSIUS}"))
    yield _is_documented(client.get("/openapi.json").json)


def _converts(app: Any) -> Finding:
    what = "GET /convert?celsius=100 answers both temperatures"
    expected = {"celsius": 100.0, "fahrenheit": 212.0}
    app.config["PROPAGATE_EXCEPTIONS"] = True
    try:
        reply = app.test_client().get("/convert?celsius=100")
    except Exception as error:  # noqa: BLE001 - whatever it is, the view raised it
        return failed(
            what,
            "breaks-its-contract",
            f"The view raises {told(error)}. A view under a contract returns the mapping itself, with every field of "
            "its answer's schema and no other: it is the contract that makes a response of it, and holds it to its "
            "word.",
        )
    finally:
        app.config["PROPAGATE_EXCEPTIONS"] = None
    if (reply.status_code, reply.json) != (200, expected):
        return failed(
            what, "changed-answer", f"The answer is {reply.status_code} {reply.json}, and was to stay {expected}."
        )
    return passed(what)


def _refuses_words(reply: Any) -> Finding:
    what = "?celsius=hot gets a 422 that names the parameter"
    if reply.status_code == 422 and "celsius" in ((reply.json or {}).get("errors") or {}):
        return passed(what)
    if reply.status_code == 422:
        return _by_hand(what, "It is a 422, but one that does not say in `errors` which parameter is at fault.")
    return failed(
        what,
        "not-validated",
        f"It gets a {reply.status_code}. The view makes a number of it by itself, so what is none is an error of the "
        "server's. A schema for the query (`@declare(query=...)`) that says what kind of number it is refuses all else "
        "before the view is called.",
    )


def _refuses_nothing(reply: Any) -> Finding:
    what = "without celsius it is a 422 too"
    if reply.status_code == 422:
        return passed(what)
    return failed(
        what,
        "not-required",
        f"It gets a {reply.status_code} {reply.get_data(as_text=True).strip()[:80]}: nobody asked for that "
        "temperature. A field is optional unless it says `required=True`.",
    )


def _refuses_the_impossible(reply: Any) -> Finding:
    what = "-273.16 °C, which there is not, is a 422"
    if reply.status_code == 422:
        return passed(what)
    return failed(
        what,
        "no-range",
        f"It gets a {reply.status_code}: a number it is, but nothing says which numbers are allowed, or not to the "
        "letter. `validate=validate.Range(min=...)` does, to the client and to the document.",
    )


def _takes(reply: Any) -> Finding:
    what = f"{_COLDEST_CELSIUS} °C itself, no less, is converted"
    if reply.status_code == 200:
        return passed(what)
    return failed(
        what,
        "exclusive-bound",
        f'It gets a {reply.status_code}. "No less than" allows the bound itself: which number is the least, and does '
        "the range include it?",
    )


def _converts_fractions(reply: Any) -> Finding:
    what = "36.6 °C are 97.88 °F"
    if reply.status_code == 422:
        return failed(
            what,
            "whole-numbers-only",
            "It gets a 422: only whole numbers are taken. A temperature is a number, and few of them are integers.",
        )
    if reply.status_code == 500:
        return failed(
            what,
            "breaks-its-contract",
            "It gets a 500: the schema of the answer forbids what the view returns of it. Which numbers are both to "
            "be?",
        )
    answer = reply.json or {}
    celsius, fahrenheit = answer.get("celsius"), answer.get("fahrenheit")
    if isinstance(fahrenheit, float) and (celsius, round(fahrenheit, 9)) == (36.6, 97.88):
        return passed(what)
    return failed(what, "changed-answer", f"The answer is {reply.status_code} {answer}: what it computes was to stay.")


def _is_documented(document: dict[str, Any]) -> Finding:
    what = "the document describes the parameter with its bound, and the answer"
    operation = document["paths"].get("/convert", {}).get("get", {})
    parameters = {each["name"]: each for each in operation.get("parameters", [])}
    celsius = parameters.get("celsius", {})
    if celsius.get("schema", {}).get("minimum") != _COLDEST_CELSIUS or not celsius.get("required"):
        return _by_hand(what, "Its parameters in the document are " + (", ".join(parameters) or "none") + ".")
    if "$ref" not in str(operation["responses"]["200"]):
        return failed(what, "answer-undeclared", "The 200 answer has no schema: declare one with `response=`.")
    return passed(what)


def _by_hand(what: str, seen: str) -> Finding:
    return failed(
        what,
        "by-hand",
        f"{seen} Checks inside the view are known to the view alone. Declared in a schema, the same rule refuses, "
        "names the parameter and is in the document.",
    )
