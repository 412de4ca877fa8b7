"""Reads the twins' source from the modules that run, and says which line shows as which spans; values after that.

Both keywords stand side by side for each framework. A line that matters names the states that a request is in
because of it: the keyword's own line what the framework does to call such a view, the wait's line the waiting.
"""

from __future__ import annotations

import ast
import functools
import inspect
import pkgutil
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from benchmarks.contenders.catalogue import FRAMEWORKS
from benchmarks.live.timeline import State, Timeline
from benchmarks.live.words import milliseconds
from benchmarks.model import Variant

_CALLING: Final = (
    State.QUEUED,
    State.LOOP_CREATED,
    State.LOOP_CLOSED,
    State.TO_LOOP,
    State.TO_THREAD,
    State.HELD,
)
"""What a view's keyword makes of calling it: threads, loops, and the ways between them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """A line of a view.

    Attributes:
        number: In its module, from 1.
        text: Without what the whole view is indented by.
        states: Names of the states that a request is in because of it; empty for a line that does not matter here.
    """

    number: int
    text: str
    states: tuple[State, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSource:
    """A view's source.

    Attributes:
        module: Where it is defined.
        name: Of its function.
        keyword: ``def`` or ``async def``.
        lines: From its first decorator to its end.
    """

    module: str
    name: str
    keyword: str
    lines: tuple[SourceLine, ...]


@functools.cache
def sources() -> Mapping[tuple[str, Variant, bool], ViewSource]:
    """Return the source of each view, by framework, variant and whether it is the one that waits.

    The modules are those that servers load, and they are loaded for it.
    """
    return {
        (framework.id, variant, waits): read_view(
            pkgutil.resolve_name(framework.views.format(what="wait" if waits else "health", variant=variant))
        )
        for framework in FRAMEWORKS.values()
        if framework.views
        for variant in get_args(Variant)
        for waits in (False, True)
    }


def read_view(view: Callable[..., Any]) -> ViewSource:
    """Read a view's source, whatever is wrapped around it.

    Args:
        view: A function that was loaded from a file.
    Raises:
        OSError: Its source is not to be had: it was installed as bytecode only.
    """
    function = inspect.unwrap(view)
    texts, first = inspect.getsourcelines(function)
    source = textwrap.dedent("".join(texts))
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)  # noqa: S101 (a view is a function)
    states = _states(node)
    return ViewSource(
        module=function.__module__,
        name=function.__name__,
        keyword="async def" if isinstance(node, ast.AsyncFunctionDef) else "def",
        lines=tuple(
            SourceLine(number=first + place, text=text, states=states.get(place + 1, ()))
            for place, text in enumerate(source.splitlines())
        ),
    )


def tell_states(timeline: Timeline, states: Sequence[State]) -> str:
    """Say how much of a request's time goes into these states, on average; that it does not go there at all, too."""
    totals: dict[State, int] = {}
    for span in timeline.spans:
        if span.state in states and span.counts:
            totals[span.state] = totals.get(span.state, 0) + span.duration_ns
    count = len(timeline.exchanges)
    if not totals:
        if set(states) == set(_CALLING):
            return "No thread and no loop is made or changed for it: the server's own loop calls the view."
        return "No time to be seen."
    parts = ", ".join(f"{state} {milliseconds(total / count)}" for state, total in totals.items())
    return f"{parts} a request."


def _states(node: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[int, tuple[State, ...]]:
    """Return the states of each line that matters, by its number from 1 within the source."""
    states: dict[int, tuple[State, ...]] = {decorator.lineno: (State.FRAMEWORK,) for decorator in node.decorator_list}
    states[node.lineno] = _CALLING
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr == "sleep":
            states[each.lineno] = (State.WAITING,)
        elif isinstance(each, ast.Return):
            states[each.lineno] = (State.VIEW,)
    return states
