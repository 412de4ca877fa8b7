import json
import logging
from datetime import UTC, datetime

import pytest
from flask import Flask
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import (
    BadRequestKeyError,
    HTTPException,
    MethodNotAllowed,
    NotFound,
    RequestedRangeNotSatisfiable,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
    default_exceptions,
)
from werkzeug.routing import RequestRedirect
from werkzeug.test import TestResponse

from flask_app import problems
from flask_app.problems import InvalidQueryError
from flask_app.schemas import Problem

SECRET = "the password is hunter2"  # noqa: S105 - a stand-in for what must not get out


def answer_to(error: Exception, method: str = "GET") -> TestResponse:
    """Have a view raise this, and return what the client gets."""
    app = Flask("raising")
    problems.init_app(app)

    @app.get("/")
    def raising() -> str:
        raise error

    return app.test_client().open("/", method=method)


def subclasses(kind: type[HTTPException]) -> set[type[HTTPException]]:
    """Return every exception below this one, at any depth."""
    return {kind} | {deeper for direct in kind.__subclasses__() for deeper in subclasses(direct)}


WERKZEUG_EXCEPTIONS = sorted(
    (kind for kind in subclasses(HTTPException) if kind.code is not None and kind.__module__ == "werkzeug.exceptions"),
    key=lambda kind: (kind.code, kind.__name__),
)


def test_the_walk_is_over_all_of_werkzeug() -> None:
    """The list below has every exception that Werkzeug has a status for."""
    assert set(default_exceptions.values()) <= set(WERKZEUG_EXCEPTIONS)


@pytest.mark.parametrize("kind", WERKZEUG_EXCEPTIONS)
def test_every_werkzeug_exception(kind: type[HTTPException]) -> None:
    """Each of Werkzeug's exceptions is answered as a problem that the schema allows and that no cache may keep."""
    response = answer_to(kind())

    assert kind.code == response.status_code
    assert "application/problem+json" == response.content_type
    assert "no-store" == response.headers["Cache-Control"]
    details = json.loads(response.data)
    assert {} == Problem().validate(details)
    assert ("about:blank", kind().name, kind.code) == (details["type"], details["title"], details["status"])


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (MethodNotAllowed(["PUT", "GET"]), "Allow", "PUT, GET"),
        (
            Unauthorized(www_authenticate=WWWAuthenticate("basic", {"realm": "the lab"})),
            "WWW-Authenticate",
            'Basic realm="the lab"',
        ),
        (TooManyRequests(retry_after=7), "Retry-After", "7"),
        (
            ServiceUnavailable(retry_after=datetime(2030, 1, 1, tzinfo=UTC)),
            "Retry-After",
            "Tue, 01 Jan 2030 00:00:00 GMT",
        ),
        (RequestedRangeNotSatisfiable(length=10), "Content-Range", "bytes */10"),
    ],
)
def test_headers_stay(error: HTTPException, header: str, value: str) -> None:
    """What an error tells in a header, it still tells when it is a problem."""
    response = answer_to(error)

    assert value == response.headers[header]
    assert "application/problem+json" == response.content_type


def test_redirects_are_no_problems() -> None:
    """A redirect is answered as the redirect that it is."""
    response = answer_to(RequestRedirect("http://localhost/elsewhere"))

    assert 308 == response.status_code
    assert "http://localhost/elsewhere" == response.headers["Location"]


def test_detail_says_what_the_error_says() -> None:
    """Of the client's own mistakes the detail is what the error was raised with."""
    assert "No such lesson." == answer_to(NotFound("No such lesson.")).get_json(force=True)["detail"]


def test_no_detail_without_a_description() -> None:
    """An error that says nothing has no detail, rather than an empty one."""

    class Teapot(HTTPException):
        code = 418

    assert {"type", "title", "status"} == answer_to(Teapot()).get_json(force=True).keys()


def test_errors_by_parameter() -> None:
    """An invalid query has its messages by parameter."""
    response = answer_to(InvalidQueryError({"ms": ["Not a valid integer."]}))

    assert 422 == response.status_code
    assert {"ms": ["Not a valid integer."]} == response.get_json(force=True)["errors"]


@pytest.mark.parametrize("error", [RuntimeError(SECRET), KeyError(SECRET), default_exceptions[500](SECRET)])
def test_a_500_tells_nothing(error: Exception) -> None:
    """Whatever failed inside, the client learns that something did, and neither what nor in what."""
    response = answer_to(error)

    assert 500 == response.status_code
    for inside in (SECRET, "Traceback", "Error:", "Python", "Werkzeug", "Flask", ".py"):
        assert inside not in response.get_data(as_text=True)
        assert inside not in str(response.headers)


@pytest.mark.parametrize("status", [501, 502, 503, 504, 505])
def test_no_other_5xx_tells_either(status: int) -> None:
    """The words that any fault of the service was raised with stay inside."""
    assert SECRET not in answer_to(default_exceptions[status](SECRET)).get_data(as_text=True)


def test_a_5xx_that_werkzeug_does_not_know() -> None:
    """A status of our own making is told in the words for a 500."""

    class StorageFull(HTTPException):
        code = 507
        description = SECRET

    details = answer_to(StorageFull()).get_json(force=True)

    assert 507 == details["status"]
    assert default_exceptions[500].description == details["detail"]


def test_a_missing_key_is_not_named() -> None:
    """The key of a form that a view looked for in vain is the service's own business."""
    assert SECRET not in answer_to(BadRequestKeyError(SECRET)).get_data(as_text=True)


def test_an_unexpected_exception_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """What the client is not told, the log is: the exception itself, with its traceback."""
    error = RuntimeError(SECRET)

    with caplog.at_level(logging.ERROR):
        answer_to(error)

    assert [error] == [record.exc_info[1] for record in caplog.records if record.exc_info]


def test_head_has_no_body() -> None:
    """The answer to HEAD is the problem's headers alone."""
    response = answer_to(NotFound(), method="HEAD")

    assert (404, b"") == (response.status_code, response.data)
    assert int(response.headers["Content-Length"]) > 0
