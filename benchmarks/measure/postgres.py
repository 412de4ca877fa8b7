"""Runs a real PostgreSQL in a temporary folder, for readiness to depend on, and takes it down whatever happens."""

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
from benchmarks.process import Watch, output_of, start, uninterrupted, watching

_DEBIAN = Path("/usr/lib/postgresql")
_ACCOUNT = "postgres"
_ROLE = "lab"
_START_TIMEOUT_S = 20.0
_STOP_GRACE_S = 5.0
_POLL_S = 0.05
_LOG_TAIL_LINES = 10
# A cluster that lives for minutes has nothing to lose, and should do nothing but answer.
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
    """There is no PostgreSQL to be had here; the message says why, in words that end a sentence."""


@dataclass(frozen=True, slots=True)
class Programs:
    """PostgreSQL's programs on this machine.

    Attributes:
        folder: Where ``initdb`` and ``postgres`` are.
        account: Whom they run as; ``None`` for whoever runs this.
    """

    folder: Path
    account: str | None

    @property
    def version(self) -> str:
        """The release: ``17.6``.

        Raises:
            PostgresError: They do not say.
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
    """Return PostgreSQL's programs, where Debian puts them, the newest release, or else those on the path.

    Raises:
        PostgresError: There are none, or they would not run for this user.
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
    """Run a cluster of its own for the length of a ``with`` block, with a password that nobody else knows.

    Args:
        programs: From ``find``.
    Raises:
        PostgresError: It did not start.
    """
    with contextlib.ExitStack() as stack:
        with uninterrupted():
            watch = stack.enter_context(watching())
            folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}postgres-"))
            watch.keeps(folder)
            stack.callback(_remove, folder, watch)
        try:
            cluster = _Cluster(programs, folder)
            cluster.create()
            postgres = cluster.start(stack)
        except OSError as error:
            raise PostgresError(f"it did not start ({error})") from error
        yield postgres


class _Cluster:
    def __init__(self, programs: Programs, folder: Path) -> None:
        self._programs = programs
        self._data = folder / "data"
        self._password_file = folder / "password"
        self._log = folder / "log"
        self._password = secrets.token_urlsafe(24)
        if programs.account is not None:
            # It is to read and write what this user makes for it.
            shutil.chown(folder, programs.account)

    def create(self) -> None:
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(self._password, encoding="ascii")
        if self._programs.account is not None:
            shutil.chown(self._password_file, self._programs.account)
        arguments = ("-D", str(self._data), "-U", _ROLE, "--pwfile", str(self._password_file))
        with contextlib.ExitStack() as stack:
            creating = self._begin(stack, "initdb", *arguments, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "-N")
            try:
                status = creating.wait(_START_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                raise self._failure(f"initdb did not end within {_START_TIMEOUT_S:g} s") from None
        self._password_file.unlink()
        if status != 0:
            raise self._failure(f"initdb ended with status {status}")

    def start(self, stack: contextlib.ExitStack) -> RunningPostgres:
        port = free_port(HOST)
        options = [word for name, value in {"port": port, **_SETTINGS}.items() for word in ("-c", f"{name}={value}")]
        process = self._begin(stack, "postgres", "-D", str(self._data), *options)
        url = f"postgresql://{_ROLE}:{self._password}@{HOST}:{port}/postgres"
        self._await_connection(process, url)
        return RunningPostgres(url, process)

    def _await_connection(self, process: subprocess.Popen[bytes], url: str) -> None:
        import psycopg  # noqa: PLC0415 (only who starts one needs its driver)

        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            if (status := process.poll()) is not None:
                raise self._failure(f"it ended with status {status}")
            try:
                psycopg.connect(url, connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(_POLL_S)
            else:
                return
        raise self._failure(f"it took no connection within {_START_TIMEOUT_S:g} s")

    def _begin(self, stack: contextlib.ExitStack, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Begin a program, which ends with the stack."""
        account = self._programs.account
        with self._log.open("ab") as log:
            child = start(
                stack,
                [str(self._programs.folder / program), *arguments],
                # Quickly, then at once.
                steps=((signal.SIGINT, _STOP_GRACE_S), (getattr(signal, "SIGQUIT", signal.SIGTERM), 1.0)),
                user=account,
                group=account,
                extra_groups=None if account is None else [],
                cwd="/",
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return child.process

    def _failure(self, what: str) -> PostgresError:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return PostgresError(f"{what}: {' | '.join(lines) or 'it printed nothing'}")


def _account() -> str | None:
    """Return whom PostgreSQL is to run as: it refuses to run as root."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd  # noqa: PLC0415 (not on every platform)

    try:
        pwd.getpwnam(_ACCOUNT)
    except KeyError:
        raise PostgresError(f"it does not run as root, and there is no user {_ACCOUNT} that it could run as") from None
    return _ACCOUNT


def _remove(folder: Path, watch: Watch) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    watch.removed(folder)
