"""The steps of the two tiny programs of ``docs/examples/`` as they serve three clients: values and no I/O.

``tiny_loop.py`` and ``tiny_threads.py`` are recorded line by line, and the page steps through both side by side.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from benchmarks.errors import LabError
from benchmarks.foreign_json import ForeignJSONError, decode, encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A job and the socket that it waits for.

    Attributes:
        job: Its name: ``accept``, or ``serve client 1``.
        socket: What it waits on: ``listener``, or ``client 1``.
        until: ``readable`` or ``writable``.
    """

    job: str
    socket: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The moment before one line runs.

    Attributes:
        line: Its number in the source, from 1.
        function: The function that it is in.
        job: The job that runs; ``None`` when the loop itself does.
        happened: What clients did since the step before, in words; the loop slept meanwhile.
        runable: Jobs that can go on, the next first.
        await_list: What jobs have begun to wait for and the kernel does not know of yet.
        kernel: What the kernel watches.
        reported: What the kernel reported last, while the loop works it off: sockets.
        answered: Clients that have their whole answer.
    """

    line: int
    function: str
    job: str | None
    happened: tuple[str, ...]
    runable: tuple[str, ...]
    await_list: tuple[Waiting, ...]
    kernel: tuple[Waiting, ...]
    reported: tuple[str, ...]
    answered: tuple[str, ...]


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
class ProgramRecording(ABC):
    """One run of a program, from its first line to its having nothing left to do.

    Attributes:
        source: The text of the program, line by line.
        clients: Their names.
        schema_version: Of the document.
    """

    TRACER: ClassVar[str]
    """The module that records it."""

    source: tuple[str, ...]
    clients: tuple[str, ...]
    schema_version: Literal[1] = 1

    @abstractmethod
    def lines(self) -> Iterator[int]:
        """Yield the number of every line that a step names."""

    def to_json(self) -> dict[str, Any]:
        """Return it as values of JSON."""
        return encode(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the recording that ``to_json`` made a document of.

        Raises:
            LabError: It is of another shape, or a step is at a line that the source does not have.
        """
        again = f"record it again with `python -m {cls.TRACER}`."
        try:
            made = decode(cls, document)
        except ForeignJSONError as error:
            raise LabError(f"This is not a recording of the program: {error}; {again}") from error
        for line in made.lines():
            if not 1 <= line <= len(made.source):
                raise LabError(f"There is no line {line} in its source; {again}")
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopRecording(ProgramRecording):
    """One run of the loop.

    Attributes:
        steps: In order.
    """

    TRACER = "benchmarks.live.loop_tracer"

    steps: tuple[Step, ...]

    def lines(self) -> Iterator[int]:
        """Yield the number of every line that a step names."""
        yield from (step.line for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadsRecording(ProgramRecording):
    """One run of the threads.

    Attributes:
        steps: In order. Which of two threads that can both continue does so first is decided by the kernel: two runs
            may differ in that.
    """

    TRACER = "benchmarks.live.threads_tracer"

    steps: tuple[ThreadsStep, ...]

    def lines(self) -> Iterator[int]:
        """Yield the number of every line that a step or a thread in it names."""
        for step in self.steps:
            yield from (step.line, *(state.line for state in step.threads))
