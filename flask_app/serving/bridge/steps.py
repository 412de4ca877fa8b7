"""Detect replaced steps of Flask, which the bridge must not skip."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from operator import is_
from types import CodeType, FunctionType, SimpleNamespace
from typing import Any

import flask.ctx
from flask import Flask

# The steps of a request in Flask, which the bridge performs in the same order with awaits between.
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
# The steps of the contexts, whose classes no app overrides.
CONTEXT_STEPS = ("push", "pop", "match_request")
# The bridge sets its own ensure_sync on the instance; middleware around wsgi_app is checked elsewhere.
_NOT_OF_INSTANCES = frozenset({"__call__", "ensure_sync", "wsgi_app"})

# CPython 3.11 and 3.12 flag a class while its attribute lookup cache is valid, and clear the flag on the class and its
# subclasses when an attribute is set. On a probe, a subclass that no other code uses, a cleared flag stays cleared
# until this module notices. On versions that never set the flag, every check is a thorough one.
_UNTOUCHED = 1 << 19

_UNFLAGGED = SimpleNamespace(__flags__=0)

_instance_steps = frozenset(STEPS) - _NOT_OF_INSTANCES


class Steps:
    """The steps of one app, checked before each of its requests: a tool may replace one at any time.

    A step is Flask's own if it is a real function whose code equals Flask's source. Names and attributes prove nothing:
    ``functools.wraps`` copies them, and proxies have all attributes of what they wrap.

    Args:
        app: Any Flask app.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._app_class: type = object
        self._attributes = 0
        self._last_attribute: str | None = None
        self._classes: list[tuple[type, tuple[str, ...]]] = []
        self._probe: Any = _UNFLAGGED
        self._unprobed: list[tuple[Callable[[str], Any], tuple[str, ...]]] = []
        self._seen: list[Any] = []
        self._replaced: tuple[str, ...] = ()

    def replaced(self) -> tuple[str, ...]:
        """Return the names of the steps of the app, its classes and the contexts that are not Flask's own."""
        app = self._app
        own = app.__dict__
        # Few instructions, because every request runs this. The most recently set key is the last of a dictionary.
        if (
            len(own) != self._attributes
            or next(reversed(own)) is not self._last_attribute
            or app.__class__ is not self._app_class
            or not self._probe.__flags__ & _UNTOUCHED
        ):
            return self._look_closely()
        return self._replaced

    def _look_closely(self) -> tuple[str, ...]:
        own = self._app.__dict__
        is_as_before = (len(own), next(reversed(own)), type(self._app)) == (
            self._attributes,
            self._last_attribute,
            self._app_class,
        )
        if self._probe is not _UNFLAGGED or not is_as_before or not self._seen_again():
            self._set_up()
        return self._replaced

    def _seen_again(self) -> bool:
        seen = [step for get, names in self._unprobed for step in map(get, names)]
        # Compare by identity: a proxy may claim to be equal to what it wraps.
        return len(seen) == len(self._seen) and all(map(is_, seen, self._seen))

    def _set_up(self) -> None:
        own = self._app.__dict__
        self._app_class, self._attributes, self._last_attribute = type(self._app), len(own), next(reversed(own))
        contexts: list[type] = [flask.ctx.RequestContext, flask.ctx.AppContext]
        self._classes = [
            (self._app_class, STEPS),
            *((context, tuple(name for name in CONTEXT_STEPS if hasattr(context, name))) for context in contexts),
        ]
        self._probe = _UNFLAGGED
        # Subclassing an app's own class could surprise its author, so such an app is always checked thoroughly.
        if self._app_class is Flask:
            probe: type = type("Probe", (Flask, *contexts), {})
            # After one lookup, it is flagged.
            _ = probe.__eq__
            if probe.__flags__ & _UNTOUCHED:
                self._probe = probe
        self._unprobed = [(vars(base).get, names) for owner, names in self._classes for base in owner.__mro__[:-1]]
        self._seen = [step for get, names in self._unprobed for step in map(get, names)]
        self._replaced = tuple(self._look())

    def _look(self) -> Iterator[str]:
        yield from sorted(_instance_steps & vars(self._app).keys())
        for owner, names in self._classes:
            for name in names:
                if not _is_flasks_own(owner, name):
                    yield f"{owner.__name__}.{name}"


def _is_flasks_own(owner: type, name: str) -> bool:
    function = inspect.getattr_static(owner, name, None)
    # Compare the exact type, which cannot be forged.
    if type(function) is not FunctionType:
        return False
    module = function.__globals__.get("__name__", "")
    if not module.startswith("flask.") or function.__globals__ is not vars(sys.modules.get(module, sys)):
        return False
    code = function.__code__
    return bool(_fingerprint(code) == _codes_of(module).get((code.co_qualname, name)))


@functools.cache
def _codes_of(module: str) -> dict[tuple[str, str], Any]:
    """Return the fingerprints of the methods of a module's source, by their qualified and plain names."""
    spec = sys.modules[module].__spec__
    get_code = getattr(spec.loader, "get_code", None) if spec is not None else None
    # Without a source to compare with, nothing can be recognised as Flask's own.
    code = get_code(module) if get_code is not None else None
    return {} if code is None else {(inner.co_qualname, inner.co_name): _fingerprint(inner) for inner in _inner(code)}


def _inner(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inner(constant)


def _fingerprint(code: CodeType) -> Any:
    # Not compared as code objects: those include parts that a running interpreter changes.
    constants = [_written(constant) for constant in code.co_consts if not isinstance(constant, CodeType)]
    return code.co_code, code.co_names, code.co_varnames, code.co_firstlineno, constants


def _written(constant: object) -> str:
    # Not compared as values, for 1 == 1.0 == True. A set may have another order when it was compiled a moment ago, by a
    # machine's first import, than when it was read from a file.
    if isinstance(constant, frozenset):
        return f"{{{', '.join(sorted(map(_written, constant)))}}}"
    if isinstance(constant, tuple):
        return f"({', '.join(map(_written, constant))})"
    return repr(constant)
