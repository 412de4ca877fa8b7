"""Behaviour of the JSON provider: what it writes is what Flask's own would have said."""

import dataclasses
import datetime as dt
import decimal
import json
import uuid
from typing import Any

import pytest
from flask import Flask, Response
from flask.json.provider import DefaultJSONProvider
from hypothesis import given
from hypothesis import strategies as st

from flask_app import json_provider
from flask_app.json_provider import OrjsonProvider

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@dataclasses.dataclass
class Point:
    """What Flask knows how to write, and orjson would write too."""

    x: int


def answers(value: Any, *, debug: bool = False) -> tuple[bytes, bytes]:
    """Return what Flask's provider and ours answer."""
    app = Flask(__name__)
    app.debug = debug
    with app.test_request_context():
        theirs: Response = DefaultJSONProvider(app).response(value)  # type: ignore[assignment]  # of the app's class
        ours = OrjsonProvider(app).response(value)
    assert theirs.status == ours.status
    assert theirs.mimetype == ours.mimetype
    return theirs.get_data(), ours.get_data()


@given(JSON)
def test_an_answer_says_what_flasks_provider_says(value: Any) -> None:
    """Any JSON value reads back the same."""
    theirs, ours = answers(value)
    assert json.loads(theirs) == json.loads(ours)


@pytest.mark.parametrize(
    "value",
    [
        {"b": 1, "a": [1, 2.5, None, True, "text"]},
        dt.datetime(2026, 11, 24, tzinfo=dt.UTC),
        dt.date(2026, 11, 24),
        decimal.Decimal("1.20"),
        uuid.UUID(int=7),
        Point(1),
        2**70,
        {1: "a key that is no text"},
        "\ud800",
    ],
)
def test_values_beyond_json_are_written_as_flask_writes_them(value: Any) -> None:
    """Dates, decimals, dataclasses, great integers and other keys come out byte for byte as Flask's."""
    theirs, ours = answers(value)
    assert theirs == ours


def test_what_is_no_number_goes_out_as_null() -> None:
    """NaN and the infinities, for which JSON has no form, go out as null, and not as words that no parser takes."""
    _, ours = answers([float("nan"), float("inf")])
    assert b"[null,null]\n" == ours


def test_debug_mode_stays_readable() -> None:
    """In debug mode the answer is indented, as Flask's is."""
    theirs, ours = answers({"a": 1}, debug=True)
    assert theirs == ours


def test_what_cannot_be_written_is_the_same_error() -> None:
    """A value that neither knows is refused with Flask's error."""
    with pytest.raises(TypeError, match="not JSON serializable"):
        answers(object())


def test_an_app_answers_with_it() -> None:
    """After init_app, what views return is written by it."""
    app = Flask(__name__)
    json_provider.init_app(app)
    app.add_url_rule("/", view_func=lambda: {"name": "é"})

    assert '{"name":"é"}\n' == app.test_client().get("/").text
