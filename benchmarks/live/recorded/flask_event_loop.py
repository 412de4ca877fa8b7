"""Flask on the server's own event loop, on Hypercorn or uvicorn, recorded."""

from __future__ import annotations

from benchmarks.live import hooks
from flask_app.serving import event_loop

hooks.record_flask(event_loop.app.app)

app = hooks.recorded_asgi(event_loop.app)
