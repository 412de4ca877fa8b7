"""Makes a WSGI app an ASGI app for a server to import: ``_lab_bridged:app``.

Runs in the Python of somebody's app, with nothing of the lab but this folder on its path. The event-loop bridge is
loaded from its files under a name of its own, so that a project may have a package of the same name.
"""

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any


def _served() -> Any:
    """Return the app that the environment names."""
    module, _, attribute = os.environ["LAB_BRIDGED_APP"].partition(":")
    served: Any = importlib.import_module(module)
    for name in attribute.removesuffix("()").split("."):
        served = getattr(served, name)
    return served() if attribute.endswith("()") else served


def _event_loop_bridge() -> Any:
    """Import the bridge by where it lies."""
    folder, name = os.environ["LAB_BRIDGE_FOLDER"], "_lab_event_loop_bridge"
    spec = importlib.util.spec_from_file_location(
        name, Path(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"The event-loop bridge is not in {folder}.")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.EventLoopBridge


def _bridged() -> Any:
    bridge = os.environ["LAB_BRIDGE"]
    if bridge == "asgiref":
        return importlib.import_module("asgiref.wsgi").WsgiToAsgi(_served())
    if bridge == "a2wsgi":
        return importlib.import_module("a2wsgi").WSGIMiddleware(_served())
    return _event_loop_bridge()(_served())


app = _bridged()
