"""Starts, watches and reaps one child with all its children: every child goes through it.

What a child starts, and what that starts, ends with it, also when it went into a session of its own or became a daemon:
all inherit a mark in their environment, and on Linux what has lost its parent becomes the lab's own child, whatever it
did to its environment. A process beside the lab ends them when the lab itself is killed: it holds the other end of a
pipe, on which a child announces itself before it becomes what it is to be. On Windows there is no such watcher.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks.child_log import ChildLog
from benchmarks.orphan_watcher import MARK

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
GENTLY = ((signal.SIGTERM, 5.0),)
"""How a child is asked to end: signals, and for how many seconds each is waited for before it is killed."""

_PROC = Path("/proc")
_SHELL = Path("/bin/sh")
# The pipe is its standard input, for that has a number that every shell can write to; then it is closed. A watcher that
# is gone is no reason not to start.
_ANNOUNCE = 'trap "" PIPE; echo "+ $$" >&0 2>/dev/null; trap - PIPE; exec "$@" </dev/null'
_HELD_BACK = (signal.SIGINT, signal.SIGTERM)
_PR_SET_CHILD_SUBREAPER = 36
_PASSES = 200
"""How often what is left is looked for: what starts faster than it can be ended needs several."""

_LAB = secrets.token_hex(8)
_own: set[int] = set()
"""Processes that were started here and not yet reaped: whatever else is a child of the lab was left to it."""

_starting = threading.Lock()
"""Held while a process begins: until it is known, a thread that ends another one would take it for an orphan."""


HOME = Path(__file__).resolve().parents[1]
"""Where the lab's own packages lie: a child that puts its working folder before all others is started here."""


def python(*arguments: str) -> list[str]:
    """Return a command line of this Python that imports nothing from the folder that a person is in."""
    return [sys.executable, "-P", *arguments]


class Child:
    """One child with all its children.

    Attributes:
        process: The child itself, leader of a session of its own.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], **options: Any) -> None:
        self._mark = f"{_LAB}.{secrets.token_hex(8)}"
        marked = {**environment, MARK: f"{environment.get(MARK, '')} {self._mark}"}
        self.process: subprocess.Popen[bytes] = _begin(command, env=marked, **options)
        self._began = 0.0
        with contextlib.suppress(psutil.Error):
            self._began = psutil.Process(self.process.pid).create_time()

    def family(self) -> list[psutil.Process]:
        """Return the child, what it has started, and what was left to the lab; those that have ended too."""
        found: list[psutil.Process] = []
        # What was reaped has no children any more, and no number of its own.
        own = [self.process.pid] if self.process.returncode is None else []
        for pid in (*own, *(orphan.pid for orphan in self._orphans())):
            with contextlib.suppress(psutil.Error):
                found += tree(psutil.Process(pid))
        return found

    def end(self, steps: Sequence[tuple[int, float]] = GENTLY) -> None:
        """Ask the child's group to end, kill what is left of the family, and collect it; harmless the second time."""
        left = self.family()
        try:
            for number, patience_s in steps:
                self._signal_group(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(patience_s)
                    break
        finally:
            # Also after a clean exit, or a second Ctrl-C: a worker may have outlived its leader.
            self._kill_all(left)

    def _kill_all(self, left: Sequence[psutil.Process]) -> None:
        self._signal_group(KILL)
        self.process.kill()
        self.process.wait()
        _own.discard(self.process.pid)
        for process in left:
            _kill(process)
        for _ in range(_PASSES):
            # What forks and ends at once has another number each time: it is caught by who looks often.
            for _ in range(_PASSES):
                if not (orphans := list(self._orphans())):
                    break
                for orphan in orphans:
                    _kill(orphan)
            if not (left := [process for process in (*self.family(), *self._marked()) if _is_there(process)]):
                break
            for process in left:
                _kill(process)
        _adopt_orphans()

    def _signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)

    def _orphans(self) -> Iterator[psutil.Process]:
        """Yield what was left to the lab since this child began, but for what bears only another's mark."""
        with _starting:
            # Linux gives an orphan to the main thread.
            left = [pid for pid in _children_of(os.getpid(), os.getpid()) if pid not in _own]
        for pid in left:
            with contextlib.suppress(psutil.Error, OSError):
                process = psutil.Process(pid)
                # Who has the lab's session was started by a library, or by a test.
                left_to_it = hasattr(os, "getsid") and os.getsid(pid) != os.getsid(0)
                marks = _marks_of(process)
                if left_to_it and process.create_time() >= self._began and (not marks or self._mark in marks):
                    yield process

    def _marked(self) -> Iterator[psutil.Process]:
        """Yield what bears the mark: only of what is younger than the child, as to read it takes long."""
        younger = (process for process in psutil.process_iter() if process.create_time() >= self._began)
        return (process for process in younger if self._mark in _marks_of(process))


