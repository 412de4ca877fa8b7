"""Records a real run of ``docs/examples/tiny_threads.py``: ``python -m benchmarks.live.threads_tracer`` prints JSON.

The program runs as it stands, its threads on real sockets and the real kernel, with a tracer on its lines. Its clients
act, by the loop's script, when every thread sleeps.
"""

from __future__ import annotations

import contextlib
import importlib.util
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
from benchmarks.live.loop_tracer import EXAMPLE as LOOP
from benchmarks.live.program_recordings import ThreadsRecording, ThreadsStep, ThreadState
from benchmarks.live.scripted_clients import CLIENTS, ScriptedClients, client_name

EXAMPLE = LOOP.with_name("tiny_threads.py")
_MAIN = "main thread"
_PATIENCE_S = 5.0


class _RunOver(BaseException):
    """There will be no more clients; not an Exception, so that the program lets it through."""


def record_threads(path: Path = EXAMPLE) -> ThreadsRecording:
    """Run the program with three clients and return its steps.

    It sets the tracer of all threads that start meanwhile: call it where nobody else starts any.

    Args:
        path: The program.
    Raises:
        LabError: It is not there, or did not serve its clients.
    """
    if not path.is_file():
        raise LabError(f"There is no {path}: the example comes with a clone, not with the installed package.")
    program = _loaded(path)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_NotedSocket(socket.AF_INET, socket.SOCK_STREAM))
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        tracer = _Tracer(program, listener, path, stack)
        listener.noted_by = tracer
        tracer.run()
    return ThreadsRecording(
        source=tuple(path.read_text(encoding="utf-8").splitlines()),
        clients=tuple(client_name(number) for number in range(1, CLIENTS + 1)),
        steps=tuple(tracer.steps),
    )


class _NotedSocket(socket.socket):
    """A socket that says when a thread goes into the kernel with it, to come back when there is something."""

    noted_by: _Tracer

    def accept(self) -> tuple[socket.socket, Any]:
        """Wait for a client; its socket says the same."""
        with self.noted_by.in_kernel(self):
            accepted, address = super().accept()
        if self.noted_by.is_over:
            accepted.close()
            raise _RunOver
        connection = _NotedSocket(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        connection.noted_by = self.noted_by
        return connection, address

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Wait for bytes."""
        with self.noted_by.in_kernel(self):
            return super().recv(bufsize, flags)


class _Tracer:
    """One run: the program, its clients, and what was seen of it."""

    def __init__(self, program: ModuleType, listener: _NotedSocket, path: Path, stack: contextlib.ExitStack) -> None:
        self.steps: list[ThreadsStep] = []
        self.is_over = False
        self._program = program
        self._listener = listener
        self._file = str(path)
        self._clients = ScriptedClients(str(path), listener.getsockname(), _PATIENCE_S, stack)
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
                self._let_clients_act()
        finally:
            threading.settrace(before)
            self.is_over = True
            # One client more lets the main thread go.
            socket.create_connection(self._listener.getsockname(), _PATIENCE_S).close()
            main.join(_PATIENCE_S)

    def _let_clients_act(self) -> None:
        self._await_sleep(0, "it begins")
        while True:
            deeds: list[str] = []
            self._clients.read_answers()
            awaited = self._came_back + self._clients.act(lambda _, deed: deeds.append(deed))  # noqa: B023 (called at once)
            if not deeds:
                return
            self._await_sleep(awaited, " and ".join(deeds))

    @contextlib.contextmanager
    def in_kernel(self, sock: _NotedSocket) -> Iterator[None]:
        """Say that this thread is in the kernel with a socket, for the length of a ``with`` block."""
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
        with contextlib.suppress(_RunOver):
            self._program.accept(self._listener)

    def _await_sleep(self, came_back: int, when: str) -> None:
        """Wait until threads have come back from the kernel so many times, and all are in it again, asleep."""

        def is_so() -> bool:
            alive = set(threading.enumerate()) - self._others
            asleep = {thread for thread, sock in self._in_kernel.items() if not _is_readable(sock)}
            return self._came_back >= came_back and alive <= asleep

        # A thread that ends tells nobody; so it is looked for.
        for _ in range(round(_PATIENCE_S / 0.01)):
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
                self.steps.append(self._step(thread, frame))
            elif event == "return":
                self._lines.pop(thread, None)
        return self._on_line

    def _step(self, thread: threading.Thread, frame: FrameType) -> ThreadsStep:
        return ThreadsStep(
            thread=self._names[thread],
            line=frame.f_lineno,
            function=frame.f_code.co_name,
            happened=self._clients.take_happened(),
            threads=tuple(
                ThreadState(thread=self._names[each], line=line, waits_for=self._waits_for(each))
                for each, line in self._lines.items()
            ),
            answered=tuple(self._clients.answered),
        )

    def _waits_for(self, thread: threading.Thread) -> str | None:
        sock = self._in_kernel.get(thread)
        return None if sock is None or _is_readable(sock) else self._socket(sock)

    def _name(self, frame: FrameType) -> str:
        connection = frame.f_locals.get("connection") if frame.f_code.co_name == "serve" else None
        return _MAIN if connection is None else f"thread of {self._socket(connection)}"

    def _socket(self, sock: _NotedSocket) -> str:
        return "listener" if sock is self._listener else self._clients.names[sock.getpeername()]


def _is_readable(sock: socket.socket) -> bool:
    return bool(select.select([sock], [], [], 0)[0])


def _loaded(path: Path) -> ModuleType:
    # It takes its work from the loop beside it, as it would when run as a script.
    modules = {}
    for name, source in (("tiny_loop", LOOP), ("tiny_threads", path)):
        spec = importlib.util.spec_from_file_location(name, source)
        if spec is None or spec.loader is None:
            raise LabError(f"{source} is no Python module.")
        modules[name] = importlib.util.module_from_spec(spec)
        before = sys.modules.get("tiny_loop")
        sys.modules["tiny_loop"] = modules["tiny_loop"]
        try:
            spec.loader.exec_module(modules[name])
        finally:
            if before is None:
                del sys.modules["tiny_loop"]
            else:
                sys.modules["tiny_loop"] = before
    modules["tiny_loop"].kernel.close()
    return modules["tiny_threads"]


def main() -> None:
    """Print a recording as one JSON document."""
    json.dump(record_threads().to_json(), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
