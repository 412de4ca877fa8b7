"""Flask through asgiref's bridge, recorded."""

from __future__ import annotations

from benchmarks.live import hooks
from flask_app.serving import asgi

hooks.record_flask(asgi.service)

app = hooks.recorded_asgi(asgi.app)
