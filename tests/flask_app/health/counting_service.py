"""A service to ask, on a real socket, which counts what is asked of it and breaks off in many ways."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from flask_app.health.upstreams import Upstream

PATIENCE_S = 10.0
WELL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell"
RAW = {
    "/half": WELL[:-2],
    "/noise": b"SSH-2.0-something\r\n\r\n",
    "/endless-head": b"HTTP/1.1 200 OK\r\n" + b"X-Word: and more\r\n" * 10_000,
    "/continue": b"HTTP/1.1 100 Continue\r\n\r\n" + WELL,
    "/no-length": b"HTTP/1.1 200 OK\r\n\r\nwell",
    "/chunked": b"HTTP/1.1 503 Unwell\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwell\r\n0\r\n\r\n",
}
"""Answers that are sent as they are, and end with their connection."""


class Service(ThreadingHTTPServer):
    """A service that counts its connections."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.connections = 0
        self.open_connections = 0
        self.requests = 0
        self.targets: list[str] = []
        self.authorizations: list[str | None] = []
        self.cookies: list[str | None] = []
        self.together = threading.Barrier(1)

    def upstream(self, path: str = "/") -> Upstream:
        """Return what to ask."""
        return Upstream.parse(f"http://127.0.0.1:{self.server_port}{path}")

    def handle_error(self, *_: Any) -> None:
        """Say nothing."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service
    asked_before = False

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1
        self.server.open_connections += 1

    def finish(self) -> None:
        self.server.open_connections -= 1
        super().finish()

    def do_GET(self) -> None:
        self.server.requests += 1
        self.server.targets.append(self.path)
        self.server.authorizations.append(self.headers["Authorization"])
        self.server.cookies.append(self.headers["Cookie"])
        self.asked_before, before = True, self.asked_before
        if self.path == "/never" or (self.path == "/once" and before):
            # Closed although somebody asks: the two met on the way.
            self.close_connection = True
            return
        if self.path in RAW:
            with contextlib.suppress(OSError):
                self.wfile.write(RAW[self.path])
            self.close_connection = True
            return
        if self.path == "/flood":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b"400\r\n" + b"x" * 0x400 + b"\r\n")
            self.close_connection = True
            return
        self.server.together.wait(PATIENCE_S)
        self.send_response(200)
        self.send_header("Content-Length", "4")
        if self.path == "/cookie":
            self.send_header("Set-Cookie", "a=b")
        if self.path == "/last":
            # Said to nobody: the connection simply ends.
            self.close_connection = True
        self.end_headers()
        self.wfile.write(b"well")

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def served(server: Service) -> Iterator[None]:
    """Serve in a thread."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield
    server.shutdown()
    thread.join()
