"""Plain Flask behind each bridge to servers of ASGI: a function makes the app, so that each imports its own alone."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from benchmarks.contenders.field.plainflask_app import app


def asgiref() -> Any:
    """Return it behind asgiref's ``WsgiToAsgi``."""
    from asgiref.wsgi import WsgiToAsgi  # noqa: PLC0415 (see above, as for the others)

    return WsgiToAsgi(app)  # type: ignore[no-untyped-call]  # asgiref has no types here


def a2wsgi() -> Any:
    """Return it behind a2wsgi's ``WSGIMiddleware``."""
    from a2wsgi import WSGIMiddleware  # noqa: PLC0415

    return WSGIMiddleware(app)


def eventloop() -> Any:
    """Return it behind the lab's event-loop bridge, loaded from its files: the service beside it stays unloaded."""
    service = importlib.util.find_spec("flask_app")
    (folder,) = service.submodule_search_locations if service and service.submodule_search_locations else ("",)
    place = Path(folder, "serving", "bridge")
    spec = importlib.util.spec_from_file_location(
        "event_loop_bridge", place / "__init__.py", submodule_search_locations=[str(place)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"There is no package in {place}.")
    bridge = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bridge)
    return bridge.EventLoopBridge(app)
