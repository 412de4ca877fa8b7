"""Sentry's SDK watches an app: it replaces ``Flask.__call__``, and keeps the user in a scope that is the request's."""

from __future__ import annotations

from typing import Any

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.flask import FlaskIntegration
from sentry_sdk.integrations.modules import ModulesIntegration
from sentry_sdk.transport import Transport

from tests.flask_app.serving import watched

kept: list[dict[str, Any]] = []


class Keeping(Transport):
    """Sends nothing, and keeps it all."""

    def capture_envelope(self, envelope: Envelope) -> None:
        """Keep what an envelope brings."""
        kept.extend(item.payload.json or {} for item in envelope.items if item.type in {"event", "transaction"})


def start() -> None:
    """Begin to watch, as Sentry's documentation says for Flask."""
    sentry_sdk.init(
        dsn="https://key@sentry.invalid/1",
        transport=Keeping,
        integrations=[FlaskIntegration()],
        traces_sample_rate=1.0,
        # Whatever else is installed here is not of this app, and takes seconds to begin with.
        auto_enabling_integrations=False,
        disabled_integrations=[ModulesIntegration()],
    )


def events() -> list[Any]:
    """Return whose each event is, by all that it says: its error, its user, its URL and its transaction."""
    url_of_trace = {
        event["contexts"]["trace"]["trace_id"]: event.get("request", {}).get("url")
        for event in kept
        if event.get("type") == "transaction"
    }
    told = [
        (
            event.get("type", "error"),
            event.get("exception", {}).get("values", [{}])[-1].get("value"),
            event.get("user", {}).get("id"),
            event.get("request", {}).get("url"),
            event.get("transaction"),
            url_of_trace.get(event["contexts"]["trace"]["trace_id"]),
        )
        for event in kept
    ]
    kept.clear()
    return sorted(told, key=str)


if __name__ == "__main__":
    watched.main(lambda _early: watched.Tool(events, start, began=lambda user: sentry_sdk.set_user({"id": user})))
