"""The service that a workshop studies: a health check and a wait, each as ``def`` and as ``async def``."""

from __future__ import annotations

import os

from flask import Flask

from flask_app import health, json_provider, limits, openapi, pages, problems
from flask_app.settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Create the service.

    Args:
        settings: What this deployment chose; read from the environment when ``None``.
    Raises:
        SettingsError: The environment holds a setting that is not allowed.
    """
    # The pages serve their files themselves, so Flask's own route to the folder has no use.
    app = Flask(__name__, static_folder=None)
    (Settings.from_environment(os.environ) if settings is None else settings).init_app(app)
    json_provider.init_app(app)
    problems.init_app(app)
    limits.init_app(app)
    health.init_app(app)
    openapi.init_app(app)
    pages.init_app(app)
    return app
