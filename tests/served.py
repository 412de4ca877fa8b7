"""Starts a real server for tests: it answers when they get it, and is gone with all its children when they are done."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

STARTUP_S = 60.0


def free_port() -> int:
    """Find a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def unset(*prefixes: str) -> dict[str, str]:
    """Return the environment without what begins with one of these: a person's own settings are not a test's."""
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


@contextlib.contextmanager
def running(
    arguments: Sequence[str],
    port: int,
    log: Path,
    *,
    path: str,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    grace_s: float = 10.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server for the length of a ``with`` block.

    Args:
        arguments: Of the interpreter.
        port: On which it listens, on loopback.
        log: Gets all that it prints.
        path: Is asked until there is an answer, of whatever status.
        folder: In which it runs.
        environment: This process's unless told.
        grace_s: How long it may take to end by itself, seconds; 0 kills it at once.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, port, path, log)
        yield process
    finally:
        reap(process, grace_s)


def reap(process: subprocess.Popen[bytes], grace_s: float = 0.0) -> None:
    """End a server and all its children, whatever they do; harmless the second time."""
    # The whole group, by the id of the leader that we started: Hypercorn may serve from a child.
    if grace_s:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    deadline = time.monotonic() + STARTUP_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), contextlib.closing(_connection(port)) as asked:
            asked.request("GET", path)
            asked.getresponse().read()
            return
        time.sleep(0.05)
    pytest.fail(f"{process.args!r} does not answer (exit status {process.poll()}):\n{log.read_text()[-4000:]}")


def _connection(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=STARTUP_S)
