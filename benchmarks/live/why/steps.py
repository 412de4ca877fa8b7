"""Shapes the two programs' recorded runs for the page: moments, boards and words; values and no I/O.

Both runs have the same moments, for their clients act by one script: so the page can lay one beside the other. What
many steps share is there once, and the steps name it by its number: a class loads this over one Wi-Fi.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from benchmarks.errors import LabError
from benchmarks.live.program_recordings import LoopRecording, Step, ThreadsRecording, ThreadsStep, ThreadState, Waiting
from benchmarks.live.scripted_clients import HAS_ITS_ANSWER, listed, tell_deeds

_AnyStep = TypeVar("_AnyStep", Step, ThreadsStep)
_BEGINNING: Final = "Nobody is there yet"


def steps_document(loop: LoopRecording, threads: ThreadsRecording) -> dict[str, Any]:
    """Return what the page steps through, as values of JSON.

    Raises:
        LabError: Their clients did not do the same.
    """
    moments, of_threads = _moments(loop.steps), _moments(threads.steps)
    if [title for title, _ in moments] != [title for title, _ in of_threads]:
        raise LabError("The runs of loop and threads differ: record both again, `python -m benchmarks.live.why.ship`.")
    return {
        "moments": [
            {
                "title": title,
                "loop": index,
                "threads": threads_index,
                "clients": _clients(loop, index),
            }
            for (title, index), (_, threads_index) in zip(moments, of_threads, strict=True)
        ],
        "loop": _interned(loop.steps, loop_board, tell_loop_step),
        "threads": _interned(threads.steps, threads_board, tell_threads_step),
    }


def loop_board(step: Step) -> Mapping[str, Any]:
    """Return what is where at a step of the loop."""
    return {
        "job": step.job,
        "runable": list(step.runable),
        "await_list": [[waiting.job, _until(waiting)] for waiting in step.await_list],
        "kernel": [[waiting.job, _until(waiting), waiting.socket in step.reported] for waiting in step.kernel],
        "reported": list(step.reported),
    }


def threads_board(step: ThreadsStep) -> Mapping[str, Any]:
    """Return where each thread is at a step of the threads."""
    return {
        "threads": [[state.thread, state.line, _doing(step, state)] for state in step.threads],
    }


def tell_loop_step(before: Step | None, step: Step, after: Step | None) -> str:
    """Say what the line before did, and where the loop sleeps next.

    Args:
        before: The step before; ``None`` for the first.
        step: The step.
        after: The step after; ``None`` for the last.
    """
    told: list[str] = []
    if before is None:
        told.append(f"It begins with one job, {listed(step.runable)}.")
    else:
        if step.happened:
            told.append(f"The loop slept. Meanwhile {tell_deeds(step.happened)}.")
        if step.reported and step.reported != before.reported:
            told.append(f"The kernel reports {listed(step.reported)}.")
        told += _moved(before, step)
    if after is None:
        told.append("There is nothing left to do: here it sleeps until somebody connects.")
    elif after.happened:
        told.append("There is nothing to run: here the loop sleeps until the kernel has something for it.")
    return " ".join(told)


def tell_threads_step(before: ThreadsStep | None, step: ThreadsStep, after: ThreadsStep | None) -> str:
    """Say what came about since the step before, and where all sleep next.

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
            told.append(f"Every thread slept. Meanwhile {tell_deeds(step.happened)}.")
        told += _came_and_went(before, step)
        if step.thread != before.thread:
            told.append(f"Now {_the(step.thread)} runs.")
    if after is None:
        told.append("Then it has ended, and the main thread sleeps until somebody connects.")
    elif after.happened:
        told.append("This line finds nothing: now every thread sleeps in the kernel.")
    return " ".join(told)


