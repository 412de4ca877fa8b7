"""Refuse a request whose body is longer than the settings allow."""

from __future__ import annotations

from flask import Flask, request
from werkzeug.exceptions import RequestEntityTooLarge

from flask_app.serving.bridge.never_blocks import never_blocks
from flask_app.settings import settings_of


def init_app(app: Flask) -> None:
    """Refuse every request that announces a body that is too long.

    Flask's own ``MAX_CONTENT_LENGTH`` takes effect when a view reads the body. No view here does, so this hook is
    needed.
    """
    max_body_bytes = settings_of(app).max_request_body_bytes
    app.config["MAX_CONTENT_LENGTH"] = max_body_bytes

    @app.before_request
    @never_blocks
    def refuse_long_body() -> None:
        # Check the raw value first: this runs for every request, and almost none has a body.
        if request.environ.get("CONTENT_LENGTH") and (request.content_length or 0) > max_body_bytes:
            raise RequestEntityTooLarge
