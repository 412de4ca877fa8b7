"""The service that a workshop studies: a health check and a wait, each as ``def`` and as ``async def``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from flask_app.settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Create the service.

    Args:
        settings: The deployment's settings; read from the environment if ``None``.
    Raises:
        SettingsError: The environment has an invalid setting.
    """
    # Imported here, so that an app that uses only the bridge does not load the service.
    from flask import Flask  # noqa: PLC0415

    from flask_app import health, json_provider, limits, openapi, pages, problems  # noqa: PLC0415
    from flask_app.settings import Settings  # noqa: PLC0415

    # The pages serve their files themselves, so Flask's own static route is not needed.
    app = Flask(__name__, static_folder=None)
    (Settings.from_environment(os.environ) if settings is None else settings).init_app(app)
    json_provider.init_app(app)
    problems.init_app(app)
    limits.init_app(app)
    health.init_app(app)
    openapi.init_app(app)
    pages.init_app(app)
    return app
