"""The steps of ``docs/examples/tiny_threads.py`` as it serves the loop's three clients: values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.errors import LabError

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadState:
    """Where a thread is at one moment.

    Attributes:
        thread: Its name: ``main thread``, or ``thread of client 1``.
        line: Number of the line that it is in, from 1; of the thread that runs, the one that it runs next.
        waits_for: The socket that it sleeps on: ``listener``, or ``client 1``; ``None`` when it does not sleep.
    """

    thread: str
    line: int
    waits_for: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadsStep:
    """The moment before one thread runs one line.

    Attributes:
        thread: Which.
        line: Its number in the source, from 1.
        function: The function that it is in.
        happened: What clients did since the step before, in words; all threads slept meanwhile.
        threads: All that there are, in the order in which they came.
        answered: Clients that have their whole answer.
    """

    thread: str
    line: int
    function: str
    happened: tuple[str, ...]
    threads: tuple[ThreadState, ...]
    answered: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadsRecording:
    """One run, from its first line to its having nothing left to do.

    Attributes:
        source: The text of the program, line by line.
        clients: Their names.
        steps: In order. Which of two threads that both can go on does so first, is the kernel's affair: two runs may
            differ in that.
    """

    source: tuple[str, ...]
    clients: tuple[str, ...]
    steps: tuple[ThreadsStep, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as values of JSON."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ThreadsRecording:
        """Return the recording that ``to_json`` made a document of.

        Raises:
            LabError: It is of another shape, or a step is at a line that the source does not have.
        """
        if document.get("schema_version") != SCHEMA_VERSION:
            raise LabError(_again(f"This is no recording of version {SCHEMA_VERSION}"))
        try:
            made = cls(
                source=tuple(document["source"]),
                clients=tuple(document["clients"]),
                steps=tuple(_step(step) for step in document["steps"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise LabError(_again(f"This is no recording of the threads: {error!r}")) from error
        for step in made.steps:
            for line in (step.line, *(state.line for state in step.threads)):
                if not 1 <= line <= len(made.source):
                    raise LabError(_again(f"There is no line {line} in its source"))
        return made


def _step(document: Mapping[str, Any]) -> ThreadsStep:
    return ThreadsStep(
        thread=document["thread"],
        line=document["line"],
        function=document["function"],
        happened=tuple(document["happened"]),
        threads=tuple(ThreadState(**state) for state in document["threads"]),
        answered=tuple(document["answered"]),
    )


def _again(what: str) -> str:
    return f"{what}; record it again with `python -m benchmarks.live.threads_tracer`."