def tree(root: psutil.Process) -> list[psutil.Process]:
    """Return a process and all below it; of what comes or goes at this moment, some may be missing."""
    found = [root]
    for process in found:
        for pid in _children_of(process.pid):
            with contextlib.suppress(psutil.Error):
                found.append(psutil.Process(pid))
    return found


def start(
    stack: contextlib.ExitStack,
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    steps: Sequence[tuple[int, float]] = GENTLY,
    **options: Any,
) -> Child:
    """Start a child that ends with a stack, and with the lab, however that ends.

    Args:
        stack: Ends it.
        command: Its command line.
        environment: Its variables; those of the lab by default.
        steps: How it is asked to end, as in ``GENTLY``; nothing has it killed at once.
        options: Further ones of ``Popen``. With a ``stdin`` it must end by itself when that is closed.

    Raises:
        OSError: It could not be started.
    """
    with uninterrupted():
        watch = stack.enter_context(watching())
        if "stdin" not in options:
            command, options["stdin"] = watch.announcing(command), watch.stdin
        child = Child(command, os.environ if environment is None else environment, **options)
        stack.callback(watch.tell, "-", child.process.pid)
        stack.callback(child.end, steps)
    return child


def output_of(command: Sequence[str], timeout_s: float, **options: Any) -> str:
    """Run a command that ends by itself and has nothing to read, and return what it printed, or the end of very much.

    Args:
        command: Its command line.
        timeout_s: How long it may take, seconds.
        options: Further ones of ``start``.

    Raises:
        OSError: It could not be started.
        subprocess.SubprocessError: It took longer, or failed, and has its standard error; of what is not there, the
            status is 127.
    """
    with ChildLog() as printed, ChildLog() as complained:
        with contextlib.ExitStack() as stack:
            child = start(stack, command, steps=(), stdout=printed.file, stderr=complained.file, **options)
            status = child.process.wait(timeout_s)
        if status != 0:
            raise subprocess.CalledProcessError(status, list(command), printed.text(), complained.text())
        return printed.text()


def listener(port: int) -> int | None:
    """Return the process that listens on a port, where this person may see it."""
    with contextlib.suppress(psutil.Error):
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and getattr(each.laddr, "port", None) == port:
                return each.pid
    return None


def listening_at(pid: int) -> set[tuple[str, int]]:
    """Return the addresses and TCP ports at which a process and its children listen, where this person may see it."""
    found: set[tuple[str, int]] = set()
    with contextlib.suppress(psutil.Error):
        for process in tree(psutil.Process(pid)):
            for each in process.net_connections("tcp"):
                if each.status == psutil.CONN_LISTEN and each.laddr:
                    found.add((each.laddr.ip, each.laddr.port))
    return found


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back interruptions for the length of a ``with`` block; they come at its end.

    An exception that a signal's handler raises can come between any two steps: a process that was started right before
    it would run on, because its starter does not know of it yet. Keep the block short.
    """
    # Signals are handled in the main thread, so nothing interrupts another.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    # A handler that was not set from Python cannot be put back from it.
    before = {number: handler for number in _HELD_BACK if (handler := signal.getsignal(number)) is not None}
    try:
        for held_back in before:
            signal.signal(held_back, lambda number, _frame: came.append(number))
        yield
    finally:
        for held_back, handler in before.items():
            signal.signal(held_back, handler)
        for late in came:
            signal.raise_signal(late)


def _begin(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a process of the lab's own, in a session of its own."""
    with _starting:
        process = subprocess.Popen(command, start_new_session=True, **options)
        _own.add(process.pid)
    _adopt_orphans()
    return process


