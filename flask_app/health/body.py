"""The parts of health answers that both twins share."""

from __future__ import annotations

from collections.abc import Mapping

from flask import current_app

from flask_app.settings import settings_of

HEALTH_JSON = "application/health+json"
"""The media type of the health-check draft."""

NOT_READY: Mapping[int, str] = {503: "Not ready: a dependency is down."}


def health_body() -> dict[str, str | int | None]:
    """Return the tutorial's body, with the version that the settings give."""
    return {"api": "health", "version": settings_of(current_app).version}
