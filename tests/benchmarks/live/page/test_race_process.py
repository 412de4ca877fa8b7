from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.live.page import racer
from benchmarks.live.page.racer import RaceProcess
from benchmarks.measure.race import plan_race

PLAN = plan_race(["flask-sync@hypercorn", "flask-async@hypercorn"], wait_ms=0, connections=2, rounds=2, seed=1)


def test_what_goes_wrong_is_told_in_its_own_words(tmp_path: Path) -> None:
    """Here a folder that cannot be written; the process ends by itself."""
    (tmp_path / "taken").write_text("a file", encoding="utf-8")

    async def story() -> list[Mapping[str, Any]]:
        race = await RaceProcess.start(PLAN, tmp_path / "taken")
        told = [event async for event in race.events()]
        await race.end()
        await race.end()
        return told

    (event,) = asyncio.run(story())
    assert "failed" == event["event"]
    assert "Cannot write the run" in event["message"]


def test_a_process_that_is_killed_is_told_too(tmp_path: Path) -> None:
    """The last event says how it ended, and all its children have ended."""

    async def story() -> tuple[Mapping[str, Any], list[psutil.Process]]:
        race = await RaceProcess.start(PLAN, tmp_path)
        started: list[psutil.Process] = []
        last: Mapping[str, Any] = {}
        async for event in race.events():
            last = event
            if event["event"] == "pause":
                process = psutil.Process(race._child.pid)
                started = process.children(recursive=True)
                process.kill()
        await race.end()
        return last, started

    last, started = asyncio.run(story())
    assert "failed" == last["event"]
    assert "ended with status -9" in last["message"]
    assert [] == psutil.wait_procs(started, timeout=30)[1]


@pytest.mark.parametrize("delay_s", [0.0, 0.2, 0.5])
def test_a_process_that_is_stopped_as_it_starts_tells_so(tmp_path: Path, delay_s: float) -> None:
    """Whether it was still importing or already measuring."""

    async def story() -> list[str]:
        race = await RaceProcess.start(PLAN, tmp_path)
        await asyncio.sleep(delay_s)
        race.stop()
        told = [str(event["event"]) async for event in race.events()]
        await race.end()
        return told

    assert "stopped" == asyncio.run(story())[-1]


def test_what_happens_is_told_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object a line, whatever is in it."""
    racer.report("note", message="a\nb")

    assert {"event": "note", "message": "a\nb"} == json.loads(capsys.readouterr().out)
