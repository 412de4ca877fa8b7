"""Reads the twins' source from the modules that run, and says which line causes which spans; values after that.

Both keywords stand side by side for each framework. A line that matters names the states that it causes: the keyword's
own line what the framework does to call such a view, the wait's line the waiting.
"""

from __future__ import annotations

import ast
import functools
import inspect
import pkgutil
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.contenders.catalogue import FRAMEWORKS
from benchmarks.live.timeline import State, Timeline
from benchmarks.live.words import by_state, milliseconds
from benchmarks.model import Contender

_CALLING: Final = (
    State.QUEUED,
    State.LOOP_CREATED,
    State.LOOP_CLOSED,
    State.TO_LOOP,
    State.TO_THREAD,
    State.HELD,
)
"""What a view's keyword adds to calling it: threads, loops, and the ways between them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """A line of a view.

    Attributes:
        number: In its module, from 1.
        text: Without the indentation of the whole view.
        states: The states that a request is in because of it; empty for a line that does not matter here.
    """

    number: int
    text: str
    states: tuple[State, ...]


def view_of(contender: Contender, *, waits: bool) -> Callable[..., Any]:
    """Return a contender's view, from the module that servers load.

    Args:
        contender: One with a keyword.
        waits: Whether it is the view that waits, or the health check.
    """
    place = FRAMEWORKS[contender.framework].views
    view: Callable[..., Any] = pkgutil.resolve_name(
        place.format(what="wait" if waits else "health", variant=contender.variant)
    )
    return view


@functools.cache
def read_view(view: Callable[..., Any]) -> tuple[SourceLine, ...]:
    """Read a view's source, from its first decorator to its end, whatever is wrapped around it.

    Returns:
        Its lines; none where the source is missing: it was installed as bytecode only.
    """
    try:
        texts, first = inspect.getsourcelines(inspect.unwrap(view))
    except OSError:
        return ()
    source = textwrap.dedent("".join(texts))
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)  # noqa: S101 (a view is a function)
    states = _states(node)
    return tuple(
        SourceLine(number=first + place, text=text, states=states.get(place + 1, ()))
        for place, text in enumerate(source.splitlines())
    )


def describe_states(timeline: Timeline, states: Sequence[State]) -> str:
    """Return how much of a request's time is spent in these states, on average; or that none is."""
    times = by_state(span for span in timeline.spans if span.state in states and span.counts)
    if not times:
        if set(states) == set(_CALLING):
            return "It needs no other thread or loop: the server's own loop calls the view."
        return "It takes no visible time."
    count = len(timeline.exchanges)
    return ", ".join(f"{state} {milliseconds(total / count)}" for state, total in times.items()) + " a request."


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
