from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from benchmarks.live.timeline import State, Timeline
from benchmarks.live.why.twins import SourceLine, ViewSource, read_view, sources, tell_states
from benchmarks.model import Variant

CALLING = {State.QUEUED, State.LOOP_CREATED, State.LOOP_CLOSED, State.TO_LOOP, State.TO_THREAD, State.HELD}


def lines_of(source: ViewSource, state: State) -> list[SourceLine]:
    """Return the lines because of which a request is in a state."""
    return [line for line in source.lines if state in line.states]


@pytest.mark.parametrize("framework", ["flask", "fastapi"])
@pytest.mark.parametrize(("variant", "keyword"), [("sync", "def "), ("async", "async def ")])
def test_the_source_is_that_of_the_views_that_are_measured(framework: str, variant: Variant, keyword: str) -> None:
    """With the keyword, and where it waits, the wait."""
    waits, plain = sources()[framework, variant, True], sources()[framework, variant, False]

    (called,) = lines_of(waits, State.QUEUED)
    assert called.text.startswith(keyword)
    assert set(called.states) == CALLING
    (wait,) = lines_of(waits, State.WAITING)
    assert ("await asyncio.sleep(" if variant == "async" else "time.sleep(") in wait.text
    assert [] == lines_of(plain, State.WAITING)
    assert keyword.strip() == plain.keyword
    (answer,) = lines_of(plain, State.VIEW)
    assert answer.text.strip().startswith("return ")


def test_the_twins_of_flask_are_two_modules() -> None:
    """Which are read by the names that they have there."""
    found = sources()

    assert "flask_app.health.sync_views" == found["flask", "sync", True].module
    assert "flask_app.health.async_views" == found["flask", "async", True].module
    assert "benchmarks.contenders.fastapi_app" == found["fastapi", "async", True].module


def test_a_line_has_the_number_that_it_has_in_its_file() -> None:
    """Also when the function is indented or wrapped."""

    def decorated(view: Any) -> Any:
        return view

    @decorated
    def view() -> None:
        time.sleep(0)

    source = read_view(view)

    assert view.__code__.co_firstlineno == source.lines[0].number
    assert ["@decorated", "def view() -> None:", "    time.sleep(0)"] == [line.text for line in source.lines]
    assert (State.FRAMEWORK,) == source.lines[0].states


def test_an_async_view_says_so() -> None:
    """By its keyword."""

    async def view() -> None:
        await asyncio.sleep(0)

    assert "async def" == read_view(view).keyword


def test_what_a_line_costs_is_told_as_an_average(timeline: Timeline) -> None:
    """Over the burst's requests; a thread that is held is not added up, and nothing is told as such."""
    assert "waiting 20.0 ms a request." == tell_states(timeline, (State.WAITING,))
    told = tell_states(timeline, tuple(CALLING))
    assert "queued for a thread 12.0 ms" in told
    assert "held" not in told
    assert "No time to be seen." == tell_states(timeline, (State.ACCEPTED, State.FRAMEWORK)[1:])
