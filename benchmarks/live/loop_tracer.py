"""Records a real run of ``docs/examples/tiny_loop.py``: ``python -m benchmarks.live.loop_tracer`` prints it as JSON.

The program runs as it stands, on real sockets and the real kernel, with a tracer on its lines. Its clients are in the
same thread: they act when the loop would sleep, by a script, so that two runs take the same steps.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import select
import selectors
import socket
import sys
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from benchmarks.errors import LabError
from benchmarks.live.program_recordings import LoopRecording, Step, Waiting
from benchmarks.live.scripted_clients import CLIENTS, ScriptedClients, client_name

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "tiny_loop.py"
_PATIENCE_S = 5.0


class _ScriptOver(BaseException):
    """The clients have done all they do; not an Exception, so that the program lets it through."""


def record_loop(path: Path = EXAMPLE) -> LoopRecording:
    """Run the program with three clients and return its steps.

    It sets the thread's tracer for the length of the run: call it in a process of its own, or where no other is set.

    Args:
        path: The program.
    Raises:
        LabError: It is not there, or did not serve its clients.
    """
    if not path.is_file():
        raise LabError(f"There is no {path}: the example comes with a clone, not with the installed package.")
    program = _loaded(path)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        stack.callback(program.kernel.close)
        tracer = _Tracer(program, listener, path, stack)
        job = program.accept(listener)
        # Closed in this order: the jobs, then what they use.
        stack.callback(tracer.close_jobs)
        program.runable.append(job)
        tracer.run()
    return LoopRecording(
        source=tuple(path.read_text(encoding="utf-8").splitlines()),
        clients=tuple(client_name(number) for number in range(1, CLIENTS + 1)),
        steps=tuple(tracer.steps),
    )


class _Tracer:
    """One run: the program, its clients, and what was seen of it."""

    def __init__(self, program: ModuleType, listener: socket.socket, path: Path, stack: contextlib.ExitStack) -> None:
        self.steps: list[Step] = []
        self._program = program
        self._listener = listener
        self._file = str(path)
        self._clients = ScriptedClients(str(path), listener.getsockname(), _PATIENCE_S, stack)
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
        except _ScriptOver:
            pass
        finally:
            sys.settrace(before)

    def close_jobs(self) -> None:
        """End the jobs that are left."""
        watched = (key.data for key in self._program.kernel.get_map().values())
        for job in [*self._program.runable, *(each.job for each in (*self._program.await_list, *watched))]:
            job.close()

    def _select_after_clients(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        self._reported = ()
        ready = self._select(0)
        if not ready and timeout is None:
            # Here it would sleep.
            self._clients.read_answers()
            if not self._clients.act(self._check_arrival):
                raise _ScriptOver
            ready = self._select(_PATIENCE_S)
        self._reported = tuple(self._socket(key.fileobj) for key, _ in ready)
        return ready

    def _check_arrival(self, arrives_at: str, deed: str) -> None:
        # What is sent on loopback is there at once, but the kernel has not promised it.
        keys = self._program.kernel.get_map().values()
        watched = [key.fd for key in keys if self._socket(key.fileobj) == arrives_at]
        if not watched or not select.select(watched, [], [], _PATIENCE_S)[0]:
            raise LabError(f"{self._file}: it does not wait for {arrives_at} when {deed}.")

    def _on_call(self, frame: FrameType, _event: str, _argument: Any) -> Callable[..., Any] | None:
        return self._on_line if frame.f_code.co_filename == self._file else None

    def _on_line(self, frame: FrameType, event: str, _argument: Any) -> Callable[..., Any]:
        if event == "line":
            self.steps.append(self._step(frame))
        return self._on_line

    def _step(self, frame: FrameType) -> Step:
        program = self._program
        return Step(
            line=frame.f_lineno,
            function=frame.f_code.co_name,
            job=self._running(frame),
            happened=self._clients.take_happened(),
            runable=tuple(self._job(job) for job in program.runable),
            await_list=tuple(self._waits(program.await_list)),
            kernel=tuple(self._waits(key.data for key in program.kernel.get_map().values())),
            reported=self._reported,
            answered=tuple(self._clients.answered),
        )

    def _running(self, frame: FrameType | None) -> str | None:
        # What the loop runs, it runs in run().
        while frame is not None and frame.f_code.co_filename == self._file:
            if frame.f_code is self._program.run.__code__:
                return self._job(frame.f_locals["job"])
            frame = frame.f_back
        return None

    def _waits(self, awaitables: Iterable[Any]) -> Iterable[Waiting]:
        for each in awaitables:
            until = "readable" if each.event == selectors.EVENT_READ else "writable"
            yield Waiting(job=self._job(each.job), socket=self._socket(each.sock), until=until)

    def _job(self, job: Coroutine[Any, Any, Any]) -> str:
        # A job that is over has no variables left to look at, but has been seen before.
        if job not in self._jobs:
            frame = getattr(job, "cr_frame", None)
            name: str = getattr(job, "__name__", "a job")
            connection = frame.f_locals.get("connection") if frame is not None and name == "serve" else None
            self._jobs[job] = name if connection is None else f"{name} {self._socket(connection)}"
        return self._jobs[job]

    def _socket(self, sock: Any) -> str:
        return "listener" if sock is self._listener else self._clients.names[sock.getpeername()]


def _loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("tiny_loop", path)
    if spec is None or spec.loader is None:
        raise LabError(f"{path} is no Python module.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Print a recording as one JSON document."""
    json.dump(record_loop().to_json(), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
