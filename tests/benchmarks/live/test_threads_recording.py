from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.errors import LabError
from benchmarks.live.loop_tracer import record_loop
from benchmarks.live.program_recordings import ProgramRecording
from benchmarks.live.threads_tracer import EXAMPLE, record_threads


@pytest.fixture(scope="module")
def recording() -> ProgramRecording:
    """The example's run, recorded."""
    return record_threads()


@pytest.fixture(scope="module")
def loop() -> ProgramRecording:
    """The loop's run."""
    return record_loop()


def test_its_clients_do_what_the_loops_do(recording: ProgramRecording, loop: ProgramRecording) -> None:
    """The same, at the same moments, and with the same answers."""
    of_threads = [step.happened for step in recording.steps if step.happened]
    of_loop = [step.happened for step in loop.steps if step.happened]

    assert of_loop == of_threads
    assert loop.clients == recording.clients
    assert loop.steps[-1].answered == recording.steps[-1].answered


def test_each_client_has_a_thread_of_its_own(recording: ProgramRecording) -> None:
    """From connecting to hanging up; the main thread exists throughout."""
    most = max((step.tasks for step in recording.steps), key=len)

    assert ["main thread", "thread of client 1", "thread of client 2", "thread of client 3"] == [
        task.name for task in most
    ]
    assert ["main thread"] == [task.name for task in recording.steps[0].tasks]
    # One that has hung up may take a moment to end, and waits for nobody meanwhile.
    assert 2 <= len(recording.steps[-1].tasks)
    assert {None} == {task.socket for task in recording.steps[-1].tasks[1:]}
    for step in recording.steps:
        assert "main thread" == step.tasks[0].name
        assert [step.line] == [task.line for task in step.in_state("running")]


def test_a_thread_sleeps_in_the_line_that_waits(recording: ProgramRecording) -> None:
    """It is the main thread at the listener, and the others at their clients."""
    asleep = [task for step in recording.steps for task in step.in_state("asleep")]

    assert asleep
    for task in asleep:
        assert task.line is not None
        line = recording.source[task.line - 1]
        if task.name == "main thread":
            assert "listener.accept()" in line
            assert "listener" == task.socket
        else:
            assert "connection.recv(" in line
            assert f"thread of {task.socket}" == task.name


def test_before_clients_act_everybody_sleeps(recording: ProgramRecording) -> None:
    """And whoever then still sleeps has received nothing from them."""
    connects = next(step for step in recording.steps if "client 2 sends half a request" in step.happened)

    assert "thread of client 2" == connects.running
    assert {"listener", "client 1", "client 3", None} == {task.socket for task in connects.tasks}


def test_the_source_is_the_programs(recording: ProgramRecording) -> None:
    """Line by line."""
    assert EXAMPLE.read_text(encoding="utf-8").splitlines() == list(recording.source)


def test_a_program_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """The installed package comes without the examples."""
    with pytest.raises(LabError, match="comes with a clone"):
        record_threads(tmp_path / "tiny_threads.py")


@pytest.mark.parametrize(
    ("line", "instead", "told"),
    [
        ("connection.sendall(", "str(", "client 3 has no answer"),
        ('connection.sendall(answer(head.decode("latin-1")))', "return", "closed the connection to client 3"),
    ],
)
def test_a_program_that_does_not_serve_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, instead: str, told: str
) -> None:
    """Rather than recorded."""
    monkeypatch.setattr("benchmarks.live.scripted_clients.PATIENCE_S", 1.0)
    source = EXAMPLE.read_text(encoding="utf-8")
    assert line in source
    program = tmp_path / "tiny_threads.py"
    program.write_text(source.replace(line, instead), encoding="utf-8")

    with pytest.raises(LabError, match=told):
        record_threads(program)
