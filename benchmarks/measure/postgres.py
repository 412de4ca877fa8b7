"""Runs a real PostgreSQL in a temporary folder, for readiness to depend on, and ends it whatever happens."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure.server import HOST, free_port
from benchmarks.orphan_watcher import FOLDER_PREFIX
from benchmarks.process import output_of, start, uninterrupted, watching

_DEBIAN = Path("/usr/lib/postgresql")
_ACCOUNT = "postgres"
_ROLE = "lab"
_START_TIMEOUT_S = 20.0
# A fast shutdown, then an immediate one.
_STEPS = ((signal.SIGINT, 5.0), (getattr(signal, "SIGQUIT", signal.SIGTERM), 1.0))
_POLL_S = 0.05
_LOG_TAIL_LINES = 10
# A cluster that lives for minutes has no data to lose, and should do nothing but answer.
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": 100,
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "mmap",
    "fsync": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": 0,
}


class PostgresError(Exception):
    """There is no PostgreSQL here; the message says why, and ends a sentence."""


@dataclass(frozen=True, slots=True)
class Programs:
    """PostgreSQL's programs on this machine.

    Attributes:
        folder: Where ``initdb`` and ``postgres`` are.
        account: The user who runs them; ``None`` for the present one.
    """

    folder: Path
    account: str | None

    @property
    def version(self) -> str:
        """The release: ``17.6``.

        Raises:
            PostgresError: They do not run.
        """
        try:
            told = output_of([str(self.folder / "postgres"), "--version"], 10)
        except (OSError, subprocess.SubprocessError) as error:
            raise PostgresError(f"its programs in {self.folder} do not run ({error})") from error
        found = re.search(r"\d+(\.\d+)*\S*", told)
        return found[0] if found else told.strip()


def find() -> Programs:
    """Return PostgreSQL's programs: the newest release where Debian puts them, or else those on the path.

    Raises:
        PostgresError: There are none, or they do not run for this user.
    """
    releases = sorted((int(path.name), path) for path in _DEBIAN.glob("*") if path.name.isdigit())
    folders = [path / "bin" for _, path in reversed(releases)]
    if (on_path := shutil.which("initdb")) is not None:
        folders.append(Path(on_path).resolve().parent)
    for folder in folders:
        if all(os.access(folder / program, os.X_OK) for program in ("initdb", "postgres")):
            return Programs(folder, _account())
    raise PostgresError("its server is not installed (on Debian and Ubuntu: apt-get install postgresql)")


@contextlib.contextmanager
def running(programs: Programs) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a cluster for the length of a ``with`` block.

    Args:
        programs: From ``find``.
    Returns:
        The URL of its database, with a password of its own, and its postmaster.
    Raises:
        PostgresError: It did not start.
    """
    with contextlib.ExitStack() as stack:
        with uninterrupted():
            watch = stack.enter_context(watching())
            folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}postgres-"))
            watch.tell(">", folder)
            stack.callback(watch.tell, "<", folder)
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            password = secrets.token_urlsafe(24)
            _create(programs, folder, password)
            started = _start(programs, folder, password, stack)
        except OSError as error:
            raise PostgresError(f"it did not start ({error})") from error
        yield started


def _create(programs: Programs, folder: Path, password: str) -> None:
    password_file = folder / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password, encoding="ascii")
    if programs.account is not None:
        # It reads and writes what this user makes for it.
        shutil.chown(folder, programs.account)
        shutil.chown(password_file, programs.account)
    arguments = ("-U", _ROLE, "--pwfile", str(password_file), "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "-N")
    try:
        output_of(_command(programs, folder, "initdb", *arguments), _START_TIMEOUT_S, **_as(programs))
    except subprocess.CalledProcessError as error:
        raise _failure(f"initdb ended with status {error.returncode}", f"{error.output}{error.stderr}") from error
    except subprocess.TimeoutExpired:
        raise PostgresError(f"initdb did not end within {_START_TIMEOUT_S:g} s") from None
    password_file.unlink()


def _start(
    programs: Programs, folder: Path, password: str, stack: contextlib.ExitStack
) -> tuple[str, subprocess.Popen[bytes]]:
    import psycopg  # noqa: PLC0415 (only who starts one needs its driver)

    port = free_port(HOST)
    options = [word for name, value in {"port": port, **_SETTINGS}.items() for word in ("-c", f"{name}={value}")]
    command, log = _command(programs, folder, "postgres", *options), folder / "log"
    with log.open("wb") as output:
        process = start(stack, command, steps=_STEPS, stdout=output, stderr=subprocess.STDOUT, **_as(programs)).process
    url = f"postgresql://{_ROLE}:{password}@{HOST}:{port}/postgres"
    until_s = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < until_s:
        if (status := process.poll()) is not None:
            raise _failure(f"it ended with status {status}", log.read_text(encoding="utf-8", errors="replace"))
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(_POLL_S)
        else:
            return url, process
    raise PostgresError(f"it took no connection within {_START_TIMEOUT_S:g} s")


def _command(programs: Programs, folder: Path, program: str, *arguments: str) -> list[str]:
    return [str(programs.folder / program), "-D", str(folder / "data"), *arguments]


def _as(programs: Programs) -> dict[str, Any]:
    """Return the options of ``Popen`` for the user who runs it."""
    groups: list[str] | None = None if programs.account is None else []
    return {"user": programs.account, "group": programs.account, "extra_groups": groups, "cwd": "/"}


def _failure(what: str, printed: str) -> PostgresError:
    lines = printed.splitlines()[-_LOG_TAIL_LINES:]
    return PostgresError(f"{what}: {' | '.join(lines) or 'it printed nothing'}")


def _account() -> str | None:
    """Return the user who runs PostgreSQL, which refuses to run as root; ``None`` for the present one."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd  # noqa: PLC0415 (not on every platform)

    try:
        pwd.getpwnam(_ACCOUNT)
    except KeyError:
        raise PostgresError(f"it does not run as root, and there is no user {_ACCOUNT} that it could run as") from None
    return _ACCOUNT
