"""The FastAPI reference app: the tutorial's health endpoint with its response model, as a pair of twins.

Beside the twins stand the ones that wait, and the OpenAPI document without and with the response model, under the
paths that the Flask app uses too. Readiness joins them where the environment names what to ask: its libraries take
longer to load than all the rest, here as in the Flask app.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import time
from types import ModuleType
from typing import Annotated, Any

import fastapi
import pydantic


class HealthResponse(pydantic.BaseModel):
    """The tutorial's response model."""

    api: str
    version: int | None = None


WaitMs = Annotated[int, fastapi.Query(ge=0, le=1000, description="How long to wait, milliseconds.")]


async def health_async() -> dict[str, Any]:
    """Answer at once, on the event loop."""
    return {"api": "health", "version": 1}


def health_sync() -> dict[str, Any]:
    """Answer at once, in a worker thread."""
    return {"api": "health", "version": 1}


async def wait_async(ms: WaitMs = 0) -> dict[str, Any]:
    """Wait without holding a thread, then answer."""
    await asyncio.sleep(ms / 1000)
    return {"api": "health", "version": 1}


def wait_sync(ms: WaitMs = 0) -> dict[str, Any]:
    """Hold a worker thread while waiting, then answer."""
    time.sleep(ms / 1000)
    return {"api": "health", "version": 1}


def create_app(response_model: type[pydantic.BaseModel] | None) -> fastapi.FastAPI:
    """Build the reference app.

    Args:
        response_model: What every view declares to answer; ``None`` is the tutorial's "before".
    """
    readiness = _readiness()
    application = fastapi.FastAPI(
        title="FastAPI reference", version="1", lifespan=None if readiness is None else readiness.lifespan
    )
    # Starlette tries routes in order, so what comes later pays for what comes before: about 0.3 µs a route. The async
    # view is the cheaper one, of which that would be the larger share; it comes first.
    for path, view in (
        ("/health/async", health_async),
        ("/health/sync", health_sync),
        ("/wait/async", wait_async),
        ("/wait/sync", wait_sync),
    ):
        application.get(path, response_model=response_model)(view)
    if readiness is not None:
        readiness.add_to(application, response_models=response_model is not None)
    return application


def _readiness() -> ModuleType | None:
    if {"LAB_DATABASE_URL", "LAB_UPSTREAM_URLS"}.isdisjoint(os.environ):
        return None
    return importlib.import_module("benchmarks.contenders.fastapi_ready")


app = create_app(HealthResponse)


@app.get("/openapi-before.json", include_in_schema=False)
def openapi_before() -> dict[str, Any]:
    """Answer the document that FastAPI generates when no response model is declared."""
    return create_app(None).openapi()


@app.get("/openapi-after.json", include_in_schema=False)
def openapi_after() -> dict[str, Any]:
    """Answer the document that FastAPI generates with the response model."""
    return app.openapi()


# As the Flask app's own modules do for their process: what is unequal between two frameworks is no comparison.
gc.collect()
gc.freeze()
gc.set_threshold(25_000, *gc.get_threshold()[1:])
