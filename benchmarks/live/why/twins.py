"""Reads the twins' source from the modules that run, and says which line causes which spans; values after that.

Both keywords stand side by side for each framework. A line that matters names the states that it causes: the keyword's
own line what the framework does to call such a view, the wait's line the waiting.
"""

from __future__ import annotations

import functools
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from benchmarks.contenders.catalogue import FRAMEWORKS
from benchmarks.live.recorder.states import State
from benchmarks.live.timeline import Timeline
from benchmarks.live.words import by_state, milliseconds
from benchmarks.model import Contender

CALLING: Final = (
    State.QUEUED,
    State.LOOP_CREATED,
    State.LOOP_CLOSED,
    State.TO_LOOP,
    State.TO_THREAD,
    State.HELD,
)
"""What a view's keyword adds to calling it: threads, loops, and the ways between them."""

_BECAUSE: Final[Mapping[str, tuple[State, ...]]] = {
    r"@": (State.FRAMEWORK,),
    r"(async )?def ": CALLING,
    r"\s+(await )?\w+\.sleep\(": (State.WAITING,),
    r"\s+return\b": (State.VIEW,),
}
"""How a line begins that matters, and the states that a request is in because of it."""

SourceLine = tuple[int, str, tuple[State, ...]]
"""Number in its module, from 1; text, without the indentation of the whole view; and the states that a request is in
because of this line: none for one that does not matter here."""


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
    source = textwrap.dedent("".join(texts)).splitlines()
    return tuple((number, text, _states(text)) for number, text in enumerate(source, start=first))


def describe_states(timeline: Timeline, states: Sequence[State]) -> str:
    """Return how much of a request's time is spent in these states, on average; or that none is."""
    times = by_state(span for span in timeline.spans if span.state in states and span.counts)
    if not times:
        if set(states) == set(CALLING):
            return "It needs no other thread or loop: the server's own loop calls the view."
        return "It takes no visible time."
    count = len(timeline.exchanges)
    return ", ".join(f"{state} {milliseconds(total / count)}" for state, total in times.items()) + " a request."


def _states(line: str) -> tuple[State, ...]:
    return next((states for begins, states in _BECAUSE.items() if re.match(begins, line)), ())
