"""Falcon: resources with responders. Its WSGI app takes ``def`` alone, and its ASGI app ``async def`` alone."""

from __future__ import annotations

import asyncio
import time

import falcon
import falcon.asgi


class HealthAsync:
    """The health check of the ASGI app."""

    async def on_get(self, _: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Answer at once, on the event loop."""
        response.media = {"api": "health", "version": 1}


class HealthSync:
    """The health check of the WSGI app."""

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Answer at once, in the server's thread."""
        response.media = {"api": "health", "version": 1}


class WaitAsync:
    """What waits in the ASGI app."""

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Wait without holding a thread, then answer."""
        await asyncio.sleep(request.get_param_as_int("ms", min_value=0, max_value=1000, default=0) / 1000)
        response.media = {"api": "health", "version": 1}


class WaitSync:
    """What waits in the WSGI app."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Hold the server's thread while waiting, then answer."""
        time.sleep(request.get_param_as_int("ms", min_value=0, max_value=1000, default=0) / 1000)
        response.media = {"api": "health", "version": 1}


asgi = falcon.asgi.App()
asgi.add_route("/health/async", HealthAsync())
asgi.add_route("/wait/async", WaitAsync())

wsgi = falcon.App()
wsgi.add_route("/health/sync", HealthSync())
wsgi.add_route("/wait/sync", WaitSync())
