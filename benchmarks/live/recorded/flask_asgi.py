"""Flask through asgiref's bridge, recorded."""

from __future__ import annotations

from asyncio import StreamReaderProtocol

from benchmarks.live import hooks
from flask_app.serving import asgi

hooks.hook_reading(StreamReaderProtocol)
hooks.hook_thread_pools()
hooks.hook_async_to_sync()
asgi.service.view_functions = {name: hooks.recorded_view(view) for name, view in asgi.service.view_functions.items()}

app = hooks.recorded_asgi(asgi.app)
