from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.errors import LabError
from benchmarks.live.loop_tracer import EXAMPLE, record_loop
from benchmarks.live.program_recordings import LoopRecording, Step, Waiting


@pytest.fixture(scope="module")
def recording() -> LoopRecording:
    """The example's run, recorded."""
    return record_loop()


def first(recording: LoopRecording, happened: str) -> Step:
    """Return the step at which a client's doing shows."""
    return next(step for step in recording.steps if happened in step.happened)


def test_all_three_clients_are_answered(recording: LoopRecording) -> None:
    """In the order in which they had sent their whole request."""
    assert ("client 1", "client 2", "client 3") == recording.clients
    assert ("client 3", "client 1", "client 2") == recording.steps[-1].answered
    assert () == recording.steps[0].answered


def test_two_runs_take_the_same_steps(recording: LoopRecording) -> None:
    """The clients act by a script, when the loop would sleep."""
    assert recording == record_loop()


def test_each_step_shows_the_line_and_the_job_that_runs(recording: LoopRecording) -> None:
    """The lines are the program's, and each function's lines are run by the job that calls it."""
    assert EXAMPLE.read_text(encoding="utf-8").splitlines() == list(recording.source)
    for step in recording.steps:
        assert recording.source[step.line - 1].strip()
        assert (step.job is None) == (step.function == "loop")
    assert {"accept", "serve client 1", "serve client 2", "serve client 3"} == {
        step.job for step in recording.steps if step.job
    }


def test_what_the_kernel_reports_becomes_runable(recording: LoopRecording) -> None:
    """Two requests that came while the loop slept are reported together, and their jobs can go on in that order."""
    at = recording.steps.index(first(recording, "client 3 sends its request"))
    reporting = recording.steps[at]

    assert ("client 3", "client 1") == reporting.reported
    assert () == reporting.runable
    assert Waiting(job="serve client 3", socket="client 3", until="readable") in reporting.kernel
    later = next(step for step in recording.steps[at:] if len(step.runable) == 2)
    assert ("serve client 3", "serve client 1") == later.runable
    assert {"listener", "client 2"} == {waiting.socket for waiting in later.kernel}


def test_a_job_that_waits_passes_through_the_await_list_to_the_kernel(recording: LoopRecording) -> None:
    """And nothing else of it is anywhere meanwhile."""
    waits = Waiting(job="serve client 2", socket="client 2", until="readable")
    half = recording.steps.index(first(recording, "client 2 sends half a request"))
    listed = next(step for step in recording.steps[half:] if waits in step.await_list)
    at = recording.steps.index(listed)
    watched = next(step for step in recording.steps[at:] if waits in step.kernel)

    assert () == listed.runable
    assert waits not in listed.kernel
    assert "kernel.register" in recording.source[recording.steps[recording.steps.index(watched) - 1].line - 1]


def test_a_recording_survives_json(recording: LoopRecording) -> None:
    """What is written is read back equal."""
    assert recording == LoopRecording.from_json(json.loads(json.dumps(recording.to_json())))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema_version": 99}, "not a recording of the program: schema_version"),
        ({"steps": [{}]}, "not a recording of the program"),
        ({"source": []}, "no line"),
        ({"clients": None}, "not a recording of the program"),
    ],
)
def test_another_document_is_refused(recording: LoopRecording, change: dict[str, object], told: str) -> None:
    """The message says how to make a right one."""
    with pytest.raises(LabError, match=f"(?i){told}.*loop_tracer"):
        LoopRecording.from_json(recording.to_json() | change)


def test_a_program_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """The installed package comes without the examples."""
    with pytest.raises(LabError, match="comes with a clone"):
        record_loop(tmp_path / "tiny_loop.py")


@pytest.mark.parametrize(
    ("line", "instead", "told"),
    [
        ("left = left[connection.send(left) :]", "left = left[99999:]", "client 3 has no answer"),
        ("await Wait(connection, READ)", "return", "does not wait for client 2"),
    ],
)
def test_a_program_that_does_not_serve_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, instead: str, told: str
) -> None:
    """Rather than recorded."""
    monkeypatch.setattr("benchmarks.live.loop_tracer._PATIENCE_S", 0.2)
    source = EXAMPLE.read_text(encoding="utf-8")
    assert line in source
    program = tmp_path / "tiny_loop.py"
    program.write_text(source.replace(line, instead), encoding="utf-8")

    with pytest.raises(LabError, match=told):
        record_loop(program)
