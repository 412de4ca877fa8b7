"""Flask on Hypercorn's own WSGI wrapper, recorded."""

from __future__ import annotations

from benchmarks.live import hooks
from flask_app.serving import wsgi

hooks.record_flask(wsgi.service)
hooks.hook_hypercorns_wsgi_wrapper()

app = wsgi.app
