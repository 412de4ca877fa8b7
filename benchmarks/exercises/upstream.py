"""A dependency on loopback that the check controls: it answers when enough requests are there, or on command.

So a check tells *at once* from *one after another* by a number of requests, without a clock.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import select
import socket
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from benchmarks.exercises.serving import OWN_THREADS, PATIENCE_S, Reply, Served

_QUIET_S = 1.5
"""After so long without a new request no more will come: those that are held are answered."""

_THREADS = f"{OWN_THREADS}upstream"
_POLL_S = 0.02
_LOOK_S = 0.1
"""How often a request that is held looks whether its client has gone."""

_SETTLED_S = 20.0


class Upstream:
    """The requests that a dependency gets, and when it answers them.

    Attributes:
        asked: Number of requests by path.
        answered: Number of answers by path.
        most_at_once: The most requests in progress at the same moment.
    """

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.most_at_once = 0
        self._statuses: dict[str, int] = {}
        self._in_progress = 0
        self._together = 1
        self._held: frozenset[str] = frozenset()
        self._open = False
        self._last_s = time.monotonic()
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        # What is held has a condition of its own: fifty that are woken by each that comes would take turns at the lock.
        self._permitted = threading.Condition(lock)

    def gather(self, together: int) -> None:
        """From now on answer once this many are in progress, or when no new request has come for a while."""
        with self._changed:
            self._together, self._open = together, False
            self.forget()

    def forget(self) -> None:
        """Start counting again."""
        with self._changed:
            self.most_at_once = self._in_progress
            self.asked.clear()
            self.answered.clear()

    def hold(self, *paths: str) -> None:
        """From now on hold these paths and no others, until ``release``: do not answer them."""
        with self._changed:
            self._held = frozenset(paths)
            self._permitted.notify_all()

    def release(self) -> None:
        """Answer all requests, and from now on new ones at once."""
        with self._changed:
            self._held, self._together = frozenset(), 1
            self._open_now()

    def fail(self, path: str, status: int) -> None:
        """From now on answer a path with this status; 200 is well again."""
        with self._changed:
            self._statuses[path] = status

    def wait_until_asked(self, path: str) -> bool:
        """Wait for a request for a path, and return whether it came."""
        with self._changed:
            return self._changed.wait_for(lambda: self.asked[path] > 0, PATIENCE_S)

    def wait_until_answered(self, path: str, times: int = 1) -> bool:
        """Wait for this many answers to a path, and return whether they were sent."""
        with self._changed:
            return self._changed.wait_for(lambda: self.answered[path] >= times, PATIENCE_S)

    def wait_until_together(self, many: int) -> int:
        """Wait until this many are in progress, or no new ones come, and return the most that were."""
        with self._changed:
            self._changed.wait_for(lambda: self.most_at_once >= many or self._open, _SETTLED_S)
            return self.most_at_once

    def wait_until_left(self) -> int:
        """Wait some time until none is in progress, and return how many are."""
        with self._changed:
            self._changed.wait_for(lambda: self._in_progress == 0, PATIENCE_S)
            return self._in_progress

    def meanwhile(self, service: Served, asking: str, *held: str, asked: str = "/health") -> tuple[bool, Reply]:
        """Send a request, and another one while the first has no answer from here.

        Args:
            service: Gets them.
            asking: Path of the first.
            *held: What it asks for here, which is held until the other is over.
            asked: Path of the other.
        Returns:
            Whether the first asked for what is held, and the answer to the other.
        """
        self.hold(*held)
        first = service.begin(asking)
        has_asked = self.wait_until_asked(held[0])
        reply = service.ask(asked)
        self.release()
        first.result()
        return has_asked, reply

    @contextlib.contextmanager
    def in_progress(self, path: str) -> Iterator[None]:
        """Count a request during a ``with`` block."""
        with self._changed:
            self.asked[path] += 1
            self._in_progress += 1
            self.most_at_once = max(self.most_at_once, self._in_progress)
            self._last_s = time.monotonic()
            if self._in_progress >= self._together:
                self._open_now()
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._in_progress -= 1
                self._changed.notify_all()

    def status_of(self, path: str, connection: socket.socket) -> int | None:
        """Count a request, wait until it may be answered, and return its status; ``None`` if the client has gone."""
        with self.in_progress(path):
            return self._statuses.get(path, 200) if self._wait(path, connection) else None

    def count_answer(self, path: str) -> None:
        """Count an answer."""
        with self._changed:
            self.answered[path] += 1
            self._changed.notify_all()

    def _wait(self, path: str, connection: socket.socket) -> bool:
        while True:
            with self._changed:
                if path not in self._held:
                    if not self._open and time.monotonic() - self._last_s > _QUIET_S:
                        self._open_now()
                    if self._open:
                        return True
                self._permitted.wait(_LOOK_S)
            if _has_gone(connection):
                return False

    def _open_now(self) -> None:
        """Answer whatever is not held; the lock is the caller's."""
        self._open = True
        self._permitted.notify_all()
        self._changed.notify_all()


@contextlib.contextmanager
def serving() -> Iterator[Upstream]:
    """Serve a dependency at the address that the app's ``dependency.py`` reads."""
    upstream = Upstream()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            threading.current_thread().name = _THREADS
            path = self.path.strip("/")
            status = upstream.status_of(path, self.connection)
            if status is None:
                return
            body = json.dumps({"name": path, "ok": status == 200}).encode()
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            upstream.count_answer(path)

        def log_message(self, *arguments: Any) -> None:
            """Print nothing: the output belongs to the app."""

    with listening(Handler, "DEPENDENCY"):
        try:
            yield upstream
        finally:
            upstream.release()


@contextlib.contextmanager
def listening(handler: type[socketserver.BaseRequestHandler], variable: str) -> Iterator[str]:
    """Serve each connection on loopback in a thread.

    Args:
        handler: Of a connection.
        variable: Environment variable that is set to the address.
    Yields:
        The address, host and port.
    """

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 256

    with Server(("127.0.0.1", 0), handler) as server:
        os.environ[variable] = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(_POLL_S,), daemon=True, name=_THREADS)
        thread.start()
        try:
            yield os.environ[variable]
        finally:
            server.shutdown()
            thread.join()


def _has_gone(connection: socket.socket) -> bool:
    try:
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True
