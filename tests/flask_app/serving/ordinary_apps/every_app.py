"""All ordinary apps in one process, each below its own name: behind the bridge, or by WSGI, where they are at home.

``served`` is for an ASGI server. Run as a program, with a port, this serves the same by Werkzeug's server with threads.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import WSGIRequestHandler, make_server

from flask_app.serving.bridge import EventLoopBridge
from tests.flask_app.serving.ordinary_apps import (
    flaskr,
    with_locks,
    with_peewee,
    with_pony,
    with_sqlalchemy,
)

FOLDER = "ORDINARY_APPS_FOLDER"
ONLY = "ORDINARY_APPS_ONLY"


def create_watched_app(folder: Path) -> Flask:
    """Make the app that Sentry's SDK watches, which brings gevent along: not into the process of the tests."""
    from tests.flask_app.serving.ordinary_apps import with_sentry  # noqa: PLC0415 - as above

    return with_sentry.create_app(folder)


MAKERS: dict[str, Callable[[Path], Flask]] = {
    "flaskr": flaskr.create_app,
    "sqlalchemy": with_sqlalchemy.create_app,
    "peewee": with_peewee.create_app,
    "pony": with_pony.create_app,
    "locks": with_locks.create_app,
    "sentry": create_watched_app,
}
ALONE = {"sentry"}
"""What watches every app of its process, and so has one to itself."""


def make_apps() -> dict[str, Flask]:
    """Make those that the environment names, their databases in a folder that it names too."""
    return {name: MAKERS[name](Path(os.environ[FOLDER])) for name in os.environ[ONLY].split()}


def make_teller(apps: dict[str, Flask]) -> Flask:
    """Return an app that tells how the others use threads."""
    teller = Flask("teller")

    @teller.get("/told/<name>")
    async def told(name: str) -> dict[str, int]:
        state: dict[str, int] = apps[name].extensions["thread_use"].told()
        return state

    return teller


class Served:
    """ASGI 3 application that passes a request on to the app whose name its path begins with."""

    def __init__(self) -> None:
        apps = make_apps()
        self._bridges = {name: EventLoopBridge(app) for name, app in apps.items()}
        self._teller = EventLoopBridge(make_teller(apps))

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Serve a request, or the lifespan."""
        name = "".join(scope.get("path", "").split("/", 2)[1:2])
        bridge = self._bridges.get(name)
        if bridge is None:
            await self._teller(scope, receive, send)
        else:
            await bridge({**scope, "root_path": f"/{name}"}, receive, send)


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        pass


def serve_plainly(port: int) -> None:
    """Serve them by WSGI, each connection on a thread of its own."""
    apps = make_apps()
    application = DispatcherMiddleware(make_teller(apps), {f"/{name}": app for name, app in apps.items()})
    make_server("127.0.0.1", port, application, threaded=True, request_handler=_Quiet).serve_forever()


if __name__ == "__main__":
    serve_plainly(int(sys.argv[1]))
elif FOLDER in os.environ:
    served = Served()
