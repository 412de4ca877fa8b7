"""Whatever the field, its options and its validators: what is sent is documented, what is documented is accepted."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from marshmallow import Schema, fields, validate

from flask_app.wire.answers import Answers
from tests.flask_app.wire.documented import FORMATS, Service, read_as, spelled
from tests.flask_app.wire.drawn_fields import (
    compound,
    every_class,
    of_functions,
    one_of_class,
    python_values,
    single,
    validators,
)

NAMES = sorted(single) + sorted(compound)
# Hypothesis explains a failure by tracing each line, which takes ten times as long as all the rest.
drawing = settings(suppress_health_check=list(HealthCheck), phases=set(Phase) - {Phase.explain}, max_examples=10)
ABSENT = object()


def schema_with(field: fields.Field[Any]) -> type[Schema]:
    """Return a class of schemas with one field."""
    return type(
        "Drawn",
        (Schema,),
        {
            "v": field,
        },
    )


@contextlib.contextmanager
def refusable() -> Iterator[None]:
    """Pass on, unless what is inside is refused with a reason and a cure."""
    try:
        yield
    except TypeError as refused:
        reason, _, cure = str(refused).partition("; ")
        if "cannot be" not in reason or not cure.endswith("."):
            raise
        event("refused")
        raise _RefusedError from None


class _RefusedError(Exception):
    pass


def test_every_class_is_drawn() -> None:
    """No field and no validator of marshmallow is left out, of those that can be used as they are."""
    drawn = {make for make, _ in single.values()} | {getattr(fields, name) for name in compound}

    assert every_class(fields, set(fields.__all__), fields.Field) <= drawn
    assert every_class(validate, set(vars(validate)), validate.Validator) == set(validators)


def test_the_formats_are_looked_at() -> None:
    """Each format that the documents here rely on is one that the tests' validator knows."""
    assert {"date", "date-time", "email", "ipv4", "ipv6", "uuid"} <= FORMATS.checkers.keys()


@pytest.mark.parametrize("name", NAMES)
@drawing
@given(data=st.data())
def test_answers(name: str, data: st.DataObject) -> None:
    """What a view returns is a 500 or as documented, as marshmallow has it; all that is documented is a 200."""
    schema = schema_with(data.draw(one_of_class(name), label="field"))
    with contextlib.suppress(_RefusedError):
        with refusable():
            service = Service(response=schema)
        returned = {"v": data.draw(python_values, label="returned")}
        check_sent(service, schema, returned)
        documented = data.draw(service.values(service.answered), label="documented")
        assert 200 == check_sent(service, schema, documented)


@drawing
@given(data=st.data())
def test_answers_behind_functions(data: st.DataObject) -> None:
    """Whatever an author's own functions make of a value, what is sent is documented, or it is a 500."""
    schema = schema_with(data.draw(of_functions(), label="field"))
    with contextlib.suppress(_RefusedError):
        with refusable():
            service = Service(response=schema)
        check_sent(service, schema, {"v": data.draw(python_values, label="returned")})
        check_sent(service, schema, data.draw(service.values(service.answered), label="documented"))


def check_sent(service: Service, schema: type[Schema], returned: dict[str, Any]) -> int:
    """See that an answer is as documented, if it is one, and the same the short way and the long."""
    status, body = service.answer(returned)
    if status == 200:
        assert service.allows(service.answered, body), (returned, body, service.answered)
        answers = Answers(schema)
        slow = answers.schema.dump(answers.schema.load(returned))
        assert body == json.loads(json.dumps(slow))
        if answers.is_sent_as_given is not None and answers.is_sent_as_given(returned):
            event("the short way")
            assert body == json.loads(json.dumps(returned))
    else:
        assert 500 == status
    return status


@pytest.mark.parametrize("name", NAMES)
@drawing
@given(data=st.data())
def test_queries(name: str, data: st.DataObject) -> None:
    """All that is documented of a parameter is taken, and nothing else is."""
    schema = schema_with(data.draw(one_of_class(name), label="field"))
    with contextlib.suppress(_RefusedError):
        with refusable():
            service = Service(query=schema)
        parameter = service.parameter()
        is_list = parameter["schema"].get("type") == "array"
        value = data.draw(service.values(parameter["schema"]), label="documented")
        texts = [spelled(each) for each in value] if is_list else [spelled(value)]
        assert 200 == asked(service, texts)
        assert (422 if parameter["required"] else 200) == asked(service, [])
        texts = data.draw(st.lists(any_text, min_size=1, max_size=2), label="texts")
        readings = [read_as(text) for text in texts]
        if is_list:
            items = [
                [each for each in options if service.allows(parameter["schema"]["items"], each)] for options in readings
            ]
            is_documented = all(items) and service.allows(parameter["schema"], [options[0] for options in items])
        else:
            is_documented = len(texts) == 1 and any(service.allows(parameter["schema"], each) for each in readings[0])
        assert (200 if is_documented else 422) == asked(service, texts), parameter


any_text = (
    st.text()
    | st.sampled_from(
        [
            "a",
            "ab",
            "red",
            "1",
            "0",
            "-0",
            "007",
            "1.0",
            "1.50",
            "1e5",
            "1e999",
            "nan",
            "true",
            "True",
            "yes",
            "null",
            "",
            " 1",
            "+1",
        ]
    )
    | st.integers(-9, 9).map(str)
    | st.floats(-9, 9).map(str)
    | st.dates().map(str)
    | st.datetimes().map(lambda at: at.isoformat())
)


def asked(service: Service, texts: list[str]) -> int:
    """Return the status of a query of these texts; what is refused is refused as documented."""
    response = service.client.get("/serve", query_string={"v": texts})
    if response.status_code == 422:
        problem = json.loads(response.data)
        component = service.document["components"]["schemas"]["Problem"]
        assert service.allows(component, problem), problem
        assert {"v"} == problem["errors"].keys()
    return response.status_code
