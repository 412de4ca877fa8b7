"""Plan what a request calls and where each function runs: on the loop, or in a worker thread."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Any

from flask import Flask
from flask.views import MethodView

from flask_app.never_blocks import is_promised_not_to_block

Function = Callable[..., Any]


class Where(enum.Enum):
    """How a function is called from the loop."""

    INLINE = "a def that never blocks: at once"
    AWAIT = "an async def: awaited"
    THREAD = "a def: in a worker thread"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Functions in a row that run in the same place."""

    where: Where
    functions: tuple[Function, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the requests of one endpoint call.

    Attributes:
        endpoint: ``None`` for a request that matches no route.
        view: Of the endpoint.
        view_where: ``None`` when it depends on the request's method.
        blueprints: Names of those that the endpoint is in, the innermost first.
        values: The functions that look at the URL's values before the ``before`` functions.
        before: In Flask's order.
        after: In Flask's order.
        teardown_request: In Flask's order.
        teardown_app: In Flask's order.
        has_awaits: Whether any function around the view is ``async def``, before its teardown.
        teardown_has_awaits: The same of the teardown.
        tears_down: Whether there is a teardown function at all.
    """

    endpoint: str | None
    view: Function | None
    view_where: Where | None
    blueprints: tuple[str, ...]
    values: tuple[Stretch, ...]
    before: tuple[Stretch, ...]
    after: tuple[Stretch, ...]
    teardown_request: tuple[Stretch, ...]
    teardown_app: tuple[Stretch, ...]
    has_awaits: bool = field(init=False)
    teardown_has_awaits: bool = field(init=False)
    tears_down: bool = field(init=False)

    def __post_init__(self) -> None:
        """Work out what is asked of each request."""
        teardown = (*self.teardown_request, *self.teardown_app)
        object.__setattr__(self, "has_awaits", _awaits((*self.before, *self.after)))
        object.__setattr__(self, "teardown_has_awaits", _awaits(teardown))
        object.__setattr__(self, "tears_down", bool(teardown))


def where_of(function: Function) -> Where:
    """Return where a function runs that is neither a view class nor known otherwise."""
    if iscoroutinefunction(function):
        return Where.AWAIT
    return Where.INLINE if is_promised_not_to_block(function) else Where.THREAD


def where_of_view(view: Function, method: str) -> Where:
    """Return where a view runs for a request's method.

    What ``View.as_view`` makes is a ``def``, whatever the class: it asks ``app.ensure_sync`` for the method to call,
    and on the loop that gives the coroutine to await.
    """
    view_class = getattr(view, "view_class", None)
    if view_class is None:
        return where_of(view)
    if view_class.decorators:
        # Any of them may block, and none is made to be called on a loop.
        return Where.THREAD
    handler = view_class.dispatch_request
    if issubclass(view_class, MethodView) and handler is MethodView.dispatch_request:
        handler = getattr(view_class, method.lower(), None)
        if handler is None and method == "HEAD":
            handler = getattr(view_class, "get", None)
    return Where.THREAD if handler is None else where_of(handler)


def plan(app: Flask, endpoint: str | None, blueprints: Sequence[str]) -> Plan:
    """Plan the requests of an endpoint.

    Args:
        app: As set up; Flask refuses to register more once requests come.
        endpoint: ``None`` for requests that match no route.
        blueprints: As ``request.blueprints`` gives them.
    """
    outwards = (*blueprints, None)
    inwards = (None, *reversed(blueprints))
    view = None if endpoint is None else app.view_functions[endpoint]
    return Plan(
        endpoint=endpoint,
        view=view,
        view_where=None if view is None or hasattr(view, "view_class") else where_of(view),
        blueprints=tuple(blueprints),
        values=_stretches(_of(app.url_value_preprocessors, inwards)),
        before=_stretches(_of(app.before_request_funcs, inwards)),
        after=_stretches(_of(app.after_request_funcs, outwards, backwards=True)),
        teardown_request=_stretches(_of(app.teardown_request_funcs, outwards, backwards=True)),
        teardown_app=_stretches(reversed(app.teardown_appcontext_funcs)),
    )


def _of(functions: dict[Any, list[Any]], names: Sequence[str | None], *, backwards: bool = False) -> Iterable[Function]:
    for name in names:
        # The dictionaries make what they lack, and are Flask's.
        if name in functions:
            yield from reversed(functions[name]) if backwards else functions[name]


def _stretches(functions: Iterable[Function]) -> tuple[Stretch, ...]:
    # Neighbours that are def share one hop to a thread.
    stretches: list[Stretch] = []
    for function in functions:
        where = where_of(function)
        last = stretches[-1] if stretches else None
        if last is None or Where.AWAIT in (where, last.where):
            stretches.append(Stretch(where, (function,)))
        else:
            both = Where.THREAD if Where.THREAD in (where, last.where) else Where.INLINE
            stretches[-1] = Stretch(both, (*last.functions, function))
    return tuple(stretches)


def _awaits(stretches: Iterable[Stretch]) -> bool:
    return any(stretch.where is Where.AWAIT for stretch in stretches)
