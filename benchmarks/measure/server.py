"""Starts a contender's real server on a free loopback port, waits until it answers, and always reaps it."""

from __future__ import annotations

import contextlib
import http.client
import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from benchmarks.child_log import ChildLog
from benchmarks.contenders.own_python import NO_BYTECODE, expanded
from benchmarks.errors import LabError
from benchmarks.measure.load.request import filler
from benchmarks.model import Contender, Workload
from benchmarks.process import HOME, listener, listening_at, output_of, python, start

HOST = "127.0.0.1"
_POLL_S = 0.02
_POLL_TIMEOUT_S = 1.0
_PART_BYTES = 2**16
_DYING_S = 0.5
_TAKEN = ("address already in use", "connection in use")
_ENDED_WITH = {
    0: ": it was done, or went into the background. Start one that stays in the foreground",
    127: ": there is no such program",
}
_LOG_TAIL_LINES = 15
_PORT_ATTEMPTS = 3
_PUT_BACK_TIMEOUT_S = 60.0

NO_SETTINGS: Mapping[str, str] = {}
"""Of a service with its defaults."""


class ServerError(LabError):
    """A server did not start or did not answer; the message shows its command and the tail of its log."""


class _PortTakenError(ServerError):
    """Somebody took the free port before the server could bind it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, as far as contenders are compared by it; it took so long from the request to its last byte.

    Of the headers it has the names, in lower case.
    """

    status: int
    content_type: str
    body: bytes
    location: str = ""
    took_ms: float = 0.0
    headers: tuple[str, ...] = ()


