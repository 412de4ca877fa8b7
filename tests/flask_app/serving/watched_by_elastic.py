"""Elastic's APM agent watches an app: it listens to Flask's signals, and keeps the transaction in the context."""

from __future__ import annotations

import json
from typing import Any

import elasticapm
import flask
from elasticapm.contrib.flask import ElasticAPM
from elasticapm.transport.base import Transport

from tests.flask_app.serving import watched

kept: list[tuple[str, dict[str, Any]]] = []


class Keeping(Transport):
    """Sends nothing, needs no thread to send it, and keeps it all."""

    def queue(self, event_type: str, data: Any, flush: bool = False) -> None:
        """Keep what would be sent."""
        processed = self._process_event(event_type, data)  # type: ignore[no-untyped-call]  # has no types
        kept.append((event_type, json.loads(self._json_serializer(processed))))

    def start_thread(self, pid: int | None = None) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def watch(app: flask.Flask) -> None:
    """Begin to watch an app, as Elastic's documentation says for Flask; what goes to its server is left out."""
    ElasticAPM(
        app,
        service_name="watched",
        transport_class=f"{__name__}.{Keeping.__name__}",
        central_config=False,
        cloud_provider="none",
        metrics_interval="0s",
        breakdown_metrics=False,
    )


def events() -> list[Any]:
    """Return each transaction and error, with whose it is by all that it says."""
    noted = kept.copy()
    kept.clear()
    url_of = {event["id"]: _url_of(event) for kind, event in noted if kind == "transaction"}
    return sorted(
        (
            (
                kind,
                event.get("name"),
                event.get("result"),
                event.get("exception", {}).get("message"),
                event.get("context", {}).get("user", {}).get("id"),
                _url_of(event),
                url_of.get(event.get("transaction_id", event["id"])),
            )
            for kind, event in noted
        ),
        key=str,
    )


def _url_of(event: dict[str, Any]) -> Any:
    return event.get("context", {}).get("request", {}).get("url", {}).get("full")


if __name__ == "__main__":
    tool = watched.Tool(events, watch=watch, began=lambda user: elasticapm.set_user_context(user_id=user))
    watched.main(lambda _early: tool)