def _marks_of(process: psutil.Process) -> list[str]:
    """Return the marks of a process, one for each lab above it; none where there are none to be seen."""
    with contextlib.suppress(psutil.Error, OSError):
        return str(process.environ().get(MARK, "")).split()
    return []


def _children_of(pid: int, *threads: int) -> list[int]:
    """Return the children of a process, or those of some of its threads, where the system tells them apart."""
    tasks = _PROC / str(pid) / "task"
    try:
        # psutil would read every process of the machine, to see whose child it is.
        of_threads = [tasks / str(thread) for thread in threads] or tasks.iterdir()
        return [int(child) for each in of_threads for child in (each / "children").read_text(encoding="ascii").split()]
    except OSError:
        with contextlib.suppress(psutil.Error):
            return [process.pid for process in psutil.Process(pid).children()]
    return []


def _kill(process: psutil.Process) -> None:
    """Kill a process, and reap it where it is the lab's own child now."""
    with contextlib.suppress(psutil.Error, ChildProcessError):
        process.kill()
        if sys.platform != "win32" and process.ppid() == os.getpid():
            os.waitpid(process.pid, os.WNOHANG)


def _is_there(process: psutil.Process) -> bool:
    """Whether it runs, or waits to be reaped by the lab."""
    with contextlib.suppress(psutil.Error):
        zombie = process.status() == psutil.STATUS_ZOMBIE
        return bool(process.is_running()) and (not zombie or process.ppid() == os.getpid())
    return False


def _adopt_orphans() -> None:
    """Have Linux make whatever loses its parent below the lab the lab's own child, while the lab has children."""
    if sys.platform == "linux":
        with _starting:
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(bool(_own)), 0, 0, 0)


class Watcher:
    """The process beside the lab, which all children share while there are any; none where there is no shell.

    Attributes:
        process: Itself; ``None`` where there is none.
        stdin: For a child to be started with.
        users: How many children it watches.
    """

    def __init__(self) -> None:
        self.users = 0
        self.process: subprocess.Popen[bytes] | None = None
        if _SHELL.exists():
            self.process = _begin(
                # What ends the lab must not end it: its session is its own, as a child's.
                [sys.executable, "-I", "-S", str(Path(__file__).with_name("orphan_watcher.py"))],
                env={**os.environ, MARK: _LAB},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        # Popen knows its pipes as optional; this one was asked for.
        self.stdin: Any = subprocess.DEVNULL if self.process is None else self.process.stdin

    def announcing(self, command: Sequence[str]) -> list[str]:
        """Return the command that announces itself and then becomes the given one, under the same process id."""
        return list(command) if self.process is None else [str(_SHELL), "-c", _ANNOUNCE, "sh", *command]

    def tell(self, sign: str, what: object) -> None:
        """Tell it something, as ``orphan_watcher`` reads it.

        Args:
            sign: ``-`` for a group that has ended: its number may soon be another's; ``>`` for a folder for temporary
                files that is to go with the lab; ``<`` for one that is gone.
            what: Number of the group, or the folder.
        """
        # A watcher that somebody killed watches no more; the lab itself still reaps what it started.
        with contextlib.suppress(OSError):
            if self.process is not None:
                os.write(self.stdin.fileno(), f"{sign} {what}\n".encode())

    def close(self) -> None:
        """End it, as its children have ended."""
        if self.process is not None:
            with contextlib.suppress(OSError):
                self.stdin.close()
            self.process.wait()
            _own.discard(self.process.pid)
            _adopt_orphans()


_watchers: list[Watcher] = []
"""Those with users; the last one is of the next child too, unless it has ended."""

_sharing = threading.Lock()


@contextlib.contextmanager
def watching() -> Iterator[Watcher]:
    """Have a child watched for the length of a ``with`` block; the block ends when the child has been reaped."""
    with _sharing:
        watcher = _watchers[-1] if _watchers else None
        if watcher is None or (watcher.process is not None and watcher.process.poll() is not None):
            watcher = Watcher()
            _watchers.append(watcher)
        watcher.users += 1
    try:
        yield watcher
    finally:
        with _sharing:
            watcher.users -= 1
            is_last = not watcher.users
            if is_last:
                _watchers.remove(watcher)
        if is_last:
            watcher.close()
