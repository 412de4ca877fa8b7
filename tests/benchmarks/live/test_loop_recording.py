from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.errors import LabError
from benchmarks.foreign_json import decode, encode
from benchmarks.live.loop_tracer import EXAMPLE, record_loop
from benchmarks.live.program_recordings import ProgramRecording, Step, Task


@pytest.fixture(scope="module")
def recording() -> ProgramRecording:
    """The example's run, recorded."""
    return record_loop()


def first(recording: ProgramRecording, happened: str) -> Step:
    """Return the first step after a client's action."""
    return next(step for step in recording.steps if happened in step.happened)


def test_all_three_clients_are_answered(recording: ProgramRecording) -> None:
    """In the order in which they had sent their whole request."""
    assert ("client 1", "client 2", "client 3") == recording.clients
    assert ("client 3", "client 1", "client 2") == recording.steps[-1].answered
    assert () == recording.steps[0].answered


def test_two_runs_take_the_same_steps(recording: ProgramRecording) -> None:
    """The clients act by a script, when the loop would sleep."""
    assert recording == record_loop()


def test_each_step_shows_the_line_and_the_job_that_runs(recording: ProgramRecording) -> None:
    """The lines are the program's, and all but the loop's own are run by a job."""
    assert EXAMPLE.read_text(encoding="utf-8").splitlines() == list(recording.source)
    for step in recording.steps:
        assert recording.source[step.line - 1].strip()
        assert (step.running is None) == (step.function == "loop")
    assert {"accept", "serve client 1", "serve client 2", "serve client 3", None} == {
        step.running for step in recording.steps
    }


def test_what_the_kernel_reports_becomes_runable(recording: ProgramRecording) -> None:
    """Two requests that came while the loop slept are reported together, and their jobs are queued in that order."""
    at = recording.steps.index(first(recording, "client 3 sends its request"))
    reporting = recording.steps[at]

    assert ("client 3", "client 1") == reporting.reported
    assert () == reporting.in_state("ready")
    assert Task(name="serve client 3", state="asleep", socket="client 3", until="readable") in reporting.tasks
    later = next(step for step in recording.steps[at:] if len(step.in_state("ready")) == 2)
    assert ["serve client 3", "serve client 1"] == [task.name for task in later.in_state("ready")]
    assert {"listener", "client 2"} == {task.socket for task in later.in_state("asleep")}


def test_a_job_that_waits_passes_through_the_await_list_to_the_kernel(recording: ProgramRecording) -> None:
    """And is nowhere else meanwhile."""
    noted = Task(name="serve client 2", state="noted", socket="client 2", until="readable")
    asleep = replace(noted, state="asleep")
    half = recording.steps.index(first(recording, "client 2 sends half a request"))
    listed = next(step for step in recording.steps[half:] if noted in step.tasks)
    at = recording.steps.index(listed)
    watched = next(step for step in recording.steps[at:] if asleep in step.tasks)

    assert () == listed.in_state("ready")
    assert asleep not in listed.tasks
    assert "kernel.register" in recording.source[recording.steps[recording.steps.index(watched) - 1].line - 1]


def test_a_recording_survives_json(recording: ProgramRecording) -> None:
    """What is written is read back equal."""
    assert recording == decode(ProgramRecording, json.loads(json.dumps(encode(recording))))


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
    monkeypatch.setattr("benchmarks.live.scripted_clients.PATIENCE_S", 0.2)
    source = EXAMPLE.read_text(encoding="utf-8")
    assert line in source
    program = tmp_path / "tiny_loop.py"
    program.write_text(source.replace(line, instead), encoding="utf-8")

    with pytest.raises(LabError, match=told):
        record_loop(program)
