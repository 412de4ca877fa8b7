"""The steps of the two tiny programs of ``docs/examples/`` as they serve three clients: values and no I/O.

``tiny_loop.py`` and ``tiny_threads.py`` are recorded line by line, and the page steps through both side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TaskState = Literal["running", "ready", "noted", "asleep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a program has to do, at one moment: a job of the loop, or a thread.

    Attributes:
        name: ``accept`` or ``serve client 1``; ``main thread`` or ``thread of client 1``.
        state: ``running``; ``ready`` to run; ``noted`` in the loop's await list, unknown to the kernel as yet; or
            ``asleep`` until the kernel wakes it.
        socket: What it waits for: ``listener`` or ``client 1``; ``None`` when it does not wait.
        until: What a job waits for its socket to become: ``readable`` or ``writable``; ``None`` for a thread.
        line: Number of the line that a thread is in, from 1; of the running one, the line that it runs next. ``None``
            for a job.
    """

    name: str
    state: TaskState
    socket: str | None = None
    until: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The moment before one line runs.

    Attributes:
        line: Its number in the source, from 1.
        function: The function that it is in.
        tasks: Jobs that are ready, the next first, then those that wait; or threads, in the order in which they began.
        happened: What clients did since the step before, in words; the whole program slept meanwhile.
        reported: Sockets that the kernel reported last, while the loop handles them; empty for threads.
        answered: Clients that have their whole answer.
    """

    line: int
    function: str
    tasks: tuple[Task, ...]
    happened: tuple[str, ...]
    reported: tuple[str, ...] = ()
    answered: tuple[str, ...]

    @property
    def running(self) -> str | None:
        """Name of the task that runs; ``None`` when the loop itself does."""
        return next((task.name for task in self.tasks if task.state == "running"), None)

    def in_state(self, state: TaskState) -> tuple[Task, ...]:
        """Return the tasks in a state."""
        return tuple(task for task in self.tasks if task.state == state)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRecording:
    """One run of a program, from its first line until it has nothing left to do.

    Attributes:
        source: The text of the program, line by line.
        clients: Their names.
        steps: In order. Which of two threads that are both ready runs first is the kernel's decision: two runs may
            differ in that.
        schema_version: Of the document.
    """

    source: tuple[str, ...]
    clients: tuple[str, ...]
    steps: tuple[Step, ...]
    schema_version: Literal[2] = 2
