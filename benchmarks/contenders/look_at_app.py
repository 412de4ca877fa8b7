"""Says what an app is, in the app's own Python: run as a program, on the standard library of Python 3.8 or newer alone.

The lab runs the text of this file with ``python -c`` in the app's folder, so that nothing of the lab is on its path.
Its arguments are ``module:attribute`` and pairs ``import=distribution`` of packages to look for. It writes a JSON
object to standard output; what the app itself prints goes to standard error.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

MADE_BY = ("create_app", "make_app", "get_app", "app_factory")
"""Names of functions that may be suggested as what makes an app."""

MOST_ROUTES = 200


def look_at(app: str, packages: Mapping[str, str]) -> dict[str, Any]:
    """Return what there is to know of an app.

    Args:
        app: ``module:attribute``; with ``()`` behind it, what makes an app when it is called; empty for none.
        packages: Names of distributions by the names that they are imported by.
    """
    found: dict[str, Any] = {
        "python": "{}.{}.{}".format(*sys.version_info[:3]),
        "implementation": sys.implementation.name,
        "build": _build(),
        "versions": {name: version for name, version in map(_version, packages.items()) if version is not None},
    }
    module_name, _, attribute = app.partition(":")
    if not app:
        return found
    try:
        module = importlib.import_module(module_name)
    except BaseException as error:  # noqa: BLE001 - an app may do anything while it is imported
        # The first frames are importlib's and this file's.
        missing = getattr(error, "name", None) if isinstance(error, ImportError) else None
        found["missing"] = missing if missing and (module_name + ".").startswith(missing + ".") else None
        found["error"] = _told_of(error)
        return found
    served: Any = module
    for name in attribute.replace("()", "").split("."):
        if not hasattr(served, name):
            found["has"] = sorted(name for name, value in vars(module).items() if _may_be_meant(name, value))
            return found
        served = getattr(served, name)
    is_factory = attribute.endswith("()") or _interface(served) == "factory"
    if is_factory:
        try:
            served = served()
        except BaseException as error:  # noqa: BLE001 - the same
            found["error"] = _told_of(error)
            return found
    interface = _interface(served)
    found["interface"] = interface if interface in ("wsgi", "asgi") else None
    found["factory"] = is_factory
    found["kind"] = _kind(served, module_name)
    found["routes"] = sorted(set(_routes(served)))[:MOST_ROUTES]
    return found


def _routes(served: Any) -> Iterator[str]:
    """Yield paths that answer a GET and take nothing, as far as Flask or Starlette tell."""
    rules = getattr(getattr(served, "url_map", None), "iter_rules", None)
    for rule in rules() if rules is not None else ():
        if "GET" in (rule.methods or ()) and not rule.arguments:
            yield rule.rule
    routes = getattr(served, "routes", ())
    for route in routes if isinstance(routes, list) else ():
        path = getattr(route, "path", "")
        if "GET" in (getattr(route, "methods", None) or ()) and path and "{" not in path:
            yield path


def _told_of(error: BaseException) -> str:
    """Return a traceback as the app's author knows it: without the frames by which it was imported."""
    ours = ("<string>", "<frozen importlib", importlib.__file__)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(ours)]
    told = [*traceback.format_list(frames), *traceback.format_exception_only(type(error), error)]
    return "".join(["Traceback (most recent call last):\n", *told])


def _may_be_meant(name: str, value: Any) -> bool:
    """Whether it is an app, or is called like what makes one: any function could be."""
    if name in MADE_BY:
        return True
    try:
        is_app = not inspect.isroutine(value) and not inspect.isclass(value) and not name.startswith("_")
        return is_app and _interface(value) in ("wsgi", "asgi")
    except Exception:  # noqa: BLE001 - Flask's request, outside of one, is not even to be asked what it is
        return False


def _interface(value: Any) -> str | None:
    """Return ``wsgi``, ``asgi``, ``factory``, or ``None`` for what cannot be served: by what it takes to call it."""
    if not callable(value) or (inspect.isclass(value) and not _takes(value, 0)):
        return None
    call = value if inspect.isroutine(value) or inspect.isclass(value) else type(value).__call__
    if inspect.iscoroutinefunction(call) or _takes(value, 3):
        return "asgi"
    if _takes(value, 2):
        return "wsgi"
    return "factory" if _takes(value, 0) else None


def _takes(value: Any, count: int) -> bool:
    """Whether a value can be called with this number of arguments."""
    try:
        inspect.signature(value).bind(*range(count))
    except (TypeError, ValueError):
        return False
    return True


def _kind(served: Any, module_name: str) -> str:
    """Return the package that an app's class comes from, below the app's own."""
    own = module_name.partition(".")[0]
    for each in type(served).__mro__:
        package = each.__module__.partition(".")[0]
        if package not in (own, "builtins", "__main__"):
            return package
    return ""


def _build() -> str:
    """Return version and build of this Python: ``3.13.1``, ``3.13.1t`` without a global lock, ``pypy-3.11.13``."""
    version = "{}.{}.{}".format(*sys.version_info[:3])
    has_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    kind = "" if sys.implementation.name == "cpython" else sys.implementation.name + "-"
    return kind + version + ("" if has_lock else "t")


def _version(package: tuple[str, str]) -> tuple[str, str | None]:
    imported, distribution = package
    try:
        if importlib.util.find_spec(imported) is None:
            return imported, None
        return imported, metadata.version(distribution)
    except Exception:  # noqa: BLE001 - a package may have no metadata
        return imported, "of unknown version"


if __name__ == "__main__":
    _told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    json.dump(look_at(sys.argv[1], dict(pair.split("=") for pair in sys.argv[2:])), _told)
    _told.flush()
    # Threads that the app has started need not end.
    os._exit(0)