class RunningServer:
    """A server on its way up, and then one that answers.

    While it starts, others can start beside it, on all the cores that there are.

    Args:
        stack: Ends it.
        contender: What starts.
        cpus: See ``running``, as for the other arguments.
        stop_grace_s: The same.
        host: Address of this machine that it binds.
        settings: The same.

    Attributes:
        contender: The same.
        started: Its process, leader of its own process group; ``None`` for what ran already.
        port: Its TCP port on ``host``.
        host: Its address.
    """

    def __init__(
        self,
        stack: contextlib.ExitStack,
        contender: Contender,
        *,
        cpus: Sequence[int] = (),
        stop_grace_s: float = 1.0,
        host: str = HOST,
        settings: Mapping[str, str] = NO_SETTINGS,
    ) -> None:
        self._stack = stack
        self.contender = contender
        self._cpus = cpus
        self._stop_grace_s = stop_grace_s
        self.host = host
        self._settings = settings
        self.started: subprocess.Popen[bytes] | None = None
        self._launch()

    def _launch(self) -> None:
        self._log = self._stack.enter_context(ChildLog())
        if self.contender.url:
            parts = urlsplit(self.contender.url)
            self.port, self.host = parts.port or 80, parts.hostname or self.host
            return
        self.port = free_port(self.host)
        self.started = start(
            self._stack,
            command_of(self.contender, self.port, self.host),
            {**_environment(self.contender), **self._settings, "PYTHONUNBUFFERED": "1"},
            ((signal.SIGTERM, self._stop_grace_s),),
            stdout=self._log.file,
            stderr=self._log.file,
            # Servers import from their working folder before they look anywhere else.
            cwd=self.contender.folder or HOME,
        ).process
        # This process may keep off the server's cores, and its children inherit that.
        if self._cpus and hasattr(os, "sched_getaffinity"):
            _pin(self.started.pid, sorted({*self._cpus, *os.sched_getaffinity(0)}))

    def wait_until_ready(self, path: str, timeout_s: float = 20.0) -> Self:
        """Return once it answers, and is on its cores; args and errors are those of ``running``."""
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            try:
                self._await_answer(path, timeout_s)
            except _PortTakenError:
                if attempt == _PORT_ATTEMPTS:
                    raise
                self._launch()
            else:
                break
        if self.started is not None:
            _pin(self.started.pid, self._cpus)
        return self

    def _await_answer(self, path: str, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        patience_s, fault = _POLL_TIMEOUT_S, ""
        while (left_s := deadline - time.monotonic()) > 0:
            if (death := self.death()) is not None:
                if any(sign in self._log.text().lower() for sign in _TAKEN):
                    cure = ": its port is taken. Have it listen on {port}, which the lab fills in"
                    raise _PortTakenError(self.explain(f"{death}{cure}"))
                raise ServerError(self.explain(death))
            try:
                self._ask(Workload(name="", path=path), min(patience_s, max(_POLL_S, left_s)))
            except TimeoutError as error:
                # Some answers take longer, and would else be cut off each time.
                patience_s, fault = 2 * patience_s, str(error)
            except (OSError, http.client.HTTPException) as error:
                fault = str(error) or repr(error)
                time.sleep(_POLL_S)
            else:
                # If this server is dead, the answer came from another process.
                if self.death() is None:
                    return
        raise ServerError(
            self.explain(f"did not answer GET {path} within {timeout_s:g} s ({fault}){self._listening_at()}")
        )

    def get(self, path: str, timeout_s: float = 10.0) -> Answer:
        """Ask once.

        Raises:
            ServerError: No answer.
        """
        return self.ask(Workload(name="", path=path), timeout_s)

    def ask(self, workload: Workload, timeout_s: float = 10.0, twin: Contender | None = None) -> Answer:
        """Send a workload's request once.

        Args:
            workload: What is asked.
            timeout_s: For how long an answer is awaited, seconds.
            twin: Whose view of the same app to ask; by default that of the contender which was started.
        Raises:
            ServerError: No answer.
        """
        try:
            return self._ask(workload, timeout_s, twin)
        except (OSError, http.client.HTTPException) as error:
            asked = f"{workload.method} {workload.path_for(twin or self.contender)}"
            # One whose connection has just ended may be about to.
            with contextlib.suppress(subprocess.TimeoutExpired):
                if self.started is not None and not isinstance(error, TimeoutError):
                    self.started.wait(_DYING_S)
            raise ServerError(self.explain(f"did not answer {asked}: {self.death() or error}")) from error

    def _ask(self, workload: Workload, timeout_s: float, twin: Contender | None = None) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout_s)
        ends_s = time.monotonic() + timeout_s
        try:
            asked = rendered(workload, twin or self.contender, filler())
            connection.connect()
            began_s = time.perf_counter()
            connection.request(workload.method, *asked)
            response = connection.getresponse()
            kind = response.headers.get_content_type()
            answered, took_ms = _read(response, ends_s), 1000 * (time.perf_counter() - began_s)
            headers = tuple(name.lower() for name in response.headers)
            return Answer(response.status, kind, answered, response.headers.get("Location", ""), took_ms, headers)
        finally:
            connection.close()

    def printed_bytes(self) -> int:
        """Return how much it has printed so far, as long as its log was not cut."""
        return self._log.size()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that was started.

        Raises:
            ServerError: None was.
        """
        if self.started is None:
            raise ServerError(self.explain("was not started by the lab"))
        return self.started

    @property
    def pid(self) -> int | None:
        """Of the process that listens; ``None`` where it belongs to somebody else."""
        return listener(self.port) if self.started is None else self.started.pid

    def death(self) -> str | None:
        """Say how the process ended; ``None`` while it runs."""
        status = None if self.started is None else self.started.poll()
        if status is None:
            return None
        if status < 0:
            return f"the server was killed by {signal.Signals(-status).name}"
        return f"the server exited with status {status}{_ENDED_WITH.get(status, '')}"

    def explain(self, what: str) -> str:
        """Return an error message with the command and the tail of the log."""
        tail = "\n".join(f"  | {line}" for line in self._log.last_lines(_LOG_TAIL_LINES)) or "  | (it printed nothing)"
        if self.contender.url:
            return f"{self.contender.id}: {what}\n  nothing was started: it is to run at {self.contender.url} already"
        command = shlex.join(command_of(self.contender, self.port, self.host))
        return f"{self.contender.id}: {what}\n  command: {command}\n  end of its log:\n{tail}"

    def _listening_at(self) -> str:
        """Say where it listens when it does not answer, and what to do; empty for what the lab did not start."""
        if self.started is None:
            return ""
        if not (places := listening_at(self.started.pid)):
            return ": it listens nowhere"
        if any(port == self.port and ip in (self.host, "0.0.0.0", "::") for ip, port in places):  # noqa: S104 (read)
            return ": it accepts connections, and does not answer. Ask for another path (--path)"
        where = ", ".join(f"{ip} port {port}" for ip, port in sorted(places))
        return f": it listens at {where}. Have it listen at {self.host} and at {{port}}, which the lab fills in"


@contextlib.contextmanager
def running(
    contender: Contender,
    path: str,
    cpus: Sequence[int] = (),
    startup_timeout_s: float = 20.0,
    stop_grace_s: float = 1.0,
    *,
    settings: Mapping[str, str] = NO_SETTINGS,
) -> Iterator[RunningServer]:
    """Run a contender's server for the length of a ``with`` block.

    Args:
        contender: What to start.
        path: Path to poll until there is an answer, of whatever status.
        cpus: Cores that it may use once it answers; empty for any.
        startup_timeout_s: How long it may take to answer, seconds.
        stop_grace_s: How long it may take to stop after SIGTERM, seconds; then it is killed.
        settings: Variables of its environment, beside those of this process that are not the service's own.
    Raises:
        ServerError: It exited or never answered.
    """
    with contextlib.ExitStack() as stack:
        server = RunningServer(stack, contender, cpus=cpus, stop_grace_s=stop_grace_s, settings=settings)
        yield server.wait_until_ready(path, startup_timeout_s)


def command_of(contender: Contender, port: int | str = "PORT", host: str = HOST) -> list[str]:
    """Return the start command as an argument vector, the program first."""
    arguments = [part.replace("{host}", host).replace("{port}", str(port)) for part in contender.arguments]
    if not contender.is_own:
        return [contender.program, *arguments]
    command = python(*arguments)
    return [contender.interpreter, *command[1:]] if contender.interpreter else command


def put_back(command: str, contender: Contender) -> None:
    """Run a person's command that puts the state back before a trial, in the contender's folder.

    Raises:
        ServerError: It failed or took longer than a minute; the message ends with what it said last.
    """
    options = {"cwd": contender.folder or HOME, "environment": _environment(contender)}
    try:
        output_of(shlex.split(command), _PUT_BACK_TIMEOUT_S, **options)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        lines = str(getattr(error, "stderr", "") or "").splitlines()[-_LOG_TAIL_LINES:]
        tail = "".join(f"\n  | {line}" for line in lines)
        raise ServerError(f"before_trial failed: {command}: {error}{tail}") from error


def _environment(contender: Contender) -> dict[str, str]:
    if contender.is_own:
        # The person's own LAB_* settings are for the app they serve, not for the one under test.
        return {name: value for name, value in os.environ.items() if not name.startswith("LAB_")}
    return {**NO_BYTECODE, **os.environ, **expanded(contender.environment)}


def _pin(pid: int, cpus: Sequence[int]) -> None:
    if not cpus or not hasattr(os, "sched_setaffinity"):
        return
    # The process first: threads that it starts from now on inherit it. Where there is no /proc, that must do.
    threads = [pid]
    with contextlib.suppress(OSError):
        os.sched_setaffinity(pid, cpus)
        threads = [int(thread.name) for thread in Path(f"/proc/{pid}/task").iterdir()]
    for thread in threads:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(thread, cpus)


def rendered(
    workload: Workload, contender: Contender, fill: Callable[[str], str]
) -> tuple[str, bytes | None, dict[str, str]]:
    """Return path, body and headers of a workload's request as one contender gets it.

    Args:
        workload: What is asked.
        contender: Who is asked.
        fill: Puts values in the place of placeholders.
    Raises:
        InvalidValueError: A header refers to a variable that is not set.
    """
    body = fill(workload.body.decode("latin-1")).encode("latin-1") if workload.body else None
    headers = {name: fill(value) for name, value in expanded(workload.headers).items()}
    return fill(workload.path_for(contender)), body, headers


def _read(response: http.client.HTTPResponse, until_s: float) -> bytes:
    parts = []
    while part := response.read1(_PART_BYTES):
        parts.append(part)
        if time.monotonic() > until_s:
            raise TimeoutError("its answer does not end; a stream cannot be measured")
    if response.length:
        raise http.client.IncompleteRead(b"".join(parts), response.length)
    return b"".join(parts)


def free_port(host: str) -> int:
    """Return a TCP port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
