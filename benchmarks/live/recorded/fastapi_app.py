"""FastAPI, on Hypercorn or uvicorn, recorded."""

from __future__ import annotations

from benchmarks.contenders import fastapi_app
from benchmarks.live import hooks

hooks.hook_reading()
hooks.hook_anyio()
# FastAPI inspects a view once, when its route is made.
for _name in ("health_async", "health_sync", "wait_async", "wait_sync"):
    setattr(fastapi_app, _name, hooks.recorded_view(getattr(fastapi_app, _name)))

app = hooks.recorded_asgi(fastapi_app.create_app(fastapi_app.HealthResponse))
