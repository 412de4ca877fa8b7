"""Starlette: FastAPI without FastAPI, as no answer is declared and nothing is validated."""

from __future__ import annotations

import asyncio
import time

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


def _wait_s(request: Request) -> float:
    ms = request.query_params.get("ms", "0")
    if not ms.isdecimal() or int(ms) > 1000:
        raise HTTPException(400, "ms is from 0 to 1000.")
    return int(ms) / 1000


async def health_async(_: Request) -> JSONResponse:
    """Answer at once, on the event loop."""
    return JSONResponse({"api": "health", "version": 1})


def health_sync(_: Request) -> JSONResponse:
    """Answer at once, in a worker thread."""
    return JSONResponse({"api": "health", "version": 1})


async def wait_async(request: Request) -> JSONResponse:
    """Wait without holding a thread, then answer."""
    await asyncio.sleep(_wait_s(request))
    return JSONResponse({"api": "health", "version": 1})


def wait_sync(request: Request) -> JSONResponse:
    """Hold a worker thread while waiting, then answer."""
    time.sleep(_wait_s(request))
    return JSONResponse({"api": "health", "version": 1})


app = Starlette(
    routes=[
        Route("/health/async", health_async),
        Route("/health/sync", health_sync),
        Route("/wait/async", wait_async),
        Route("/wait/sync", wait_sync),
    ]
)
