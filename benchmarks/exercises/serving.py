"""Serves an exercise's app on its own event loop, on loopback, and sends it requests like its clients."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from benchmarks.foreign_json import ForeignJSONError, read_json

HOST = "127.0.0.1"
PATIENCE_S = 3.0
"""How long a client waits for an immediate answer; only a wrong app takes that long."""

OWN_THREADS = "check-"
"""Prefix of the names of the check's own threads."""

_STOP_S = 3.0
_GRACE_S = 1


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer.

    Attributes:
        status: Of HTTP; 0 when no answer came in time.
        body: As it came.
    """

    status: int = 0
    body: bytes = b""

    @property
    def json(self) -> Any:
        """The body as JSON; ``None`` when it is not JSON."""
        try:
            return read_json(self.body)
        except ForeignJSONError:
            return None

    def __str__(self) -> str:
        text = self.body.decode("utf-8", "replace").strip()
        return f"{self.status} {text[:120]}{'…' if len(text) > 120 else ''}" if self.status else "none"


class Served:
    """An app that is served.

    Attributes:
        port: On loopback.
    """

    def __init__(self, port: int, clients: ThreadPoolExecutor) -> None:
        self.port = port
        self._clients = clients

    def ask(self, path: str, timeout_s: float = PATIENCE_S) -> Reply:
        """Send one request, and return its answer."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=timeout_s)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return Reply(response.status, response.read())
        except (OSError, http.client.HTTPException):
            return Reply()
        finally:
            connection.close()

    def begin(self, path: str, timeout_s: float = 20.0) -> Future[Reply]:
        """Send a request in a thread, and return at once; by default its client is more patient than any app."""
        return self._clients.submit(self.ask, path, timeout_s)


@contextlib.contextmanager
def on_its_loop(application: Any) -> Iterator[Served]:
    """Serve an ASGI application by uvicorn, in a thread with its own event loop.

    Args:
        application: Of ASGI 3.
    """
    import uvicorn  # noqa: PLC0415 (only a check that serves an app needs it)

    clients = ThreadPoolExecutor(64, f"{OWN_THREADS}client")
    with socket.create_server((HOST, 0), backlog=256) as listening:
        # From here on the kernel accepts connections; clients wait until the app is up.
        server = uvicorn.Server(
            uvicorn.Config(
                application,
                loop="asyncio",
                http="h11",
                ws="none",
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        # A daemon: an app that blocks its loop forever must not block the check.
        thread = threading.Thread(
            target=lambda: asyncio.run(server.serve([listening])), daemon=True, name=f"{OWN_THREADS}loop"
        )
        thread.start()
        try:
            yield Served(listening.getsockname()[1], clients)
        finally:
            server.should_exit = True
            thread.join(_STOP_S)
            # Clients of a wrong app may still wait: they are left behind.
            clients.shutdown(wait=False, cancel_futures=True)
