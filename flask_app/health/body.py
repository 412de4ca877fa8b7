"""Make the body that every health answer has, whichever twin gives it."""

from __future__ import annotations

from flask import current_app

from flask_app.settings import settings_of


def health_body() -> dict[str, str | int | None]:
    """Return the tutorial's body, with the version that the settings give."""
    return {"api": "health", "version": settings_of(current_app).version}
