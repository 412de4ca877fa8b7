"""Flask on the server's own event loop, on Hypercorn or uvicorn, recorded."""

from __future__ import annotations

from asyncio import StreamReaderProtocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from benchmarks.live import hooks
from flask_app.serving import event_loop

hooks.hook_reading(StreamReaderProtocol)
hooks.hook_reading(HttpToolsProtocol)
hooks.hook_thread_pools()
hooks.hook_async_to_sync()
_service = event_loop.app.app
_service.view_functions = {name: hooks.recorded_view(view) for name, view in _service.view_functions.items()}

app = hooks.recorded_asgi(event_loop.app)
