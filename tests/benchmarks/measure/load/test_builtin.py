from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.measure.load import wire
from benchmarks.measure.load.builtin import PROCESS, BuiltinEngine
from benchmarks.measure.load.builtin_process import loop_factory
from benchmarks.measure.load.engine import LoadEngine, LoadEngineError, LoadOrder
from benchmarks.measure.load.session import LoadSession

PATIENCE_S = 30.0
"""Bounds a wait that ends long before; no test depends on how long it really takes."""

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals, scripts and descriptors")

PARENT = """
import sys, time
from benchmarks.measure.load import wire
from benchmarks.measure.load.builtin import PROCESS, BuiltinEngine

session = BuiltinEngine().start(wire.decode_order(sys.stdin.buffer.readline()))
session.wait_until_measuring(30)
print(session.loader.pid, flush=True)
time.sleep(60)
"""


def runs(pid: int) -> bool:
    """Return whether a process runs, and is not a zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def freeze(pid: int) -> None:
    """Stop a process, and wait until it has stopped."""
    os.kill(pid, signal.SIGSTOP)
    while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
        time.sleep(0.005)


@pytest.fixture
def start() -> Iterator[Callable[[LoadOrder], LoadSession]]:
    """Start sessions that end with the test."""
    sessions: list[LoadSession] = []

    def start(order: LoadOrder) -> LoadSession:
        sessions.append(BuiltinEngine().start(order))
        return sessions[-1]

    yield start
    for session in sessions:
        session.close()
        assert not runs(session.loader.pid)


@pytest.fixture
def interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Replace the interpreter that the engine's process is started with by a shell script."""

    def install(script: str) -> None:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))

    return install


def test_engine_implements_the_protocol() -> None:
    """The type checker agrees that engine and session are what the runner expects."""
    engine: LoadEngine = BuiltinEngine()
    make_session: Callable[[LoadOrder], LoadSession] = engine.start

    assert "builtin" == engine.name
    assert callable(make_session)


def test_load_from_start_to_result(start: Any, serve: Any, order: Any, healthy: Any) -> None:
    """The interval begins on this machine's monotonic clock, and the result is of that interval."""
    before_s = time.monotonic()
    session = start(order(serve(healthy).port))

    began_s = session.wait_until_measuring(PATIENCE_S)
    result = session.result(PATIENCE_S)

    assert before_s < began_s < time.monotonic()
    assert began_s + result.duration_s < time.monotonic()
    assert 0 < result.completed
    assert {"200": result.completed} == result.statuses
    assert {} == result.errors


def test_beginning_and_result_can_be_read_twice(start: Any, serve: Any, order: Any, healthy: Any) -> None:
    """They stay the same, and the result can be read without waiting for the beginning first."""
    session = start(order(serve(healthy).port))

    result = session.result(PATIENCE_S)

    assert result is session.result(0.0)
    assert session.wait_until_measuring(0.0) == session.wait_until_measuring(0.0)


def test_close_ends_the_load_and_is_harmless_twice(start: Any, serve: Any, order: Any, healthy: Any) -> None:
    """No loader outlives its session, and a closed session says that it is closed."""
    session = start(order(serve(healthy).port, duration_s=60.0))
    session.wait_until_measuring(PATIENCE_S)
    assert runs(session.loader.pid)

    session.close()
    session.close()

    assert not runs(session.loader.pid)
    with pytest.raises(LoadEngineError, match="was closed before it had a result"):
        session.result(PATIENCE_S)


@posix_only
def test_close_kills_a_loader_that_does_not_react(start: Any, serve: Any, order: Any, healthy: Any) -> None:
    """A process that cannot act on SIGTERM, because it is stopped, is killed and reaped."""
    session = start(order(serve(healthy).port, duration_s=60.0))
    session.wait_until_measuring(PATIENCE_S)
    freeze(session.loader.pid)

    session.close()

    assert not runs(session.loader.pid)


@posix_only
@pytest.mark.parametrize("warmup_s", [60.0, 0.0], ids=["during the warm-up", "during the interval"])
def test_killed_loader_is_an_error_that_says_so(
    start: Any, serve: Any, order: Any, healthy: Any, warmup_s: float
) -> None:
    """A loader killed -9 ends the wait at once, with the signal's name and what to do."""
    session = start(order(serve(healthy).port, warmup_s=warmup_s, duration_s=60.0))
    if warmup_s:
        wait: Callable[[float], object] = session.wait_until_measuring
        when = "before the measured interval began"
    else:
        session.wait_until_measuring(PATIENCE_S)
        wait, when = session.result, "before it had a result"

    os.kill(session.loader.pid, signal.SIGKILL)

    with pytest.raises(LoadEngineError, match=rf"ended {when}, killed by SIGKILL: .* run it again"):
        wait(PATIENCE_S)
    with pytest.raises(LoadEngineError, match="killed by SIGKILL"):
        wait(PATIENCE_S)


