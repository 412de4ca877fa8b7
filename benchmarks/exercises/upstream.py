"""A dependency on loopback that the check holds in its hand: it answers when enough have asked, or when told to.

So a check sees *at once* and *one after another* as a number of requests, and needs no clock for it.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

QUIET_S = 1.5
"""When nobody new has asked for so long, no more will come: those who are held are answered."""

PATIENCE_S = 3.0
"""How long to wait for what ought to be there at once; only a wrong answer takes that long."""

_THREADS = "check-upstream"
"""So that a check tells them from the app's."""

_LOOK_S = 0.02
_SETTLED_S = 20.0
_ADDRESS = "DEPENDENCY"


class Upstream:
    """What one dependency was asked, and how many at once.

    Attributes:
        asked: How often each path was asked.
        answered: How often each was answered.
        most_at_once: The most requests that were in progress at the same moment.
        hung_up: Requests whose client went away before the answer.
    """

    def __init__(self, statuses: Mapping[str, int] | None = None) -> None:
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.most_at_once = 0
        self.hung_up = 0
        self._statuses = dict(statuses or {})
        self._in_progress = 0
        self._together = 1
        self._held: frozenset[str] = frozenset()
        self._released: frozenset[str] = frozenset()
        self._open = False
        self._last_s = time.monotonic()
        self._changed = threading.Condition()

    def gather(self, together: int) -> None:
        """From now on answer when so many are in progress at once, or when nobody new has asked for a while."""
        with self._changed:
            self._together, self._open, self.most_at_once = together, False, 0
            self._released = frozenset()
            self.asked.clear()
            self.answered.clear()

    def hold(self, *paths: str) -> None:
        """From now on leave these paths without an answer, until ``release``."""
        with self._changed:
            self._held = frozenset(paths)

    def release_one(self, path: str) -> None:
        """Answer whoever waits for a path, whatever becomes of the others."""
        with self._changed:
            self._released |= {path}
            self._changed.notify_all()

    def release(self) -> None:
        """Answer whoever waits, and from now on whoever asks, at once."""
        with self._changed:
            self._held, self._together, self._open = frozenset(), 1, True
            self._changed.notify_all()

    def fail(self, path: str, status: int) -> None:
        """From now on answer a path with an error; with 200, well again."""
        with self._changed:
            self._statuses[path] = status

    def wait_until_asked(self, path: str, times: int = 1, timeout_s: float = PATIENCE_S) -> bool:
        """Wait until a path has been asked so often, and return whether it was."""
        with self._changed:
            return self._changed.wait_for(lambda: self.asked[path] >= times, timeout_s)

    def wait_until_answered(self, path: str, times: int = 1, timeout_s: float = PATIENCE_S) -> bool:
        """Wait until a path has been answered so often, and return whether it was."""
        with self._changed:
            return self._changed.wait_for(lambda: self.answered[path] >= times, timeout_s)

    def wait_until_together(self, many: int) -> int:
        """Wait until so many are in progress, or nobody new comes, and return how many there were at most."""
        with self._changed:
            self._changed.wait_for(lambda: self.most_at_once >= many or self._open, _SETTLED_S)
            return self.most_at_once

    def wait_until_left(self, timeout_s: float = PATIENCE_S) -> bool:
        """Wait until no request is in progress, and return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._in_progress == 0, timeout_s)

    def serve(self, path: str, connection: socket.socket) -> tuple[int, dict[str, Any]] | None:
        """Take a request in, and return its answer when its time has come; ``None`` when the client has gone."""
        with self._changed:
            self.asked[path] += 1
            self._in_progress += 1
            self.most_at_once = max(self.most_at_once, self._in_progress)
            self._last_s = time.monotonic()
            if self._in_progress >= self._together:
                self._open = True
            self._changed.notify_all()
        stayed = self._wait(path, connection)
        with self._changed:
            self._in_progress -= 1
            self.hung_up += not stayed
            self._changed.notify_all()
            status = self._statuses.get(path, 200)
        return (status, {"name": path, "ok": status == 200}) if stayed else None

    def count_answer(self, path: str) -> None:
        """Take note that an answer is on its way."""
        with self._changed:
            self.answered[path] += 1
            self._changed.notify_all()

    def _wait(self, path: str, connection: socket.socket) -> bool:
        while True:
            with self._changed:
                if path in self._released:
                    return True
                if path not in self._held:
                    if not self._open and time.monotonic() - self._last_s > QUIET_S:
                        self._open = True
                        self._changed.notify_all()
                    if self._open:
                        return True
                self._changed.wait(_LOOK_S)
            if _has_gone(connection):
                return False


@contextlib.contextmanager
def serving(statuses: Mapping[str, int] | None = None) -> Iterator[Upstream]:
    """Serve a dependency, and tell the app's ``dependency.py`` where it is.

    Args:
        statuses: Of HTTP by path; 200 for any other.
    """
    upstream = Upstream(statuses)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            threading.current_thread().name = _THREADS
            answer = upstream.serve(self.path.strip("/"), self.connection)
            if answer is None:
                return
            status, content = answer
            body = json.dumps(content).encode()
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            upstream.count_answer(self.path.strip("/"))

        def log_message(self, *arguments: Any) -> None:
            """Say nothing: what is printed is the app's."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 256

    with Server(("127.0.0.1", 0), Handler) as server:
        os.environ[_ADDRESS] = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(_LOOK_S,), daemon=True, name=_THREADS)
        thread.start()
        try:
            yield upstream
        finally:
            upstream.release()
            server.shutdown()
            thread.join()


def _has_gone(connection: socket.socket) -> bool:
    try:
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True
