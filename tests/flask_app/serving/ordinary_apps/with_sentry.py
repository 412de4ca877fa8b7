"""An app that Sentry's SDK watches, which tells whose each of its events is: by its user, its URL and its error."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import sentry_sdk
from flask import Flask, Response, g, request
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.flask import FlaskIntegration
from sentry_sdk.integrations.modules import ModulesIntegration
from sentry_sdk.transport import Transport

from tests.flask_app.serving.ordinary_apps.thread_use import watch, watch_views

_lock = threading.Lock()
_mixed_up = 0


class Judging(Transport):
    """Sends nothing, and counts the events that are not one user's."""

    def capture_envelope(self, envelope: Envelope) -> None:
        """Look at what an envelope brings."""
        global _mixed_up  # noqa: PLW0603 - of this process
        for item in envelope.items:
            if item.type in {"event", "transaction"}:
                event = item.payload.json or {}
                # The app that tells of this one is watched too.
                with _lock:
                    _mixed_up += event.get("transaction") != "told" and len(_users(event)) != 1


def _users(event: dict[str, Any]) -> set[Any]:
    users = {
        event.get("user", {}).get("id"),
        event.get("request", {}).get("url", "").rpartition("/user-")[2].split("/")[0],
    }
    users |= {error["value"] for error in event.get("exception", {}).get("values", [])}
    return users


def create_app(_folder: Path) -> Flask:
    """Begin to watch, as Sentry's documentation says for Flask, and make the app, which has no files."""
    sentry_sdk.init(
        dsn="https://key@sentry.invalid/1",
        transport=Judging,
        integrations=[FlaskIntegration()],
        traces_sample_rate=1.0,
        # Whatever else is installed here is not of this app, and to list it takes most of an event's time.
        auto_enabling_integrations=False,
        disabled_integrations=[ModulesIntegration()],
    )
    app = Flask("with_sentry")
    watch(app, lambda: _mixed_up)

    @app.before_request
    def begin() -> None:
        g.user = (request.view_args or {})["user"].rpartition("-")[2]
        sentry_sdk.set_user({"id": g.user})
        time.sleep(0.001)

    @app.after_request
    def say(response: Response) -> Response:
        response.headers["X-User"] = g.user
        return response

    @app.get("/<user>/failing")
    def failing(user: str) -> str:
        raise LookupError(g.user)

    @app.get("/<user>/slow")
    async def slow(user: str) -> str:
        await asyncio.sleep(0.001)
        raise LookupError(g.user)

    @app.errorhandler(LookupError)
    def handle(error: LookupError) -> tuple[str, int]:
        g.facts.note()
        sentry_sdk.capture_exception(error)
        return f"{error.args[0]} is not found", 404

    watch_views(app)
    return app
