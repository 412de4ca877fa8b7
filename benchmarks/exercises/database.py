"""A database on loopback that counts its connections, and answers each line with a word."""

from __future__ import annotations

import contextlib
import os
import socketserver
import threading
from collections.abc import Iterator

_ADDRESS = "DATABASE"
_POLL_S = 0.02
_PATIENCE_S = 3.0


class Database:
    """What its clients did.

    Attributes:
        opened: Connections that were opened, in all.
        most_open: The most that were open at the same moment.
    """

    def __init__(self) -> None:
        self.opened = 0
        self.most_open = 0
        self._open = 0
        self._changed = threading.Condition()

    @property
    def open(self) -> int:
        """Connections that are open now."""
        with self._changed:
            return self._open

    def forget(self) -> None:
        """Begin to count anew; what is open stays counted."""
        with self._changed:
            self.opened, self.most_open = 0, self._open

    def wait_until_left(self) -> int:
        """Wait for every connection to be closed, but not for ever, and return how many are open then."""
        with self._changed:
            self._changed.wait_for(lambda: self._open == 0, _PATIENCE_S)
            return self._open

    @contextlib.contextmanager
    def connection(self) -> Iterator[None]:
        """Count a connection for as long as it is open."""
        with self._changed:
            self.opened += 1
            self._open += 1
            self.most_open = max(self.most_open, self._open)
        try:
            yield
        finally:
            with self._changed:
                self._open -= 1
                self._changed.notify_all()


@contextlib.contextmanager
def serving() -> Iterator[Database]:
    """Serve a database, and tell the app's ``pool.py`` where it is."""
    database = Database()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with database.connection(), contextlib.suppress(OSError):
                while self.rfile.readline():
                    self.wfile.write(b"pong\n")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        os.environ[_ADDRESS] = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(_POLL_S,), daemon=True)
        thread.start()
        try:
            yield database
        finally:
            server.shutdown()
            thread.join()
