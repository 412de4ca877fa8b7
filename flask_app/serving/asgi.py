"""Serve the app through asgiref's bridge: ``hypercorn flask_app.serving.asgi:app``.

The bridge reads the whole body before it calls the app, into a temporary file if it is long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgiref.wsgi import WsgiToAsgi

from flask_app import create_app, health, pages
from flask_app.serving.collector import settle_collector

if TYPE_CHECKING:
    from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, Scope

service = create_app()
service.config[pages.SERVED_BY] = "asgiref's WsgiToAsgi bridge"

_bridge = WsgiToAsgi(service)  # type: ignore[no-untyped-call]  # asgiref leaves it unannotated


async def app(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Pass HTTP to the bridge, which fails for any other scope; handle the lifespan here."""
    if scope["type"] == "http":
        await _bridge(scope, receive, send)
    elif scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1000, "reason": None})
    else:
        await _lifespan(receive, send)


async def _lifespan(receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    # asgiref runs async views on the server's loop, so connections can live as long as the loop.
    await receive()
    async with health.lifespan(service):
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})


settle_collector()
