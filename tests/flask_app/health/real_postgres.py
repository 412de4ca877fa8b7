"""A real PostgreSQL in a temporary folder, for tests that stop, freeze and exhaust it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

PATIENCE_S = 30.0
MAX_CONNECTIONS = 80
# What PostgreSQL keeps for its superuser, through which the tests look at it.
RESERVED = 3


def binaries() -> Path | None:
    """Return the folder of PostgreSQL's programs, where Debian puts them or else on the path; ``None`` without."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [Path(shutil.which("initdb") or "")]
    return found[-1].parent if found[-1].name else None


def cheap_verifier(password: str) -> str:
    """Return what PostgreSQL keeps of a password for SCRAM, made in one round.

    By default a client has to take 4,096 rounds for each connection, which is most of what connecting costs. RFC 5802
    leaves the number to the server, and PostgreSQL takes a verifier as it is.
    """
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    in_text = [base64.b64encode(part).decode("ascii") for part in (salt, stored, server)]
    return "SCRAM-SHA-256$1:{}${}:{}".format(*in_text)


class Postgres:
    """A cluster of its own, for a user ``lab`` who has a password and no more."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.password = secrets.token_hex(8)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._programs = programs
        self._data = folder / "data"
        self._log = folder / "log"
        # PostgreSQL refuses to run as root; Debian's package brings a user for it.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(folder, account.pw_uid, account.pw_gid)
        self._process: subprocess.Popen[bytes] | None = None
        self._run(
            "initdb", "-D", str(self._data), "-U", "admin", "-A", "trust", "-E", "UTF8", "-N", "--locale=C"
        ).wait()
        # By password for the one that the service is, so that there is a secret to keep.
        (self._data / "pg_hba.conf").write_text(
            "host all admin 127.0.0.1/32 trust\nhost all lab 127.0.0.1/32 scram-sha-256\n"
        )

    @property
    def url(self) -> str:
        """The URL that a deployment sets."""
        return f"postgresql://lab:{self.password}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": MAX_CONNECTIONS,
            "fsync": "off",
            "shared_buffers": "16MB",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._process = self._run("postgres", "-D", str(self._data), *options)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                self.look("SELECT 1")
                return
            if time.monotonic() > deadline or self._process.poll() is not None:
                pytest.fail(f"PostgreSQL does not start:\n{self._log.read_text()[-4000:]}")
            time.sleep(0.05)

    def create_user(self) -> None:
        """Create the user that the service is."""
        self.look(f"CREATE ROLE lab LOGIN PASSWORD '{cheap_verifier(self.password)}'")

    def stop(self) -> None:
        """Stop it as an administrator does who does not wait for clients."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(PATIENCE_S)

    def freeze(self) -> None:
        """Stop all its processes where they are; the kernel goes on taking in what is sent to them."""
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let its processes go on."""
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def exhausted(self) -> Iterator[None]:
        """Hold every connection that it gives to a common user."""
        with contextlib.ExitStack() as held:
            for _ in range(MAX_CONNECTIONS):
                try:
                    held.enter_context(psycopg.connect(self.url, application_name="hog"))
                except psycopg.OperationalError:
                    break
            yield

    def look(self, query: str) -> Any:
        """Return the first value that a query gives, asked as the superuser."""
        with psycopg.connect(f"postgresql://admin@127.0.0.1:{self.port}/postgres", autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            row = cursor.fetchone() if cursor.description else None
            return row and row[0]

    def connections(self) -> int:
        """Count the connections of the service."""
        return int(self.look("SELECT count(*) FROM pg_stat_activity WHERE usename = 'lab'"))

    def end(self) -> None:
        """End it, whatever it does."""
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(PATIENCE_S)

    def _processes(self) -> list[psutil.Process]:
        assert self._process is not None
        leader = psutil.Process(self._process.pid)
        return [leader, *leader.children(recursive=True)]

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as out:
            return subprocess.Popen(
                [str(self._programs / program), *arguments],
                user=self._user,
                group=self._user,
                extra_groups=[] if self._user else None,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


@contextlib.contextmanager
def running() -> Iterator[Postgres]:
    """Run one until the context ends; skip without PostgreSQL, but for CI, where that is a failure."""
    programs = binaries()
    if programs is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("PostgreSQL's server is not installed")
    # Not pytest's own folders: only their owner may enter those.
    with tempfile.TemporaryDirectory(prefix="lab-postgres-") as name:
        Path(name).chmod(0o755)
        postgres = Postgres(programs, Path(name))
        try:
            postgres.start()
            postgres.create_user()
            yield postgres
        finally:
            postgres.end()