@posix_only
def test_silent_loader_is_an_error(start: Any, serve: Any, order: Any, healthy: Any) -> None:
    """The message has the time in which the loader said nothing."""
    session = start(order(serve(healthy).port, duration_s=60.0))
    freeze(session.loader.pid)

    with pytest.raises(LoadEngineError, match=r"said nothing for 0\.2 s, before the measured interval began"):
        session.wait_until_measuring(0.2)


@posix_only
def test_loader_ends_when_its_parent_is_killed(serve: Any, order: Any, healthy: Any) -> None:
    """No orphan: a loader whose parent is killed -9 notices and ends, long before its interval is over."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(wire.encode_order(order(serve(healthy).port, duration_s=600.0)))
        parent.stdin.flush()
        loader = int(parent.stdout.readline())
        assert runs(loader)

        parent.kill()

    deadline_s = time.monotonic() + PATIENCE_S
    while runs(loader) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert not runs(loader)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this platform cannot pin processes")
def test_loader_is_pinned(start: Any, serve: Any, order: Any, healthy: Any) -> None:
    """The loader runs on the cores of the order and on no other."""
    core = max(os.sched_getaffinity(0))
    session = start(order(serve(healthy).port, duration_s=60.0, cpus=(core,)))
    session.wait_until_measuring(PATIENCE_S)

    assert {core} == os.sched_getaffinity(session.loader.pid)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this platform cannot pin processes")
def test_cores_that_are_not_there_are_an_error(start: Any, order: Any) -> None:
    """The message says which cores this machine has."""
    session = start(order(1, cpus=(100_000,)))

    with pytest.raises(LoadEngineError, match=r"cannot be pinned to the cores 100000 .* this machine offers 0"):
        session.wait_until_measuring(PATIENCE_S)


def test_bad_order_starts_no_process(order: Any) -> None:
    """What cannot be carried out is refused before anything runs."""
    children = psutil.Process().children()

    with pytest.raises(LoadEngineError, match="not a loopback address"):
        BuiltinEngine().start(order(80, host="192.0.2.1"))

    assert children == psutil.Process().children()


def test_missing_interpreter_is_an_error(order: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A process that cannot be started at all is an error of the engine's, not a traceback."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))

    with pytest.raises(LoadEngineError, match="could not be started"):
        BuiltinEngine().start(order(1))


@posix_only
def test_early_end_shows_status_and_last_words(interpreter: Any, start: Any, order: Any) -> None:
    """The message has the exit status and the end of what the loader wrote."""
    interpreter("read line; echo 'disk on fire' >&2; exit 7")

    session = start(order(1))

    with pytest.raises(LoadEngineError, match=r"(?s)ended before it had a result, with exit status 7: .*disk on fire"):
        session.result(PATIENCE_S)


@posix_only
def test_loader_that_never_listens_is_an_error(interpreter: Any, start: Any, order: Any) -> None:
    """A loader that has ended before it read its order is reported like any other."""
    interpreter("exec 0<&-; exit 4")

    with pytest.raises(LoadEngineError, match="with exit status 4"):
        start(order(1)).wait_until_measuring(PATIENCE_S)


@posix_only
def test_foreign_output_is_an_error(interpreter: Any, start: Any, order: Any) -> None:
    """The message shows output that is not an event."""
    interpreter("read line; echo 'hello'; read line")

    with pytest.raises(LoadEngineError, match=r"wrote something that is not an event \(b'hello\\n'\)"):
        start(order(1)).wait_until_measuring(PATIENCE_S)


def test_a_missing_order_is_an_event_not_a_traceback() -> None:
    """The process reports it in its own protocol."""
    done = subprocess.run(
        [sys.executable, "-m", PROCESS],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
    )

    assert 1 == done.returncode
    assert b"given no order that can be read" in done.stdout
    assert b"" == done.stderr


@posix_only
def test_many_sessions_leave_no_descriptor_open(serve: Any, order: Any, healthy: Any) -> None:
    """A run of hundreds of trials does not run out of open files."""
    port = serve(healthy).port
    process = psutil.Process()

    def one() -> None:
        with closing(BuiltinEngine().start(order(port, vus=1, duration_s=0.01, warmup_s=0.0))) as session:
            session.result(PATIENCE_S)

    one()
    open_before = process.num_fds()
    for _ in range(2):
        one()

    # The server in this process may not have closed its end of the last connections yet; a session has three files.
    assert process.num_fds() < open_before + 2 * 3


def test_without_uvloop_it_is_asyncios_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine also runs without uvloop."""
    monkeypatch.setitem(sys.modules, "uvloop", None)

    assert asyncio.new_event_loop is loop_factory()


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop does not exist for Windows")
def test_with_uvloop_it_is_uvloop() -> None:
    """The engine prefers uvloop."""
    uvloop = pytest.importorskip("uvloop")

    assert uvloop.new_event_loop is loop_factory()
