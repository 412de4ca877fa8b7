from __future__ import annotations

import asyncio

import psutil
import pytest

from benchmarks.contenders import catalogue
from benchmarks.errors import LabError, RefusedError
from benchmarks.live.why.record_here import record_here
from benchmarks.measure.alone import alone

CONTENDER = catalogue.find("fastapi-async@uvicorn")


def test_a_burst_is_recorded_in_a_process_of_its_own() -> None:
    """And is what the shelf shows."""
    exhibit = asyncio.run(record_here(CONTENDER, 0))

    assert not exhibit.shipped
    assert "Python 3." in exhibit.machine
    timeline = exhibit.recording.timeline
    assert ("fastapi-async@uvicorn", "/health/async", 3) == (timeline.contender, timeline.path, len(timeline.exchanges))
    assert exhibit.recording.cost.bursts >= 3


def test_nothing_is_recorded_while_somebody_measures() -> None:
    """It says who; what a command line would do next is left out."""
    with alone(wait=False, say=pytest.fail), pytest.raises(RefusedError, match=r"^Another `lab` .* both be wrong\.$"):
        asyncio.run(record_here(CONTENDER, 0))


def test_what_does_not_start_is_told() -> None:
    """In the words of the command."""
    with pytest.raises(LabError, match="no view"):
        asyncio.run(record_here(catalogue.find("bare-asgi@uvicorn"), 0))


def test_who_waits_no_longer_ends_the_recording() -> None:
    """When the page ends, its views are cancelled."""

    async def story() -> None:
        recording = asyncio.create_task(record_here(CONTENDER, 0, wait_turn=True))
        while not psutil.Process().children():
            await asyncio.sleep(0.01)
        recording.cancel()
        with pytest.raises(asyncio.CancelledError):
            await recording

    asyncio.run(story())
    assert [] == psutil.Process().children()


def test_what_takes_too_long_is_given_up() -> None:
    """And its process is ended."""
    with pytest.raises(LabError, match="longer than 0 s"):
        asyncio.run(record_here(CONTENDER, 0, timeout_s=0.01))
