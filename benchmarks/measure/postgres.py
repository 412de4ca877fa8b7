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
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure.server import HOST, free_port
from benchmarks.orphan_watcher import FOLDER_PREFIX
from benchmarks.process import output_of, start, uninterrupted, watching

_DEBIAN = Path("/usr/lib/postgresql")
_ACCOUNT = "postgres"
_ROLE = "lab"
_START_TIMEOUT_S = 20.0
_STOP_GRACE_S = 5.0
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


@dataclass(frozen=True, slots=True)
class RunningPostgres:
    """A PostgreSQL that takes connections.

    Attributes:
        url: Of its database, with a password.
        process: Its postmaster.
    """

    url: str = field(repr=False)
    process: subprocess.Popen[bytes]

    def death(self) -> str | None:
        """Say how it ended; ``None`` while it runs."""
        status = self.process.poll()
        return None if status is None else f"PostgreSQL ended with status {status}"


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
def running(programs: Programs) -> Iterator[RunningPostgres]:
    """Run a cluster for the length of a ``with`` block, with a password of its own.

    Args:
        programs: From ``find``.
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
            postgres = _start(programs, folder, password, stack)
        except OSError as error:
            raise PostgresError(f"it did not start ({error})") from error
        yield postgres


def _create(programs: Programs, folder: Path, password: str) -> None:
    password_file = folder / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password, encoding="ascii")
    if programs.account is not None:
        # It reads and writes what this user makes for it.
        shutil.chown(folder, programs.account)
        shutil.chown(password_file, programs.account)
    arguments = ("-U", _ROLE, "--pwfile", str(password_file), "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "-N")
    with contextlib.ExitStack() as stack:
        try:
            status = _begin(programs, folder, stack, "initdb", *arguments).wait(_START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise _failure(folder, f"initdb did not end within {_START_TIMEOUT_S:g} s") from None
    password_file.unlink()
    if status != 0:
        raise _failure(folder, f"initdb ended with status {status}")


def _start(programs: Programs, folder: Path, password: str, stack: contextlib.ExitStack) -> RunningPostgres:
    import psycopg  # noqa: PLC0415 (only who starts one needs its driver)

    port = free_port(HOST)
    options = [word for name, value in {"port": port, **_SETTINGS}.items() for word in ("-c", f"{name}={value}")]
    process = _begin(programs, folder, stack, "postgres", *options)
    url = f"postgresql://{_ROLE}:{password}@{HOST}:{port}/postgres"
    until_s = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < until_s:
        if (status := process.poll()) is not None:
            raise _failure(folder, f"it ended with status {status}")
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(_POLL_S)
        else:
            return RunningPostgres(url, process)
    raise _failure(folder, f"it took no connection within {_START_TIMEOUT_S:g} s")


def _begin(
    programs: Programs, folder: Path, stack: contextlib.ExitStack, program: str, *arguments: str
) -> subprocess.Popen[bytes]:
    """Begin a program on the cluster in a folder; it ends with the stack."""
    with (folder / "log").open("ab") as log:
        child = start(
            stack,
            [str(programs.folder / program), "-D", str(folder / "data"), *arguments],
            # A fast shutdown, then an immediate one.
            steps=((signal.SIGINT, _STOP_GRACE_S), (getattr(signal, "SIGQUIT", signal.SIGTERM), 1.0)),
            user=programs.account,
            group=programs.account,
            extra_groups=None if programs.account is None else [],
            cwd="/",
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    return child.process


def _failure(folder: Path, what: str) -> PostgresError:
    lines = (folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL_LINES:]
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
