"""Tell Flask's own steps from replaced ones, which the bridge must not leave out."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterator
from operator import attrgetter, is_
from types import CodeType, FunctionType
from typing import Any

from flask import Flask

# What a request passes through in Flask, for the bridge to pass through in the same order with awaits between.
STEPS = (
    "__call__",
    "wsgi_app",
    "request_context",
    "app_context",
    "create_url_adapter",
    "full_dispatch_request",
    "preprocess_request",
    "dispatch_request",
    "raise_routing_exception",
    "make_default_options_response",
    "make_response",
    "finalize_request",
    "process_response",
    "handle_exception",
    "handle_user_exception",
    "handle_http_exception",
    "trap_http_exception",
    "log_exception",
    "should_ignore_error",
    "ensure_sync",
    "async_to_sync",
    "do_teardown_request",
    "do_teardown_appcontext",
    "_find_error_handler",
)
# The same of the contexts, which no app has its own class of.
CONTEXT_STEPS = ("push", "pop", "match_request")
# The bridge's own stands on the instance; middleware around the second is looked through elsewhere.
_NOT_OF_INSTANCES = frozenset({"__call__", "ensure_sync", "wsgi_app"})

_instance_steps = frozenset(STEPS) - _NOT_OF_INSTANCES


class Steps:
    """The steps of one app, looked at before each of its requests: a tool may replace one at any time.

    A step is Flask's own if it is a function, and none that only says so, whose code is that of Flask's source. Names
    and attributes prove nothing: ``functools.wraps`` copies them, and proxies have all those of what they wrap.

    Args:
        app: Any.
        contexts: The classes of Flask's contexts.
    """

    def __init__(self, app: Flask, contexts: tuple[type, ...]) -> None:
        self._app = app
        self._classes: list[tuple[type, tuple[str, ...]]] = [(type(app), STEPS)]
        self._classes += [(context, tuple(filter(context.__dict__.get, CONTEXT_STEPS))) for context in contexts]
        self._steps = [(owner, attrgetter(*names)) for owner, names in self._classes]
        # A subclass of an app's own class would be one that its author knows nothing of.
        self._probes = [_Probe(owner) for owner, _ in self._classes] if type(app) is Flask else []
        self._attributes = 0
        self._seen: list[Any] = []
        self._replaced: tuple[str, ...] = ()

    def replaced(self) -> tuple[str, ...]:
        """Return the names of the steps that are not Flask's own: of the app, its classes and the contexts."""
        attributes = len(vars(self._app))
        if attributes == self._attributes and self._probes:
            for probe in self._probes:
                if not probe.is_untouched():
                    break
            else:
                return self._replaced
        for probe in self._probes:
            probe.touch()
        seen = [step for owner, steps in self._steps for step in steps(owner)]
        # The very same: what stands for something else may say that it equals it.
        if attributes != self._attributes or not all(map(is_, seen, self._seen)):
            self._attributes, self._seen = attributes, seen
            self._replaced = tuple(self._look())
        return self._replaced

    def _look(self) -> Iterator[str]:
        yield from sorted(_instance_steps & vars(self._app).keys())
        for owner, names in self._classes:
            for name in names:
                if not _is_flasks_own(owner, name):
                    yield f"{owner.__name__}.{name}"


class _Probe:
    """Tells whether a class was changed, in a few instructions.

    CPython 3.11 and 3.12 flag a class while what they remember of looking up its attributes is valid, and take the flag
    from it, and from its subclasses, when one is set. On this subclass nobody else looks anything up, so that the flag
    is not given back before that was noticed. Where it is never given, every look is a thorough one.
    """

    _VALID = 1 << 19

    def __init__(self, owner: type) -> None:
        self._class = type(f"Probe{owner.__name__}", (owner,), {})

    def is_untouched(self) -> bool:
        flags = self._class.__flags__
        return bool(flags & self._VALID)

    def touch(self) -> None:
        type.__getattribute__(self._class, "__doc__")


def _is_flasks_own(owner: type, name: str) -> bool:
    function = inspect.getattr_static(owner, name, None)
    # The exact type, which nothing can forge.
    if type(function) is not FunctionType:
        return False
    module = function.__globals__.get("__name__", "")
    if not module.startswith("flask.") or function.__globals__ is not vars(sys.modules.get(module, sys)):
        return False
    code = function.__code__
    return _fingerprint(code) == _codes_of(module).get((code.co_qualname, name))


@functools.cache
def _codes_of(module: str) -> dict[tuple[str, str], Any]:
    """Return the fingerprints of the methods of a module's source, by their qualified and plain names."""
    spec = sys.modules[module].__spec__
    get_code = getattr(spec.loader, "get_code", None) if spec is not None else None
    # What has no source to compare with cannot be known for Flask's own.
    code = get_code(module) if get_code is not None else None
    return {} if code is None else {(inner.co_qualname, inner.co_name): _fingerprint(inner) for inner in _inner(code)}


def _inner(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inner(constant)


def _fingerprint(code: CodeType) -> Any:
    # Code objects compare what a running interpreter changes of them, too.
    constants = [constant for constant in code.co_consts if not isinstance(constant, CodeType)]
    return code.co_code, code.co_names, code.co_varnames, code.co_firstlineno, repr(constants)
