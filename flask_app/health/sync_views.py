"""Answer the health check and the wait with ``def``: the twin of ``async_views.py``, line by line."""

from __future__ import annotations

import time

from flask_app.contract import declare
from flask_app.health.body import health_body
from flask_app.schemas import HealthResponse, WaitQuery


@declare(response=HealthResponse, summary="Health, by a def view")
def health() -> dict[str, str | int | None]:
    """Answer at once, on the thread that the server gave this request."""
    return health_body()


@declare(response=HealthResponse, query=WaitQuery, summary="Health after a wait, by a def view")
def wait(ms: int) -> dict[str, str | int | None]:
    """Wait for a simulated dependency, and hold the thread meanwhile."""
    time.sleep(ms / 1_000)
    return health_body()
