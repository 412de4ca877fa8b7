"""Answer the health check and the wait with ``def``: the twin of ``async_views.py``, line by line."""

from __future__ import annotations

import time
from typing import Any

from flask_app.contract import declare
from flask_app.health.body import HEALTH_JSON, NOT_READY, health_body
from flask_app.health.readiness import ask_in_turn
from flask_app.schemas import HealthResponse, ReadyQuery, ReadyResponse, WaitQuery


@declare(response=HealthResponse, summary="Health, from a def view")
def health() -> dict[str, str | int | None]:
    """Answer at once, on the thread that the server gave this request."""
    return health_body()


@declare(response=HealthResponse, query=WaitQuery, summary="Health after a wait, from a def view")
def wait(ms: int) -> dict[str, str | int | None]:
    """Wait for a simulated dependency, and hold the thread meanwhile."""
    time.sleep(ms / 1_000)
    return health_body()


@declare(
    response=ReadyResponse,
    media_type=HEALTH_JSON,
    also=NOT_READY,
    query=ReadyQuery,
    summary="Readiness, from a def view",
)
def ready(wait_ms: int) -> tuple[dict[str, Any], int]:
    """Check one dependency after another, and hold the thread meanwhile."""
    return ask_in_turn(wait_ms)
