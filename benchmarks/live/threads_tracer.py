"""Records a run of ``docs/examples/tiny_threads.py``: ``python -m benchmarks.live.threads_tracer`` prints JSON.

The unmodified program runs, its threads on real sockets and the real kernel, with a tracer on its lines. Its clients
act, by the same script as the loop's, when every thread sleeps.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from benchmarks.errors import LabError
from benchmarks.foreign_json import encode
from benchmarks.live import scripted_clients
from benchmarks.live.program_recordings import ProgramRecording, Step, Task
from benchmarks.live.scripted_clients import EXAMPLES, ScriptedClients, load, recording_of

EXAMPLE = EXAMPLES / "tiny_threads.py"
_MAIN = "main thread"


class _RunOverError(BaseException):
    """There will be no more clients; not an Exception, so that the program does not catch it."""


def record_threads(path: Path = EXAMPLE) -> ProgramRecording:
    """Run the program with three clients and return its steps.

    It sets the tracer of all threads that start meanwhile: call it where nothing else starts any.

    Args:
        path: The program.
    Raises:
        LabError: It is not there, or did not serve its clients.
    """
    program = load(path)
    # It imports its work from the loop beside it, whose kernel it does not use.
    sys.modules.pop("tiny_loop").kernel.close()
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_NotedSocket(socket.AF_INET, socket.SOCK_STREAM))
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        tracer = _Tracer(program, listener, path, stack)
        listener.noted_by = tracer
        tracer.run()
    return recording_of(path, tracer.steps)


class _NotedSocket(socket.socket):
    """A socket that reports when a thread sleeps in the kernel until something arrives on it."""

    noted_by: _Tracer

    def accept(self) -> tuple[socket.socket, Any]:
        """Wait for a client, whose socket reports the same."""
        with self.noted_by.in_kernel(self):
            accepted, address = super().accept()
        if self.noted_by.is_over:
            accepted.close()
            raise _RunOverError
        connection = _NotedSocket(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        connection.noted_by = self.noted_by
        return connection, address

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Wait for bytes."""
        with self.noted_by.in_kernel(self):
            return super().recv(bufsize, flags)


class _Tracer:
    """One run: the program, its clients, and its steps."""

    def __init__(self, program: ModuleType, listener: _NotedSocket, path: Path, stack: contextlib.ExitStack) -> None:
        self.steps: list[Step] = []
        self.is_over = False
        self._program = program
        self._listener = listener
        self._file = str(path)
        self._clients = ScriptedClients(listener, path, stack)
        # One at a time: a thread that is about to run a line, or the clients.
        self._turn = threading.Condition(threading.RLock())
        self._names: dict[threading.Thread, str] = {}
        self._lines: dict[threading.Thread, int] = {}
        self._in_kernel: dict[threading.Thread, _NotedSocket] = {}
        self._came_back = 0
        self._others: frozenset[threading.Thread] = frozenset()

    def run(self) -> None:
        """Run the program in threads of its own, and let the clients act each time all of them sleep."""
        self._others = frozenset(threading.enumerate())
        before = threading.gettrace()
        threading.settrace(self._on_call)
        main = threading.Thread(target=self._accept, daemon=True)
        try:
            main.start()
            with self._turn:
                self._await_sleep(0, "it begins")
                while True:
                    self._clients.read_answers()
                    came_back = self._came_back
                    if not (deeds := self._clients.act()):
                        break
                    self._await_sleep(came_back + len(deeds), " and ".join(deeds))
        finally:
            threading.settrace(before)
            self.is_over = True
            # One more client releases the main thread.
            socket.create_connection(self._listener.getsockname(), scripted_clients.PATIENCE_S).close()
            main.join(scripted_clients.PATIENCE_S)

    @contextlib.contextmanager
    def in_kernel(self, sock: _NotedSocket) -> Iterator[None]:
        """Note that this thread is in the kernel with a socket during a ``with`` block."""
        thread = threading.current_thread()
        with self._turn:
            self._in_kernel[thread] = sock
            self._turn.notify_all()
        try:
            yield
        finally:
            with self._turn:
                del self._in_kernel[thread]
                self._came_back += 1

    def _accept(self) -> None:
        with contextlib.suppress(_RunOverError):
            self._program.accept(self._listener)

    def _await_sleep(self, came_back: int, when: str) -> None:
        """Wait until threads have returned from the kernel this many times, and all sleep in it again."""

        def is_so() -> bool:
            alive = set(threading.enumerate()) - self._others
            asleep = {thread for thread, sock in self._in_kernel.items() if not _is_readable(sock)}
            return self._came_back >= came_back and alive <= asleep

        # A thread that ends sends no notification, so this polls.
        for _ in range(round(scripted_clients.PATIENCE_S / 0.01)):
            if self._turn.wait_for(is_so, 0.01):
                return
        raise LabError(f"{self._file}: it does not come to rest when {when}.")

    def _on_call(self, frame: FrameType, _event: str, _argument: Any) -> Callable[..., Any] | None:
        return self._on_line if frame.f_code.co_filename == self._file else None

    def _on_line(self, frame: FrameType, event: str, _argument: Any) -> Callable[..., Any] | None:
        with self._turn:
            if self.is_over:
                return None
            thread = threading.current_thread()
            if event == "line":
                self._names.setdefault(thread, self._name(frame))
                self._lines[thread] = frame.f_lineno
                tasks = [self._task(each, line, is_running=each is thread) for each, line in self._lines.items()]
                step = Step(
                    line=frame.f_lineno,
                    function=frame.f_code.co_name,
                    tasks=tuple(tasks),
                    happened=self._clients.take_happened(),
                    answered=tuple(self._clients.answered),
                )
                self.steps.append(step)
            elif event == "return":
                self._lines.pop(thread, None)
        return self._on_line

    def _task(self, thread: threading.Thread, line: int, *, is_running: bool) -> Task:
        name, sock = self._names[thread], self._in_kernel.get(thread)
        if is_running or sock is None or _is_readable(sock):
            return Task(name=name, state="running" if is_running else "ready", line=line)
        return Task(name=name, state="asleep", socket=self._clients.name_of(sock), line=line)

    def _name(self, frame: FrameType) -> str:
        connection = frame.f_locals.get("connection") if frame.f_code.co_name == "serve" else None
        return _MAIN if connection is None else f"thread of {self._clients.name_of(connection)}"


def _is_readable(sock: socket.socket) -> bool:
    return bool(select.select([sock], [], [], 0)[0])


if __name__ == "__main__":
    json.dump(encode(record_threads()), sys.stdout, indent=1)
