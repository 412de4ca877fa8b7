"""The steps of ``docs/examples/tiny_loop.py`` as it serves three clients: values that a page steps through, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.errors import LabError

SCHEMA_VERSION = 1


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
class LoopRecording:
    """One run of the loop, from its first line to its having nothing left to do.

    Attributes:
        source: The text of the program, line by line.
        clients: Their names.
        steps: In order.
    """

    source: tuple[str, ...]
    clients: tuple[str, ...]
    steps: tuple[Step, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as values of JSON."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> LoopRecording:
        """Return the recording that ``to_json`` made a document of.

        Raises:
            LabError: It is of another shape, or a step is at a line that the source does not have.
        """
        if document.get("schema_version") != SCHEMA_VERSION:
            raise LabError(_again(f"this is no recording of version {SCHEMA_VERSION}"))
        try:
            made = cls(
                source=tuple(document["source"]),
                clients=tuple(document["clients"]),
                steps=tuple(_step(step) for step in document["steps"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise LabError(_again(f"this is no recording of the loop: {error!r}")) from error
        for step in made.steps:
            if not 1 <= step.line <= len(made.source):
                raise LabError(_again(f"there is no line {step.line} in its source"))
        return made


def _step(document: Mapping[str, Any]) -> Step:
    lists = ("happened", "runable", "reported", "answered")
    return Step(
        line=document["line"],
        function=document["function"],
        job=document["job"],
        **{name: tuple(document[name]) for name in lists},
        await_list=tuple(Waiting(**waiting) for waiting in document["await_list"]),
        kernel=tuple(Waiting(**waiting) for waiting in document["kernel"]),
    )


def _again(what: str) -> str:
    return f"{what[0].upper()}{what[1:]}; record it again with `python -m benchmarks.live.loop_tracer`."
