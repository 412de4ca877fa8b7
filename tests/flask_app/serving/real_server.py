"""A real server for tests, with the raw connections that a fault takes."""

import contextlib
import http.client
import io
import json
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests import served

PATIENCE_S = 20.0
SERVERS = {
    "hypercorn": (
        "-m",
        "hypercorn",
        "--workers",
        "0",
        "--keep-alive",
        "60",
        "--backlog",
        "1024",
        "--bind",
        "127.0.0.1:{port}",
    ),
    "uvicorn": ("-m", "uvicorn", "--loop", "uvloop", "--http", "httptools", "--port", "{port}"),
}


@dataclass
class Answer:
    """One answer off the wire; ``is_whole`` is false when the server broke it off."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    is_whole: bool = True


class Connection:
    """A connection that sends whatever it is told, and reads answers one by one."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._reader = _Kept(self.socket.makefile("rb", buffering=0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def request(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> None:
        """Send a whole request, or only its head when the length in its headers is not that of a body."""
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))

    def answer(self, method: str = "GET") -> Answer:
        """Read one answer to a request of this method."""
        response = http.client.HTTPResponse(self, method=method)  # type: ignore[arg-type]  # it wants makefile() only
        # Closed by itself, after the connection, one that never began would complain from Python 3.13 on.
        with contextlib.closing(response):
            response.begin()
            try:
                body, is_whole = response.read(), True
            except http.client.IncompleteRead as broken_off:
                body, is_whole = broken_off.partial, False
            except ConnectionError:
                body, is_whole = b"", False
            return Answer(response.status, response.getheaders(), body, is_whole)

    def interim_answer(self) -> bytes:
        """Read the head of an answer that only says to go on, with status 100."""
        return b"".join(iter(self._reader.readline, b"\r\n"))

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what answers are read from."""
        return self._reader

    def hang_up(self) -> None:
        """Close, at once."""
        self._reader.raw.close()
        self.socket.close()


class _Kept(io.BufferedReader):
    # What it has read beyond one answer is the beginning of the next.
    def close(self) -> None:
        pass


@dataclass
class Server:
    """A server that runs."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    _keys: Iterator[int] = field(default_factory=lambda: iter(range(1_000_000)))

    def connect(self) -> Connection:
        """Open a connection."""
        return Connection(self.port)

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        """Ask once, on a connection of its own."""
        with self.connect() as connection:
            connection.request(path, method, body, **headers)
            return connection.answer(method)

    def key(self) -> str:
        """Return a new key, by which a request asks to be told of."""
        return f"key{next(self._keys)}"

    def told(self, key: str) -> dict[str, int]:
        """Return what happened to the requests of a key."""
        told: dict[str, int] = json.loads(self.ask(f"/told/{key}").body)
        return told

    def until(self, key: str, **expected: int) -> None:
        """Wait until that much has happened to the requests of a key, and no more."""
        wanted = {name.replace("_", " "): count for name, count in expected.items()}
        deadline = time.monotonic() + PATIENCE_S
        while (told := self.told(key)) != told | wanted:
            assert time.monotonic() < deadline, f"{told}, and not {wanted}\n{self.log.read_text()[-4000:]}"
            time.sleep(0.02)

    def end(self) -> None:
        """End it, whatever it does."""
        served.reap(self.process)


@contextlib.contextmanager
def running(name: str, app: str, folder: Path, path: str = "/ok", options: Sequence[str] = ()) -> Iterator[Server]:
    """Serve an app, given as ``module:attribute``, on one of ``SERVERS``, with more options than it has there."""
    port, log = served.free_port(), folder / "log"
    arguments = [*(argument.format(port=port) for argument in SERVERS[name]), *options, app]
    with served.running(arguments, port, log, path=path, folder=Path(__file__).parents[3], grace_s=0) as process:
        yield Server(name, port, process, log)
