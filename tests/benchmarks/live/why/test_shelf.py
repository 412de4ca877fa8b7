from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.errors import LabError
from benchmarks.live.loop_tracer import record_loop
from benchmarks.live.program_recordings import LoopRecording, ThreadsRecording
from benchmarks.live.recording import Recording
from benchmarks.live.threads_tracer import EXAMPLE
from benchmarks.live.timeline import State, covered
from benchmarks.live.why.shelf import CONTENDERS, SHIPPED, WAITS_MS, Exhibit, Shelf, twin_of
from benchmarks.live.why.ship import calmest
from benchmarks.live.why.steps import steps_document


@pytest.fixture(scope="module")
def shipped() -> Shelf:
    """What comes with the lab."""
    return Shelf.shipped()


def test_every_contender_with_a_view_is_shipped(shipped: Shelf) -> None:
    """For each wait; when the catalogue grows: python -m benchmarks.live.why.ship."""
    for wait_ms in WAITS_MS:
        assert CONTENDERS == shipped.contenders(wait_ms)
    assert len(CONTENDERS) * len(WAITS_MS) == len(SHIPPED.read_text(encoding="utf-8").splitlines())


def test_shipped_spans_add_up_to_the_latency_that_was_measured(shipped: Shelf) -> None:
    """Within 5 % for each request; and where there is a wait, it is most of it."""
    for wait_ms in WAITS_MS:
        for contender in CONTENDERS:
            exhibit = shipped.get(contender.id, wait_ms)
            assert exhibit is not None
            assert exhibit.shipped
            timeline = exhibit.recording.timeline
            for exchange in timeline.exchanges:
                assert 0.95 <= covered(timeline, exchange.request) <= 1.05
            assert bool(wait_ms) == any(span.state is State.WAITING for span in timeline.spans)


def test_the_shipped_run_of_the_loop_is_that_of_the_program() -> None:
    """To the step: who changes the program records it again."""
    shipped = LoopRecording.from_json(json.loads(SHIPPED.with_name("loop.json").read_text(encoding="utf-8")))

    assert record_loop() == shipped


def test_the_shipped_run_of_the_threads_is_of_the_same_program_and_clients() -> None:
    """Which of two threads is first may differ from run to run, so it is not compared step by step."""
    shipped = ThreadsRecording.from_json(json.loads(SHIPPED.with_name("threads.json").read_text(encoding="utf-8")))

    assert EXAMPLE.read_text(encoding="utf-8").splitlines() == list(shipped.source)
    assert steps_document(record_loop(), shipped)


def test_what_is_recorded_here_takes_its_place(recording: Recording) -> None:
    """For that contender and wait alone."""
    first = Exhibit(recording=recording, recorded_at="2026-11-24T09:00:00+00:00", machine="a desk", shipped=True)
    shelf = Shelf([first])
    second = replace(first, recorded_at="2026-11-24T10:00:00+00:00", shipped=False)
    shelf.put(second)

    assert second == shelf.get("flask-sync@hypercorn", 20)
    assert shelf.get("flask-sync@hypercorn", 0) is None
    assert shelf.get("flask-async@hypercorn", 20) is None


def test_an_exhibit_survives_json(recording: Recording, tmp_path: Path) -> None:
    """What is written is read back equal."""
    exhibit = Exhibit(recording=recording, recorded_at="2026-11-24T09:00:00+00:00", machine="a desk", shipped=True)
    path = tmp_path / "timelines.jsonl"
    path.write_text(json.dumps(exhibit.to_json()) + "\n", encoding="utf-8")

    assert exhibit == Shelf.shipped(path).get("flask-sync@hypercorn", 20)


@pytest.mark.parametrize("lacks", ["cost", "machine", "spans"])
def test_a_line_that_is_no_exhibit_is_refused(recording: Recording, lacks: str) -> None:
    """It says to record again."""
    exhibit = Exhibit(recording=recording, recorded_at="2026-11-24T09:00:00+00:00", machine="a desk", shipped=True)
    document = exhibit.to_json()
    del document[lacks]

    with pytest.raises(LabError, match="record it again"):
        Exhibit.from_json(document, shipped=True)


def test_twins_differ_in_the_keyword() -> None:
    """There and back."""
    for contender in CONTENDERS:
        assert contender.arrangement == twin_of(contender).arrangement
        assert contender.variant != twin_of(contender).variant
        assert contender == twin_of(twin_of(contender))


def test_the_calmer_machines_burst_is_kept(recording: Recording) -> None:
    """By what requests took with and without the recorder."""
    first = Exhibit(recording=recording, recorded_at="2026-11-24T09:00:00+00:00", machine="a desk", shipped=True)
    busier = replace(first, recording=replace(recording, cost=replace(recording.cost, plain_ms=40.0)))

    assert first is calmest(busier, first)
