"""Answer the health check and the wait with ``async def``: the twin of ``sync_views.py``, line by line."""

from __future__ import annotations

import asyncio

from flask_app.contract import declare
from flask_app.health.body import health_body
from flask_app.schemas import HealthResponse, WaitQuery


@declare(response=HealthResponse, summary="Health, by an async def view")
async def health() -> dict[str, str | int | None]:
    """Answer at once, on the event loop that the server or Flask gave this request."""
    return health_body()


@declare(response=HealthResponse, query=WaitQuery, summary="Health after a wait, by an async def view")
async def wait(ms: int) -> dict[str, str | int | None]:
    """Wait for a simulated dependency, and leave the event loop free meanwhile."""
    await asyncio.sleep(ms / 1_000)
    return health_body()
