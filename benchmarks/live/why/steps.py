"""Shapes the two programs' recorded runs for the page: moments, boards and words; values and no I/O.

The clients of both runs act by one script, so both have the same moments, and the page can show one beside the other.
Each board and each text is stored once, and the steps refer to it by number: a whole class loads this over one Wi-Fi.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from benchmarks.errors import LabError
from benchmarks.live.program_recordings import ProgramRecording, Step, Task, TaskState
from benchmarks.live.scripted_clients import HAS_ITS_ANSWER, describe_deeds, listed
from benchmarks.live.words import capitalized

_BEGINNING: Final = "No client is connected yet"

# What is shown of a job that has entered a state, and of one that has left it.
_MOVES: Final[tuple[tuple[TaskState, str, str], ...]] = (
    (
        "asleep",
        "The kernel watches {socket} for {name}, until it is {until}.",
        "The kernel stops watching {socket}.",
    ),
    ("ready", "{Name} can continue, and is queued.", "{Name} is next."),
    ("noted", "{Name} is noted: it waits for {socket}, {until}.", ""),
)


def steps_document(loop: ProgramRecording, threads: ProgramRecording) -> dict[str, Any]:
    """Return the document that the page steps through, as values of JSON.

    Raises:
        LabError: The clients of the two runs did different things.
    """
    moments, of_threads = _moments(loop.steps), _moments(threads.steps)
    if [title for title, _ in moments] != [title for title, _ in of_threads]:
        raise LabError("The runs of loop and threads differ: record both again, `python -m benchmarks.live.why.ship`.")
    return {
        "moments": [
            {"title": title, "loop": place, "threads": threads_place, "clients": _clients(loop, place)}
            for (title, place), (_, threads_place) in zip(moments, of_threads, strict=True)
        ],
        "loop": _interned(loop.steps, loop_board, describe_loop_step),
        "threads": _interned(threads.steps, threads_board, describe_threads_step),
    }


def loop_board(step: Step) -> Mapping[str, Any]:
    """Return where each job of the loop is at a step."""
    return {
        "job": step.running,
        "runable": [task.name for task in step.in_state("ready")],
        "await_list": [[task.name, f"{task.socket}, {task.until}"] for task in step.in_state("noted")],
        "kernel": [
            [task.name, f"{task.socket}, {task.until}", task.socket in step.reported]
            for task in step.in_state("asleep")
        ],
        "reported": list(step.reported),
    }


def threads_board(step: Step) -> Mapping[str, Any]:
    """Return where each thread is at a step."""
    words = {"running": "runs", "ready": "ready"}
    return {"threads": [[each.name, each.line, words.get(each.state, f"sleeps: {each.socket}")] for each in step.tasks]}


def describe_loop_step(before: Step | None, step: Step, after: Step | None) -> str:
    """Return what the line before did, and where the loop sleeps next.

    Args:
        before: The step before; ``None`` for the first.
        step: The step.
        after: The step after; ``None`` for the last.
    """
    told: list[str] = []
    if before is None:
        told.append(f"It begins with one job, {listed([task.name for task in step.in_state('ready')])}.")
    else:
        if step.happened:
            told.append(f"The loop slept. Meanwhile {describe_deeds(step.happened)}.")
        if step.reported and step.reported != before.reported:
            told.append(f"The kernel reports {listed(step.reported)}.")
        told += _moved(before, step)
    if after is None:
        told.append("There is nothing left to do: here it sleeps until somebody connects.")
    elif after.happened:
        told.append("There is nothing to run: here the loop sleeps until the kernel has something for it.")
    return " ".join(told)


def describe_threads_step(before: Step | None, step: Step, after: Step | None) -> str:
    """Return what changed since the step before, and where all threads sleep next.

    Args:
        before: The step before; ``None`` for the first.
        step: The step.
        after: The step after; ``None`` for the last.
    """
    told: list[str] = []
    if before is None:
        told.append("It begins with one thread.")
    else:
        if step.happened:
            told.append(f"Every thread slept. Meanwhile {describe_deeds(step.happened)}.")
        told += _came_and_went(before, step)
        if step.running != before.running:
            told.append(f"Now the {step.running} runs.")
    if after is None:
        told.append("Then it has ended, and the main thread sleeps until somebody connects.")
    elif after.happened:
        told.append("This line finds nothing: now every thread sleeps in the kernel.")
    return " ".join(told)


def _moved(before: Step, step: Step) -> list[str]:
    """Return which jobs went from where to where."""
    told: list[str] = []
    for state, entered, left in _MOVES:
        were, are = before.in_state(state), step.in_state(state)
        told += [_filled(entered, task) for task in are if task not in were]
        told += [_filled(left, task) for task in were if left and task not in are]
    if before.in_state("noted") and not step.in_state("noted"):
        told.append("The kernel knows all of them, so the await list is emptied.")
    if step.running is not None and step.running != before.running:
        told.append(f"{capitalized(step.running)} runs.")
    elif step.running is None and before.running is not None:
        ended = "stops here and says what it waits for" if before.function == "__await__" else "is over"
        told.append(f"{capitalized(before.running)} {ended}; the loop has the thread again.")
    return told


def _filled(sentence: str, task: Task) -> str:
    return sentence.format(name=task.name, Name=capitalized(task.name), socket=task.socket, until=task.until)


def _came_and_went(before: Step, step: Step) -> list[str]:
    were = {task.name: task for task in before.tasks}
    are = {task.name: task for task in step.tasks}
    told = [f"The {thread} begins." for thread in are if thread not in were]
    told += [f"The {thread} has ended." for thread in were if thread not in are]
    for thread, task in are.items():
        slept = were.get(thread, task).state == "asleep"
        if task.state == "asleep" and not slept and not step.happened:
            told.append(f"The {thread} sleeps in line {task.line} until something arrives at {task.socket}.")
        elif task.state == "ready" and slept:
            told.append(f"The {thread} can continue too, when it is its turn.")
    return told


def _interned(
    steps: Sequence[Step],
    board_of: Callable[[Step], Mapping[str, Any]],
    tell: Callable[[Step | None, Step, Step | None], str],
) -> dict[str, Any]:
    """Return the steps as line, number of a board, and number of a text."""
    boards: list[Mapping[str, Any]] = []
    words: list[str] = []
    made = [
        [step.line, _number(boards, board_of(step)), _number(words, tell(before, step, after))]
        for before, step, after in zip((None, *steps[:-1]), steps, (*steps[1:], None), strict=True)
    ]
    return {"boards": boards, "words": words, "steps": made}


def _number(values: list[Any], value: object) -> int:
    """Return the place of a value in a list; it is added if it is missing."""
    if value not in values:
        values.append(value)
    return values.index(value)


def _moments(steps: Sequence[Step]) -> list[tuple[str, int]]:
    """Return the moments at which clients act, in words, and the first step after each."""
    moments = [(_BEGINNING, 0)]
    for place, step in enumerate(steps):
        if deeds := [deed for deed in step.happened if not deed.endswith(HAS_ITS_ANSWER)]:
            moments.append((capitalized(describe_deeds(deeds)), place))
    return moments


def _clients(loop: ProgramRecording, place: int) -> list[list[str]]:
    """Return each client and what it did last."""
    last = dict.fromkeys(loop.clients, "is not connected yet")
    for step in loop.steps[: place + 1]:
        for deed in step.happened:
            client, number, did = deed.split(" ", 2)
            last[f"{client} {number}"] = did
    return [[name, did] for name, did in last.items()]
