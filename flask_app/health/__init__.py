"""Serve the twins: the health check, the wait and readiness, each as ``def`` and as ``async def``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from flask import Blueprint, Flask, Response

from flask_app.contract import declare
from flask_app.health import async_views, readiness, sync_views
from flask_app.health.body import HEALTH_JSON, NOT_READY
from flask_app.health.live_view import live
from flask_app.health.readiness import lifespan
from flask_app.schemas import HealthResponse, ReadyQuery, ReadyResponse
from flask_app.serving.bridge.never_blocks import never_blocks
from flask_app.settings import Variant, settings_of

__all__ = ["TWINS", "init_app", "lifespan"]

TWINS: Mapping[Variant, ModuleType] = {"sync": sync_views, "async": async_views}


def init_app(app: Flask) -> None:
    """Add the routes of both twins, and the routes for probes, served by the twin that the settings choose."""
    readiness.init_app(app)
    blueprint = Blueprint("health", __name__)
    chosen = TWINS[settings_of(app).health_variant]
    blueprint.add_url_rule("/health", "chosen", _health_for_probes(chosen.health))
    blueprint.add_url_rule("/health/live", "live", live)
    blueprint.add_url_rule("/health/ready", "ready_chosen", _ready_for_probes(chosen.ready))
    for variant, views in TWINS.items():
        blueprint.add_url_rule(f"/health/{variant}", f"health_{variant}", views.health)
        blueprint.add_url_rule(f"/wait/{variant}", f"wait_{variant}", views.wait)
        blueprint.add_url_rule(f"/health/ready/{variant}", f"ready_{variant}", views.ready)
    blueprint.after_request(_forbid_caching)
    app.register_blueprint(blueprint)


def _health_for_probes(twin: Callable[..., Any]) -> Callable[..., Any]:
    # The twin's own function with its own contract: as fast as the twin, but documented separately.
    function: Callable[..., Any] = inspect.unwrap(twin)
    return declare(
        response=HealthResponse,
        summary="Health, for a probe",
        description="Served by the twin that `LAB_HEALTH_VARIANT` selects; by default `sync`.",
    )(function)


def _ready_for_probes(twin: Callable[..., Any]) -> Callable[..., Any]:
    function: Callable[..., Any] = inspect.unwrap(twin)
    return declare(
        response=ReadyResponse,
        media_type=HEALTH_JSON,
        also=NOT_READY,
        query=ReadyQuery,
        summary="Readiness, for a probe",
        description="Checked by the twin that `LAB_HEALTH_VARIANT` selects; by default `sync`.",
    )(function)


@never_blocks
def _forbid_caching(response: Response) -> Response:
    # A cached health check describes the cache, not the service.
    response.headers["Cache-Control"] = "no-store"
    return response
