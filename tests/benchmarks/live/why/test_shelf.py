from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from benchmarks.contenders import catalogue
from benchmarks.errors import LabError, RefusedError
from benchmarks.foreign_json import decode, read_object
from benchmarks.live.loop_tracer import record_loop
from benchmarks.live.program_recordings import ProgramRecording
from benchmarks.live.recorder.states import State
from benchmarks.live.recording import Recording
from benchmarks.live.threads_tracer import EXAMPLE
from benchmarks.live.why.shelf import CONTENDERS, SHIPPED, WAITS_MS, Key, record_here, shipped, twin_of
from benchmarks.live.why.ship import calmest
from benchmarks.live.why.steps import steps_document
from benchmarks.measure.alone import alone
from tests.benchmarks.live.conftest import covered

CONTENDER = catalogue.find("fastapi-async@uvicorn")


@pytest.fixture(scope="module")
def shelf() -> Mapping[Key, Recording]:
    """What comes with the lab."""
    return shipped()


def shipped_program(name: str) -> ProgramRecording:
    """Read the shipped run of a program."""
    return decode(ProgramRecording, read_object(SHIPPED.with_name(name).read_bytes()))


def test_every_contender_with_a_view_is_shipped(shelf: Mapping[Key, Recording]) -> None:
    """For each wait; when the catalogue grows: python -m benchmarks.live.why.ship."""
    assert {(contender.id, wait_ms) for contender in CONTENDERS for wait_ms in WAITS_MS} == set(shelf)
    assert len(shelf) == len(SHIPPED.read_text(encoding="utf-8").splitlines())


def test_shipped_spans_add_up_to_the_latency_that_was_measured(shelf: Mapping[Key, Recording]) -> None:
    """Within 5 % for each request; and where there is a wait, it is most of it."""
    for (_, wait_ms), recording in shelf.items():
        timeline = recording.timeline
        for exchange in timeline.exchanges:
            assert 0.95 <= covered(timeline, exchange.request) <= 1.05
        assert bool(wait_ms) == any(span.state is State.WAITING for span in timeline.spans)


def test_the_shipped_run_of_the_loop_is_that_of_the_program() -> None:
    """Step by step: after a change of the program, record it again."""
    assert record_loop() == shipped_program("loop.json")


def test_the_shipped_run_of_the_threads_is_of_the_same_program_and_clients() -> None:
    """Which of two threads is first may differ from run to run, so it is not compared step by step."""
    threads = shipped_program("threads.json")

    assert EXAMPLE.read_text(encoding="utf-8").splitlines() == list(threads.source)
    assert steps_document(record_loop(), threads)


def test_a_recording_is_read_by_contender_and_wait(recording: Recording, tmp_path: Path) -> None:
    """As it was written."""
    path = tmp_path / "timelines.jsonl"
    path.write_text(json.dumps(recording.to_json()) + "\n", encoding="utf-8")

    assert {("flask-sync@hypercorn", 20): recording} == shipped(path)


def test_twins_differ_in_the_keyword() -> None:
    """There and back."""
    for contender in CONTENDERS:
        assert contender.arrangement == twin_of(contender).arrangement
        assert contender.variant != twin_of(contender).variant
        assert contender == twin_of(twin_of(contender))


def test_the_calmer_machines_burst_is_kept(recording: Recording) -> None:
    """By what requests took with and without the recorder."""
    busier = replace(recording, cost=replace(recording.cost, plain_ms=40.0))

    assert recording is calmest(busier, recording)


def test_a_burst_is_recorded_in_a_process_of_its_own() -> None:
    """And says where."""
    recording = asyncio.run(record_here(CONTENDER, 0))

    assert "Python 3." in recording.machine
    timeline = recording.timeline
    assert ("fastapi-async@uvicorn", "/health/async", 3) == (timeline.contender, timeline.path, len(timeline.exchanges))
    assert recording.cost.bursts >= 3


def test_nothing_is_recorded_while_somebody_measures() -> None:
    """It names the other process; the next step on a command line is left out."""
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
