from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.errors import LabError
from benchmarks.live.loop_tracer import record_loop
from benchmarks.live.program_recordings import ProgramRecording, Step, Task
from benchmarks.live.threads_tracer import record_threads
from benchmarks.live.why.steps import describe_threads_step, steps_document


@pytest.fixture(scope="module")
def loop() -> ProgramRecording:
    """The loop's run."""
    return record_loop()


@pytest.fixture(scope="module")
def threads() -> ProgramRecording:
    """The threads' run."""
    return record_threads()


@pytest.fixture(scope="module")
def document(loop: ProgramRecording, threads: ProgramRecording) -> dict[str, Any]:
    """What the page steps through."""
    return steps_document(loop, threads)


def words(document: dict[str, Any], kind: str, step: int) -> str:
    """Return what is said of a step."""
    said: str = document[kind]["words"][document[kind]["steps"][step][2]]
    return said


def board(document: dict[str, Any], kind: str, step: int) -> dict[str, Any]:
    """Return what is where at a step."""
    shown: dict[str, Any] = document[kind]["boards"][document[kind]["steps"][step][1]]
    return shown


def test_both_runs_have_the_same_moments(document: dict[str, Any]) -> None:
    """Those at which clients act, in order; each knows the step of either run."""
    titles = [moment["title"] for moment in document["moments"]]

    assert [
        "No client is connected yet",
        "Client 1 connects",
        "Clients 2 and 3 connect",
        "Client 2 sends half a request",
        "Clients 3 and 1 send their requests",
        "Client 2 sends the rest",
        "Clients 1, 2 and 3 disconnect",
    ] == titles
    for kind in ("loop", "threads"):
        places = [moment[kind] for moment in document["moments"]]
        assert sorted(set(places)) == places
        assert places[-1] < len(document[kind]["steps"])
    assert [
        ["client 1", "has its answer"],
        ["client 2", "sends the rest"],
        ["client 3", "has its answer"],
    ] == document["moments"][5]["clients"]


def test_every_step_has_its_line_board_and_words(
    document: dict[str, Any], loop: ProgramRecording, threads: ProgramRecording
) -> None:
    """One for each that was recorded."""
    for kind, recording in (("loop", loop), ("threads", threads)):
        assert [step.line for step in recording.steps] == [line for line, _, _ in document[kind]["steps"]]
    for place, step in enumerate(loop.steps):
        shown = board(document, "loop", place)
        assert (step.running, [task.name for task in step.in_state("ready")]) == (shown["job"], shown["runable"])
        assert list(step.reported) == shown["reported"]
        assert len(step.in_state("noted")) == len(shown["await_list"])
        assert len(step.in_state("asleep")) == len(shown["kernel"])


def test_the_loop_is_told(document: dict[str, Any]) -> None:
    """It sleeps until somebody comes; then the kernel reports, and the job can continue."""
    connects = document["moments"][1]["loop"]

    assert "It begins with one job, accept." == words(document, "loop", 0)
    assert words(document, "loop", connects - 1).endswith(
        "There is nothing to run: here the loop sleeps until the kernel has something for it."
    )
    assert "The loop slept. Meanwhile client 1 connects. The kernel reports listener." == words(
        document, "loop", connects
    )
    assert [["accept", "listener, readable", True]] == board(document, "loop", connects)["kernel"]
    assert "Accept can continue, and is queued." in words(document, "loop", connects + 2)
    said = " ".join(document["loop"]["words"])
    assert "Serve client 2 is noted: it waits for client 2, readable." in said
    assert "The kernel watches client 2 for serve client 2, until it is readable." in said
    assert "Serve client 1 stops here and says what it waits for; the loop has the thread again." in said
    assert "Serve client 3 is over; the loop has the thread again." in said
    assert words(document, "loop", len(document["loop"]["steps"]) - 1).endswith("sleeps until somebody connects.")


def test_the_threads_are_told(document: dict[str, Any]) -> None:
    """Which begins, runs and sleeps, where the order does not depend on the kernel."""
    connects = document["moments"][1]["threads"]
    said = " ".join(document["threads"]["words"])

    assert "It begins with one thread." == words(document, "threads", 0)
    assert words(document, "threads", connects - 1).endswith("now every thread sleeps in the kernel.")
    assert words(document, "threads", connects).startswith("Every thread slept. Meanwhile client 1 connects.")
    for client in (1, 2, 3):
        assert f"The thread of client {client} begins." in said
        assert f"Now the thread of client {client} runs." in said
    assert words(document, "threads", len(document["threads"]["steps"]) - 1).endswith(
        "Then it has ended, and the main thread sleeps until somebody connects."
    )
    half = document["moments"][3]["threads"]
    assert ["thread of client 2"] == [
        name for name, _, doing in board(document, "threads", half)["threads"] if doing == "runs"
    ]
    assert "sleeps: client 1" in {doing for _, _, doing in board(document, "threads", half)["threads"]}


def threads_step(runs: str, **waits_for: str | None) -> Step:
    """Return the step at which a thread runs line 20, and the named ones wait for these sockets, or are ready."""
    others = [
        Task(name=name.replace("_", " "), state="ready" if socket is None else "asleep", socket=socket, line=20)
        for name, socket in waits_for.items()
    ]
    running = Task(name=runs, state="running", line=20)
    return Step(line=20, function="serve", tasks=(running, *others), happened=(), answered=())


@pytest.mark.parametrize(
    ("before", "step", "told"),
    [
        (
            threads_step("main thread"),
            threads_step("thread of client 1", main_thread=None),
            "The thread of client 1 begins. Now the thread of client 1 runs.",
        ),
        (
            threads_step("main thread"),
            threads_step("thread of client 1", main_thread="listener"),
            "The thread of client 1 begins. The main thread sleeps in line 20 until something arrives at listener. ",
        ),
        (
            threads_step("thread of client 1", thread_of_client_2=None),
            threads_step("thread of client 2"),
            "The thread of client 1 has ended. Now the thread of client 2 runs.",
        ),
        (
            threads_step("thread of client 1", thread_of_client_2="client 2"),
            threads_step("thread of client 1", thread_of_client_2=None),
            "The thread of client 2 can continue too, when it is its turn.",
        ),
    ],
)
def test_the_threads_are_told_whichever_is_first(before: Step, step: Step, told: str) -> None:
    """A thread begins before or after another sleeps, and ends before or after another runs."""
    assert describe_threads_step(before, step, step).startswith(told)


def test_runs_of_different_clients_are_not_laid_side_by_side(loop: ProgramRecording, threads: ProgramRecording) -> None:
    """The message says how to make a pair."""
    cut = replace(threads, steps=threads.steps[:3])

    with pytest.raises(LabError, match="record both again"):
        steps_document(loop, cut)
