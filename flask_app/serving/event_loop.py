"""Serve the app on the server's own event loop: ``hypercorn flask_app.serving.event_loop:app``.

``LAB_WORKER_THREADS`` sets how many ``def`` views run at once. For your own app, ``EventLoopBridge(your_app)`` is
enough, on Hypercorn and on uvicorn.
"""

from __future__ import annotations

from flask_app import create_app, health, pages
from flask_app.serving.bridge import EventLoopBridge
from flask_app.serving.collector import settle_collector
from flask_app.settings import settings_of

__all__ = ["EventLoopBridge", "app"]

_service = create_app()
_service.config[pages.SERVED_BY] = "the event-loop bridge"

app = EventLoopBridge(_service, threads=settings_of(_service).worker_threads, lifespan=health.lifespan)

settle_collector()
