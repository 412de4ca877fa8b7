"""Plan which functions a request calls, and where each runs: on the loop, or on the request's thread."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Any

from flask import Flask
from flask.views import MethodView

from .never_blocks import is_promised_not_to_block, never_blocks

Function = Callable[..., Any]


class Where(enum.Enum):
    """How a function is called."""

    INLINE = "a def that never blocks: called directly, wherever the request is"
    AWAIT = "an async def: awaited on the loop"
    THREAD = "a def: on the request's thread"


Planned = tuple[tuple[Where, Function], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The functions that requests of one endpoint call.

    Attributes:
        view: The endpoint's view; ``None`` for a request that matches no route.
        view_where: Where the view runs; ``None`` if that depends on the request's method.
        values: The URL value preprocessors, which run before the ``before`` functions.
        before: The ``before_request`` functions, in Flask's order.
        after: The ``after_request`` functions, in Flask's order.
        teardown_request: In Flask's order.
        teardown_app: In Flask's order.
        tears_down: Whether there is any teardown function.
    """

    view: Function | None
    view_where: Where | None
    values: Planned
    before: Planned
    after: Planned
    teardown_request: Planned
    teardown_app: Planned
    tears_down: bool = field(init=False)

    def __post_init__(self) -> None:
        """Compute ``tears_down``."""
        object.__setattr__(self, "tears_down", bool(self.teardown_request or self.teardown_app))


def where_of(function: Function) -> Where:
    """Return where a plain function, not a view class, runs."""
    if iscoroutinefunction(function):
        return Where.AWAIT
    return Where.INLINE if is_promised_not_to_block(function) else Where.THREAD


def where_of_view(view: Function, method: str) -> Where:
    """Return where a view runs for a request's method.

    ``View.as_view`` always makes a ``def`` function. It gets the method to call from ``app.ensure_sync``, and on the
    loop that returns the coroutine to await.
    """
    view_class = getattr(view, "view_class", None)
    if view_class is None:
        return where_of(view)
    if {*view_class.decorators} - {never_blocks} or view_class.__init__ is not object.__init__:
        # Any of them may block, and none was written to be called on a loop.
        return Where.THREAD
    handler = view_class.dispatch_request
    if issubclass(view_class, MethodView) and handler is MethodView.dispatch_request:
        handler = getattr(view_class, method.lower(), None)
        if handler is None and method == "HEAD":
            handler = getattr(view_class, "get", None)
    where = Where.THREAD if handler is None else where_of(handler)
    return Where.INLINE if where is Where.THREAD and is_promised_not_to_block(view) else where


def plan(app: Flask, endpoint: str | None, blueprints: Sequence[str]) -> Plan:
    """Plan the requests of an endpoint.

    Args:
        app: The app in its current state.
        endpoint: ``None`` for requests that match no route.
        blueprints: The value of ``request.blueprints``.
    """
    outwards = (*blueprints, None)
    inwards = (None, *reversed(blueprints))
    view = None if endpoint is None else app.view_functions.get(endpoint)
    return Plan(
        view=view,
        view_where=None if view is None or hasattr(view, "view_class") else where_of(view),
        values=_planned(_of(app.url_value_preprocessors, inwards)),
        before=_planned(_of(app.before_request_funcs, inwards)),
        after=_planned(_of(app.after_request_funcs, outwards, backwards=True)),
        teardown_request=_planned(_of(app.teardown_request_funcs, outwards, backwards=True)),
        teardown_app=_planned(reversed(app.teardown_appcontext_funcs)),
    )


def _of(functions: dict[Any, list[Any]], names: Sequence[str | None], *, backwards: bool = False) -> Iterable[Function]:
    for name in names:
        if name in functions:
            yield from reversed(functions[name]) if backwards else functions[name]


def _planned(functions: Iterable[Function]) -> Planned:
    return tuple((where_of(function), function) for function in functions)


class StoppedError(Exception):
    """A function raised a ``StopIteration``."""

    def __init__(self, error: StopIteration) -> None:
        self.error = error


def raised_by_function(error: Exception) -> Exception:
    """Return the exception that a function raised, given what came out of the coroutine that called it."""
    return error.error if isinstance(error, StoppedError) else error
