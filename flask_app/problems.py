"""Answer every error with problem details (RFC 9457) that reveal nothing about the service's internals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, current_app
from werkzeug.exceptions import HTTPException, InternalServerError, UnprocessableEntity, default_exceptions
from werkzeug.wrappers import Response

from flask_app.schemas import Problem
from flask_app.serving.bridge.never_blocks import never_blocks

CONTENT_TYPE = "application/problem+json"
_SCHEMA = Problem()


class InvalidQueryError(UnprocessableEntity):
    """The query string does not match the view's contract.

    Attributes:
        errors: Messages by parameter.
    """

    description = "The query string is not valid: see errors."

    def __init__(self, errors: Mapping[str, Any]) -> None:
        super().__init__()
        self.errors = errors


def init_app(app: Flask) -> None:
    """Make the app answer each of its errors with problem details.

    An uncaught exception becomes a 500 here too, after Flask has logged it with its traceback.
    """
    app.register_error_handler(HTTPException, problem_response)


@never_blocks
def problem_response(error: HTTPException) -> Response:
    """Return the problem details answer for an error.

    The error keeps its own headers: a 405 must list the allowed methods, a 401 the scheme, a 416 the full length.
    """
    # Werkzeug's own response has those headers, so its body is replaced.
    response = error.get_response()
    response.set_data(current_app.json.dumps(_SCHEMA.dump(_problem(error)), sort_keys=False, separators=(",", ":")))
    response.headers["Content-Type"] = CONTENT_TYPE
    # Without this header, a cache may store a 404 or a 405.
    response.headers["Cache-Control"] = "no-store"
    return response


def _problem(error: HTTPException) -> dict[str, Any]:
    # Flask passes no error without a code, but the type allows it.
    status = error.code or InternalServerError.code
    problem: dict[str, Any] = {"type": "about:blank", "title": error.name, "status": status}
    # The description of a 5xx may reveal internals; Werkzeug's default description does not.
    said = error if status < 500 else default_exceptions.get(status, InternalServerError)
    if said.description:
        problem["detail"] = said.description
    if isinstance(error, InvalidQueryError):
        problem["errors"] = error.errors
    return problem
