"""Puts an app behind a bridge, probe routes into it, or a recorder around it, for a server: ``_lab_served:app``.

Runs in the Python of somebody's app, with nothing of the lab but this folder on its path. The event-loop bridge and the
recorder are loaded from their files under names of their own, so that a project may have packages of the same names.
"""

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any


def _served() -> Any:
    """Return the app that the environment names."""
    module, _, attribute = os.environ["LAB_SERVED_APP"].partition(":")
    served: Any = importlib.import_module(module)
    for name in attribute.replace("()", "").split("."):
        served = getattr(served, name)
    return served() if attribute.endswith("()") else served


def _package(name: str, folder: str) -> Any:
    """Import a package by where it lies, under a name of its own."""
    spec = importlib.util.spec_from_file_location(
        name, Path(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"There is no package in {folder}.")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _bridged(served: Any) -> Any:
    bridge = os.environ["LAB_BRIDGE"]
    if bridge == "asgiref":
        return importlib.import_module("asgiref.wsgi").WsgiToAsgi(served)
    if bridge == "a2wsgi":
        return importlib.import_module("a2wsgi").WSGIMiddleware(served)
    if bridge == "eventloop":
        return _package("_lab_event_loop_bridge", os.environ["LAB_BRIDGE_FOLDER"]).EventLoopBridge(served)
    return served


def _probed(served: Any) -> Any:
    """Add the probe routes where they are wanted: a blueprint to Flask's app, a router to FastAPI's."""
    if folder := os.environ.get("LAB_PROBES_FOLDER", ""):
        sys.path.append(folder)
        if hasattr(served, "register_blueprint"):
            served.register_blueprint(importlib.import_module("_lab_probe_flask").routes)
        else:
            served.include_router(importlib.import_module("_lab_probe_fastapi").routes)
    return served


def _made() -> Any:
    folder = os.environ.get("LAB_RECORDER_FOLDER", "")
    if not folder:
        return _bridged(_probed(_served()))
    _package("_lab_recorder", folder)
    recorder = importlib.import_module("_lab_recorder.any_app")
    recorder.set_hooks()
    served = _served()
    return recorder.recorded(_bridged(served), served, os.environ["LAB_INTERFACE"])


app = _made()
