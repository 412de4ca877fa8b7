"""Answer every error with problem details, RFC 9457, that tell nothing of the service's inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, current_app
from werkzeug.exceptions import HTTPException, InternalServerError, UnprocessableEntity, default_exceptions
from werkzeug.wrappers import Response

from flask_app.never_blocks import never_blocks
from flask_app.schemas import Problem

CONTENT_TYPE = "application/problem+json"
_SCHEMA = Problem()


class InvalidQueryError(UnprocessableEntity):
    """The query string is not what the view's contract takes.

    Attributes:
        errors: Messages by parameter.
    """

    description = "The query string is not valid: see errors."

    def __init__(self, errors: Mapping[str, Any]) -> None:
        super().__init__()
        self.errors = errors


def init_app(app: Flask) -> None:
    """Make the app answer each of its errors with problem details.

    An exception that no view caught comes here too, as a 500, once Flask has logged it with its traceback.
    """
    app.register_error_handler(HTTPException, problem_response)


@never_blocks
def problem_response(error: HTTPException) -> Response:
    """Return the answer that tells the client of an error.

    The error's own headers stay: a 405 must say what is allowed, a 401 how to ask, a 416 how long the whole is.
    """
    # Werkzeug's own answer has those headers, so it is refilled rather than made anew.
    response = error.get_response()
    response.set_data(current_app.json.dumps(_SCHEMA.dump(_problem(error)), sort_keys=False, separators=(",", ":")))
    response.headers["Content-Type"] = CONTENT_TYPE
    # An error is of the moment; a cache may keep a 404 or a 405 of its own accord.
    response.headers["Cache-Control"] = "no-store"
    return response


def _problem(error: HTTPException) -> dict[str, Any]:
    # Flask hands over no error without a code, but the type allows one.
    status = error.code or InternalServerError.code
    problem: dict[str, Any] = {"type": "about:blank", "title": error.name, "status": status}
    # What a 5xx was raised with may quote the inside of the service; Werkzeug's words for its kind do not.
    said = error if status < 500 else default_exceptions.get(status, InternalServerError)
    if said.description:
        problem["detail"] = said.description
    if isinstance(error, InvalidQueryError):
        problem["errors"] = error.errors
    return problem
