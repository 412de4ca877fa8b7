"""Answer the health check and the wait with ``async def``: the twin of ``sync_views.py``, line by line."""

from __future__ import annotations

import asyncio
from typing import Any

from flask_app.contract import declare
from flask_app.health.body import HEALTH_JSON, NOT_READY, health_body
from flask_app.health.readiness import ask_together
from flask_app.schemas import HealthResponse, ReadyQuery, ReadyResponse, WaitQuery


@declare(response=HealthResponse, summary="Health, from an async def view")
async def health() -> dict[str, str | int | None]:
    """Answer at once, on the event loop that the server or Flask gave this request."""
    return health_body()


@declare(response=HealthResponse, query=WaitQuery, summary="Health after a wait, from an async def view")
async def wait(ms: int) -> dict[str, str | int | None]:
    """Wait for a simulated dependency, and leave the event loop free meanwhile."""
    await asyncio.sleep(ms / 1_000)
    return health_body()


@declare(
    response=ReadyResponse,
    media_type=HEALTH_JSON,
    also=NOT_READY,
    query=ReadyQuery,
    summary="Readiness, from an async def view",
)
async def ready(wait_ms: int) -> tuple[dict[str, Any], int]:
    """Check all dependencies concurrently, and leave the event loop free meanwhile."""
    return await ask_together(wait_ms)
