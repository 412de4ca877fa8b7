"""Checks exercise 12: connections stay on their loop, are kept where that pays, and are closed."""

from __future__ import annotations

import contextlib
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import load_module, member
from benchmarks.exercises.finding import Finding, tried, when

_POOL_SIZE = 2
_CLIENTS = 12
_ANSWER = {"database": "pong"}
_PATIENCE_S = 3.0


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    with serving_database() as counted:
        application = load_module(folder, "app")
        app, served = member(application, "app"), member(application, "served")
        answered = _by_wsgi(app, 1)
        yield tried(
            "under WSGI the first request is answered",
            when(
                not all(answered),
                "no-lifespan-under-wsgi",
                f"It is not. {serving.LOOK} No lifespan runs under WSGI: a loop is made for each request and "
                "none is the server's. A loop without a pool needs one for this request.",
            ),
        )
        answered = _by_wsgi(app, 1) + _by_wsgi(app, _CLIENTS)
        yield tried(
            f"and so are {_CLIENTS} more, at once",
            when(
                not all(answered),
                "pool-crosses-loops",
                f"{answered.count(False)} of {len(answered)} failed or never came. Each of them has its own event "
                "loop, and gets a connection that was opened on another: what arrives there wakes no task here. Which "
                "pool may a request use? The one of `asyncio.get_running_loop()`.",
            ),
        )
        left = counted.wait_until_left()
        yield tried(
            "when they are over, no connection is open",
            when(
                left > 0,
                "connections-leak",
                f"{left} still are. Their loops are gone, so they cannot be closed any more: each request's loop got a "
                "pool that outlives it. What is opened for one request is closed by it, on its loop.",
            ),
        )
        counted.forget()
        with serving.on_its_loop(served) as service:
            replies = [reply for _ in range(2) for reply in service.ask_together(["/ping"] * _CLIENTS)]
            wrong = [reply for reply in replies if (reply.status, reply.json) != (200, _ANSWER)]
            yield tried(
                f"on the bridge {len(replies)} requests are answered, {_CLIENTS} at once",
                when(
                    bool(wrong),
                    "fails-on-the-bridge",
                    f"{len(wrong)} are not; one answer is {next(iter(wrong), None)}. {serving.LOOK}",
                ),
            )
            told = f"{counted.opened} connections were opened, up to {counted.most_open} at once."
            is_more = max(counted.most_open, counted.opened) > _POOL_SIZE
            yield tried(
                f"by {_POOL_SIZE} connections, which are kept from one request to the next",
                when(
                    is_more and counted.opened <= _CLIENTS,
                    "pool-too-large",
                    f"{told} They are kept, but no request waits for one of {_POOL_SIZE}: how large is the pool, and "
                    "is there only one on the server's loop?",
                ),
                when(
                    is_more,
                    "not-kept",
                    f"{told} A pool for each request limits no request and keeps nothing; one that each request closes "
                    "keeps nothing either. The server's loop outlives requests: make its pool when its `lifespan` is "
                    "entered.",
                ),
            )
        left = counted.wait_until_left()
        yield tried(
            "and closed when the server ends",
            when(
                left > 0,
                "left-open",
                f"{left} stayed open. After its `yield` the lifespan is left, still on the server's loop: the last "
                "moment at which the pool can be closed there.",
            ),
        )


def _by_wsgi(app: Any, clients: int) -> list[bool]:
    """Send requests from threads like a WSGI server's, all at once, and return which were answered."""
    answered: list[bool] = []

    def ask() -> None:
        reply = app.test_client().get("/ping")
        answered.append(reply.status_code == 200 and reply.json == _ANSWER)

    # Daemons: one that hangs, which is the fault to find here, must not block the check.
    threads = [threading.Thread(target=ask, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    until_s = time.monotonic() + _PATIENCE_S
    for thread in threads:
        thread.join(max(0.0, until_s - time.monotonic()))
    return [*answered, *[False] * (clients - len(answered))]


class Database:
    """Counts its connections.

    Attributes:
        opened: Connections that were opened in all.
        most_open: Most connections open at the same moment.
    """

    def __init__(self) -> None:
        self.opened = 0
        self.most_open = 0
        self._open = 0
        self._changed = threading.Condition()

    def forget(self) -> None:
        """Start counting again; open connections stay counted."""
        with self._changed:
            self.opened, self.most_open = 0, self._open

    def wait_until_left(self) -> int:
        """Wait some time for every connection to be closed, and return how many are open then."""
        with self._changed:
            self._changed.wait_for(lambda: self._open == 0, _PATIENCE_S)
            return self._open

    @contextlib.contextmanager
    def connection(self) -> Iterator[None]:
        """Count a connection while it is open."""
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
def serving_database() -> Iterator[Database]:
    """Serve a database at the address that the app's ``pool.py`` reads."""
    database = Database()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with database.connection(), contextlib.suppress(OSError):
                while self.rfile.readline():
                    self.wfile.write(b"pong\n")

    with upstream.listening(Handler, "DATABASE"):
        yield database
