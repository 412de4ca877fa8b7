"""Flask on Hypercorn's own WSGI wrapper, recorded."""

from __future__ import annotations

from asyncio import StreamReaderProtocol

from benchmarks.live import hooks
from flask_app.serving import wsgi

hooks.hook_reading(StreamReaderProtocol)
hooks.hook_thread_pools()
hooks.hook_async_to_sync()
hooks.hook_hypercorns_wsgi_wrapper()
wsgi.service.view_functions = {name: hooks.recorded_view(view) for name, view in wsgi.service.view_functions.items()}

app = wsgi.app
