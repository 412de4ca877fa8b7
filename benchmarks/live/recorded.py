"""The apps under test with the recorder: a server process loads one of them for ``lab explain``.

A server loads ``benchmarks.live.recorded:apps.flask_wsgi``, for example. That imports the app and sets its
hooks, so a process has no other app and no other hooks.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from benchmarks.live.recorder import hooks


class _Apps:
    """The recorded apps, each made when a server loads it."""

    @cached_property
    def flask_wsgi(self) -> Any:
        """Flask on Hypercorn's own WSGI wrapper."""
        from flask_app.serving import wsgi  # noqa: PLC0415 (the app of this process)

        hooks.record_flask(wsgi.service)
        hooks.hook_hypercorns_wsgi_wrapper()
        return wsgi.app

    @cached_property
    def flask_asgi(self) -> Any:
        """Flask through asgiref's bridge."""
        from flask_app.serving import asgi  # noqa: PLC0415 (the app of this process)

        hooks.record_flask(asgi.service)
        return hooks.recorded_asgi(asgi.app)

    @cached_property
    def flask_event_loop(self) -> Any:
        """Flask on the server's own event loop."""
        from flask_app.serving import event_loop  # noqa: PLC0415 (the app of this process)

        hooks.record_flask(event_loop.app.app)
        return hooks.recorded_asgi(event_loop.app)

    @cached_property
    def fastapi(self) -> Any:
        """FastAPI."""
        from benchmarks.contenders import fastapi_app  # noqa: PLC0415 (the app of this process)

        hooks.hook_reading()
        hooks.hook_anyio()
        # FastAPI inspects a view once, when its route is made.
        for name in ("health_async", "health_sync", "wait_async", "wait_sync"):
            setattr(fastapi_app, name, hooks.recorded_view(getattr(fastapi_app, name)))
        return hooks.recorded_asgi(fastapi_app.create_app(fastapi_app.HealthResponse))


apps = _Apps()
