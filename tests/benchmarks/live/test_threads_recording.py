from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.errors import LabError
from benchmarks.live.loop_tracer import record_loop
from benchmarks.live.program_recordings import LoopRecording, ThreadsRecording
from benchmarks.live.threads_tracer import EXAMPLE, record_threads


@pytest.fixture(scope="module")
def recording() -> ThreadsRecording:
    """The example's run, recorded."""
    return record_threads()


@pytest.fixture(scope="module")
def loop() -> LoopRecording:
    """The loop's run."""
    return record_loop()


def test_its_clients_do_what_the_loops_do(recording: ThreadsRecording, loop: LoopRecording) -> None:
    """The same, at the same moments, and with the same answers."""
    of_threads = [step.happened for step in recording.steps if step.happened]
    of_loop = [step.happened for step in loop.steps if step.happened]

    assert of_loop == of_threads
    assert loop.clients == recording.clients
    assert loop.steps[-1].answered == recording.steps[-1].answered


def test_each_client_has_a_thread_of_its_own(recording: ThreadsRecording) -> None:
    """From its connecting to its hanging up; the main thread is there throughout."""
    most = max((step.threads for step in recording.steps), key=len)

    assert ["main thread", "thread of client 1", "thread of client 2", "thread of client 3"] == [
        state.thread for state in most
    ]
    assert ["main thread"] == [state.thread for state in recording.steps[0].threads]
    # One that has hung up may take a moment to end, and waits for nobody meanwhile.
    assert 2 <= len(recording.steps[-1].threads)
    assert {None} == {state.waits_for for state in recording.steps[-1].threads[1:]}
    for step in recording.steps:
        assert "main thread" == step.threads[0].thread
        assert step.line == next(state.line for state in step.threads if state.thread == step.thread)


def test_a_thread_sleeps_in_the_line_that_waits(recording: ThreadsRecording) -> None:
    """With nobody else to run it; it is the main thread at the listener, and the others at their clients."""
    for step in recording.steps:
        for state in step.threads:
            if state.waits_for is None:
                continue
            assert state.thread != step.thread
            line = recording.source[state.line - 1]
            if state.thread == "main thread":
                assert "listener.accept()" in line
                assert "listener" == state.waits_for
            else:
                assert "connection.recv(" in line
                assert f"thread of {state.waits_for}" == state.thread


def test_before_clients_act_everybody_sleeps(recording: ThreadsRecording) -> None:
    """And whoever is then seen to sleep on has nothing from them."""
    connects = next(step for step in recording.steps if "client 2 sends half a request" in step.happened)

    assert "thread of client 2" == connects.thread
    assert {"listener", "client 1", "client 3", None} == {state.waits_for for state in connects.threads}


def test_the_source_is_the_programs(recording: ThreadsRecording) -> None:
    """Line by line."""
    assert EXAMPLE.read_text(encoding="utf-8").splitlines() == list(recording.source)


def test_a_recording_survives_json(recording: ThreadsRecording) -> None:
    """What is written is read back equal."""
    assert recording == ThreadsRecording.from_json(json.loads(json.dumps(recording.to_json())))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema_version": 99}, "not a recording of the program: schema_version"),
        ({"steps": [{}]}, "not a recording of the program"),
        ({"source": []}, "no line"),
    ],
)
def test_another_document_is_refused(recording: ThreadsRecording, change: dict[str, object], told: str) -> None:
    """The message says how to make a right one."""
    with pytest.raises(LabError, match=f"(?i){told}.*threads_tracer"):
        ThreadsRecording.from_json(recording.to_json() | change)


def test_a_program_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """The installed package comes without the examples."""
    with pytest.raises(LabError, match="comes with a clone"):
        record_threads(tmp_path / "tiny_threads.py")


@pytest.mark.parametrize(
    ("line", "instead", "told"),
    [
        ("connection.sendall(", "str(", "client 3 has no answer"),
        ('connection.sendall(answer(head.decode("latin-1")))', "return", "hung up on client 3"),
    ],
)
def test_a_program_that_does_not_serve_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, instead: str, told: str
) -> None:
    """Rather than recorded."""
    monkeypatch.setattr("benchmarks.live.threads_tracer._PATIENCE_S", 0.2)
    source = EXAMPLE.read_text(encoding="utf-8")
    assert line in source
    program = tmp_path / "tiny_threads.py"
    program.write_text(source.replace(line, instead), encoding="utf-8")

    with pytest.raises(LabError, match=told):
        record_threads(program)
