from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from benchmarks.live.recorder.states import State
from benchmarks.live.timeline import Timeline
from benchmarks.live.why.shelf import CONTENDERS
from benchmarks.live.why.twins import SourceLine, describe_states, read_view, view_of
from benchmarks.model import Contender

CALLING = {State.QUEUED, State.LOOP_CREATED, State.LOOP_CLOSED, State.TO_LOOP, State.TO_THREAD, State.HELD}


def lines_of(source: Sequence[SourceLine], state: State) -> list[SourceLine]:
    """Return the lines because of which a request is in a state."""
    return [line for line in source if state in line[2]]


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.id)
def test_the_source_is_that_of_the_views_that_are_measured(contender: Contender) -> None:
    """With the keyword, and where it waits, the wait."""
    waits, plain = (read_view(view_of(contender, waits=waits)) for waits in (True, False))

    keyword = "async def " if contender.variant == "async" else "def "
    ((_, called, states),) = lines_of(waits, State.QUEUED)
    assert called.startswith(keyword)
    assert set(states) == CALLING
    ((_, wait, _),) = lines_of(waits, State.WAITING)
    assert ("await asyncio.sleep(" if contender.variant == "async" else "time.sleep(") in wait
    assert [] == lines_of(plain, State.WAITING)
    ((_, answer, _),) = lines_of(plain, State.VIEW)
    assert answer.strip().startswith("return ")


def test_the_twins_of_flask_are_two_modules() -> None:
    """Which are read by the names that they have there."""
    modules = {contender.id: view_of(contender, waits=True).__module__ for contender in CONTENDERS}

    assert "flask_app.health.sync_views" == modules["flask-sync@hypercorn"]
    assert "flask_app.health.async_views" == modules["flask-async@hypercorn"]
    assert "benchmarks.contenders.fastapi_app" == modules["fastapi-async@uvicorn"]


def test_a_line_has_the_number_that_it_has_in_its_file() -> None:
    """Also when the function is indented or wrapped."""

    def decorated(view: Any) -> Any:
        return view

    @decorated
    def view() -> None:
        time.sleep(0)

    source = read_view(view)

    assert view.__code__.co_firstlineno == source[0][0]
    assert ["@decorated", "def view() -> None:", "    time.sleep(0)"] == [text for _, text, _ in source]
    assert (State.FRAMEWORK,) == source[0][2]


def test_a_view_without_a_source_has_no_lines() -> None:
    """As where the lab was installed as bytecode only."""
    names: dict[str, Any] = {}
    exec("def view(): pass", names)  # noqa: S102 (a function without a file)

    assert () == read_view(names["view"])


def test_what_a_line_costs_is_told_as_an_average(timeline: Timeline) -> None:
    """Over the burst's requests; a held thread does not count, and no time at all is stated as such."""
    assert "waiting 20.0 ms a request." == describe_states(timeline, (State.WAITING,))
    told = describe_states(timeline, tuple(CALLING))
    assert "queued for a thread 12.0 ms" in told
    assert "held" not in told
    assert "It takes no visible time." == describe_states(timeline, (State.ACCEPTED, State.FRAMEWORK)[1:])
