"""aiohttp, on the server that it is a part of; its handlers are coroutines, so there is no ``def``."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web

routes = web.RouteTableDef()


@routes.get("/health/async")
async def health_async(_: web.Request) -> web.Response:
    """Answer at once."""
    return web.json_response({"api": "health", "version": 1})


@routes.get("/wait/async")
async def wait_async(request: web.Request) -> web.Response:
    """Wait without holding a thread, then answer."""
    ms = request.query.get("ms", "0")
    if not ms.isdecimal() or int(ms) > 1000:
        raise web.HTTPBadRequest(text="ms is from 0 to 1000.")
    await asyncio.sleep(int(ms) / 1000)
    return web.json_response({"api": "health", "version": 1})


def create_app(_: list[str]) -> web.Application:
    """Return the app, for ``python -m aiohttp.web``, which hands on the rest of its command line."""
    # That command logs every request and has no option against it; nothing else in the field has an access log.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    app = web.Application()
    app.add_routes(routes)
    return app
