"""Records a run of ``docs/examples/tiny_loop.py``: ``python -m benchmarks.live.loop_tracer`` prints it as JSON.

The unmodified program runs on real sockets and the real kernel, with a tracer on its lines. Its clients are in the same
thread: they act when the loop would sleep, by a script, so that two runs take the same steps.
"""

from __future__ import annotations

import contextlib
import json
import select
import selectors
import socket
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from benchmarks.errors import LabError
from benchmarks.foreign_json import encode
from benchmarks.live import scripted_clients
from benchmarks.live.program_recordings import ProgramRecording, Step, Task, TaskState
from benchmarks.live.scripted_clients import EXAMPLES, ScriptedClients, load, recording_of

EXAMPLE = EXAMPLES / "tiny_loop.py"


class _ScriptOverError(BaseException):
    """The clients have nothing left to do; not an Exception, so that the program does not catch it."""


def record_loop(path: Path = EXAMPLE) -> ProgramRecording:
    """Run the program with three clients and return its steps.

    It sets the thread's tracer during the run: call it in a process of its own, or where no other is set.

    Args:
        path: The program.
    Raises:
        LabError: It is not there, or did not serve its clients.
    """
    program = load(path)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        stack.callback(program.kernel.close)
        tracer = _Tracer(program, listener, path, stack)
        job = program.accept(listener)
        # Closed in this order: the jobs, then what they use.
        stack.callback(tracer.close_jobs)
        program.runable.append(job)
        tracer.run()
    return recording_of(path, tracer.steps)


class _Tracer:
    """One run: the program, its clients, and its steps."""

    def __init__(self, program: ModuleType, listener: socket.socket, path: Path, stack: contextlib.ExitStack) -> None:
        self.steps: list[Step] = []
        self._program = program
        self._file = str(path)
        self._clients = ScriptedClients(listener, path, stack)
        self._jobs: dict[Coroutine[Any, Any, Any], str] = {}
        self._reported: tuple[str, ...] = ()
        self._select: Callable[..., list[tuple[selectors.SelectorKey, int]]] = program.kernel.select
        program.kernel.select = self._select_after_clients

    def run(self) -> None:
        """Run the program's loop under the tracer until the clients have nothing left to do."""
        before = sys.gettrace()
        sys.settrace(self._on_call)
        try:
            self._program.loop()
        except _ScriptOverError:
            pass
        finally:
            sys.settrace(before)

    def close_jobs(self) -> None:
        """End the jobs that are left."""
        for job in [*self._program.runable, *(each.job for each in (*self._program.await_list, *self._watched()))]:
            job.close()

    def _watched(self) -> list[Any]:
        return [key.data for key in self._program.kernel.get_map().values()]

    def _select_after_clients(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        self._reported = ()
        ready = self._select(0)
        if not ready and timeout is None:
            # Here it would sleep.
            self._clients.read_answers()
            if not self._clients.act(self._check_arrival):
                raise _ScriptOverError
            ready = self._select(scripted_clients.PATIENCE_S)
        self._reported = tuple(self._clients.name_of(key.data.sock) for key, _ in ready)
        return ready

    def _check_arrival(self, at: str, deed: str) -> None:
        # What is sent on loopback arrives at once, but the kernel does not guarantee it.
        watched = [each.sock for each in self._watched() if self._clients.name_of(each.sock) == at]
        if not watched or not select.select(watched, [], [], scripted_clients.PATIENCE_S)[0]:
            raise LabError(f"{self._file}: it does not wait for {at} when {deed}.")

    def _on_call(self, frame: FrameType, _event: str, _argument: Any) -> Callable[..., Any] | None:
        return self._on_line if frame.f_code.co_filename == self._file else None

    def _on_line(self, frame: FrameType, event: str, _argument: Any) -> Callable[..., Any]:
        if event == "line":
            self.steps.append(
                Step(
                    line=frame.f_lineno,
                    function=frame.f_code.co_name,
                    tasks=tuple(self._tasks(frame)),
                    happened=self._clients.take_happened(),
                    reported=self._reported,
                    answered=tuple(self._clients.answered),
                )
            )
        return self._on_line

    def _tasks(self, frame: FrameType | None) -> Iterator[Task]:
        # What the loop runs, it runs in run().
        while frame is not None and frame.f_code.co_filename == self._file:
            if frame.f_code is self._program.run.__code__:
                yield Task(name=self._job(frame.f_locals["job"]), state="running")
            frame = frame.f_back
        for job in self._program.runable:
            yield Task(name=self._job(job), state="ready")
        yield from self._waiting(self._program.await_list, "noted")
        yield from self._waiting(self._watched(), "asleep")

    def _waiting(self, awaitables: Iterable[Any], state: TaskState) -> Iterator[Task]:
        for each in awaitables:
            until = "readable" if each.event == selectors.EVENT_READ else "writable"
            yield Task(name=self._job(each.job), state=state, socket=self._clients.name_of(each.sock), until=until)

    def _job(self, job: Coroutine[Any, Any, Any]) -> str:
        # A job that is over has no variables any more, but was named before.
        if job not in self._jobs:
            frame = getattr(job, "cr_frame", None)
            name: str = getattr(job, "__name__", "a job")
            connection = frame.f_locals.get("connection") if frame is not None and name == "serve" else None
            self._jobs[job] = name if connection is None else f"{name} {self._clients.name_of(connection)}"
        return self._jobs[job]


if __name__ == "__main__":
    json.dump(encode(record_loop()), sys.stdout, indent=1)