def _moved(before: Step, step: Step) -> list[str]:
    """Say which jobs went from where to where."""
    told = [
        f"The kernel watches {waiting.socket} for {waiting.job}, until it is {waiting.until}."
        for waiting in step.kernel
        if waiting not in before.kernel
    ]
    told += [
        f"The kernel need not watch {waiting.socket} any longer."
        for waiting in before.kernel
        if waiting not in step.kernel
    ]
    told += [f"{_upper(job)} can go on, and stands in line." for job in step.runable if job not in before.runable]
    told += [f"{_upper(job)} is next." for job in before.runable if job not in step.runable]
    told += [
        f"{_upper(waiting.job)} is noted: it waits for {_until(waiting)}."
        for waiting in step.await_list
        if waiting not in before.await_list
    ]
    if before.await_list and not step.await_list:
        told.append("The kernel knows all of them, so the await list is emptied.")
    if step.job != before.job:
        told.append(_changed_hands(before, step))
    return told


def _changed_hands(before: Step, step: Step) -> str:
    if step.job is not None:
        return f"{_upper(step.job)} runs."
    assert before.job is not None  # noqa: S101 (one of the two is a job)
    if before.function == "__await__":
        return f"{_upper(before.job)} stops here and says what it waits for; the loop has the thread again."
    return f"{_upper(before.job)} is over; the loop has the thread again."


def _came_and_went(before: ThreadsStep, step: ThreadsStep) -> list[str]:
    were = {state.thread: state for state in before.threads}
    are = {state.thread: state for state in step.threads}
    told = [f"{_upper(_the(thread))} begins." for thread in are if thread not in were]
    told += [f"{_upper(_the(thread))} has ended." for thread in were if thread not in are]
    for thread, state in are.items():
        was = were.get(thread)
        if was is None:
            continue
        if state.waits_for is not None and was.waits_for is None and not step.happened:
            told.append(
                f"{_upper(_the(thread))} sleeps in line {state.line} until there is something at {state.waits_for}."
            )
        elif state.waits_for is None and was.waits_for is not None and thread != step.thread:
            told.append(f"{_upper(_the(thread))} can go on too, when it is its turn.")
    return told


def _doing(step: ThreadsStep, state: ThreadState) -> str:
    if state.thread == step.thread:
        return "runs"
    return "can go on" if state.waits_for is None else f"sleeps: {state.waits_for}"


def _interned(
    steps: Sequence[_AnyStep],
    board_of: Callable[[_AnyStep], Mapping[str, Any]],
    tell: Callable[[_AnyStep | None, _AnyStep, _AnyStep | None], str],
) -> dict[str, Any]:
    """Return the steps as line, number of a board, and number of a text."""
    boards: list[Mapping[str, Any]] = []
    words: list[str] = []
    made: list[list[int]] = []
    for place, step in enumerate(steps):
        before = steps[place - 1] if place else None
        after = steps[place + 1] if place + 1 < len(steps) else None
        made.append([step.line, _number(boards, board_of(step)), _number(words, tell(before, step, after))])
    return {"boards": boards, "words": words, "steps": made}


_Value = TypeVar("_Value")


def _number(values: list[_Value], value: _Value) -> int:
    """Return the place of a value in a list, into which it is put if it is not there."""
    if value not in values:
        values.append(value)
    return values.index(value)


def _moments(steps: Sequence[Step | ThreadsStep]) -> list[tuple[str, int]]:
    """Return the moments at which clients act, in words, and the step at which each shows."""
    moments = [(_BEGINNING, 0)]
    for place, step in enumerate(steps):
        deeds = _deeds(step.happened)
        if deeds:
            moments.append((_upper(tell_deeds(deeds)), place))
    return moments


def _deeds(happened: Sequence[str]) -> list[str]:
    return [deed for deed in happened if not deed.endswith(HAS_ITS_ANSWER)]


def _clients(loop: LoopRecording, index: int) -> list[list[str]]:
    """Return each client and what it did last."""
    last = dict.fromkeys(loop.clients, "is not there yet")
    for step in loop.steps[: index + 1]:
        for deed in step.happened:
            name = next(client for client in loop.clients if deed.startswith(f"{client} "))
            last[name] = deed.removeprefix(f"{name} ")
    return [[name, did] for name, did in last.items()]


def _until(waiting: Waiting) -> str:
    return f"{waiting.socket}, {waiting.until}"


def _the(thread: str) -> str:
    return f"the {thread}"


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]
