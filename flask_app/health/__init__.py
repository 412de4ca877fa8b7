"""Serve the twins: the health check and the wait, each as ``def`` and as ``async def``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from flask import Blueprint, Flask, Response

from flask_app.contract import declare
from flask_app.health import async_views, sync_views
from flask_app.never_blocks import never_blocks
from flask_app.schemas import HealthResponse
from flask_app.settings import Variant, settings_of

TWINS: Mapping[Variant, ModuleType] = {"sync": sync_views, "async": async_views}


def init_app(app: Flask) -> None:
    """Add the routes of both twins, and ``/health`` served by the one that the settings choose."""
    blueprint = Blueprint("health", __name__)
    blueprint.add_url_rule("/health", "chosen", _for_probes(TWINS[settings_of(app).health_variant].health))
    for variant, views in TWINS.items():
        blueprint.add_url_rule(f"/health/{variant}", f"health_{variant}", views.health)
        blueprint.add_url_rule(f"/wait/{variant}", f"wait_{variant}", views.wait)
    blueprint.after_request(_forbid_caching)
    app.register_blueprint(blueprint)


def _for_probes(twin: Callable[..., Any]) -> Callable[..., Any]:
    # The twin's own function under a contract of its own: as quick as the twin, and the document has words for each.
    function: Callable[..., Any] = inspect.unwrap(twin)
    return declare(
        response=HealthResponse,
        summary="Health, for a probe",
        description="Answer as the twin that `LAB_HEALTH_VARIANT` chooses: `sync`, unless it says `async`.",
    )(function)


@never_blocks
def _forbid_caching(response: Response) -> Response:
    # A health check that a cache answers says how the cache is.
    response.headers["Cache-Control"] = "no-store"
    return response
