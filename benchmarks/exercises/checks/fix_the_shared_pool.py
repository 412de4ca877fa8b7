"""Checks exercise 12: connections stay on their loop, are kept where that pays, and are closed."""

from __future__ import annotations

import contextlib
import os
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.exercises import serving
from benchmarks.exercises.answer import load_module, member
from benchmarks.exercises.finding import Finding, failed, passed

_POOL_SIZE = 2
_CLIENTS = 12
_ANSWER = {"database": "pong"}
_PATIENCE_S = 3.0


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    with serving_database() as counted:
        application = load_module(folder, "app")
        app, served = member(application, "app"), member(application, "served")
        yield _first(_by_wsgi(app, 1))
        yield _more(_by_wsgi(app, 1) + _by_wsgi(app, _CLIENTS))
        yield _leaves_nothing(counted.wait_until_left())
        counted.forget()
        with serving.on_its_loop(served) as service:
            replies = [reply for _ in range(2) for reply in service.ask_together(["/ping"] * _CLIENTS)]
            yield _on_the_bridge(replies)
            yield _keeps_two(counted)
        yield _closes(counted.wait_until_left())


def _by_wsgi(app: Any, clients: int) -> list[bool]:
    """Ask as a WSGI server's threads would, all at once, and return who was answered."""
    answered: list[bool] = []

    def ask() -> None:
        reply = app.test_client().get("/ping")
        answered.append(reply.status_code == 200 and reply.json == _ANSWER)

    # Daemons: one that hangs, which is the fault to find here, must not hold the check.
    threads = [threading.Thread(target=ask, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    until_s = time.monotonic() + _PATIENCE_S
    for thread in threads:
        thread.join(max(0.0, until_s - time.monotonic()))
    return [*answered, *[False] * (clients - len(answered))]


def _first(answered: list[bool]) -> Finding:
    what = "under WSGI the first request is answered"
    if all(answered):
        return passed(what)
    return failed(
        what,
        "no-lifespan-under-wsgi",
        f"It is not. {serving.LOOK} Nobody enters the lifespan under WSGI: a loop is made for each request and none is "
        "the server's. A loop that has no pool needs one for this once.",
    )


def _more(answered: list[bool]) -> Finding:
    what = f"and so are {_CLIENTS} more, at once"
    if all(answered):
        return passed(what)
    return failed(
        what,
        "pool-crosses-loops",
        f"{answered.count(False)} of {len(answered)} failed or never came. Each of them has an event loop of its own, "
        "and gets a connection that was opened on another's: what arrives there wakes nobody here. Which pool may a "
        "request use? The one of `asyncio.get_running_loop()`.",
    )


def _leaves_nothing(still_open: int) -> Finding:
    what = "when they are over, no connection is open"
    if still_open == 0:
        return passed(what)
    return failed(
        what,
        "connections-leak",
        f"{still_open} still are. Their loops are gone, so nobody can close them any more: each request's loop got a "
        "pool that outlives it. What is opened for one request is closed by it, on its loop.",
    )


def _on_the_bridge(replies: list[serving.Reply | None]) -> Finding:
    what = f"on the bridge {len(replies)} requests are answered, {_CLIENTS} at once"
    wrong = [reply for reply in replies if reply is None or (reply.status, reply.json) != (200, _ANSWER)]
    if not wrong:
        return passed(what)
    return failed(
        what, "fails-on-the-bridge", f"{len(wrong)} are not; one got {wrong[0] or 'no answer'}. {serving.LOOK}"
    )


def _keeps_two(counted: Database) -> Finding:
    what = f"by {_POOL_SIZE} connections, which are kept from one request to the next"
    if counted.most_open <= _POOL_SIZE and counted.opened <= _POOL_SIZE:
        return passed(what)
    told = f"{counted.opened} connections were opened, up to {counted.most_open} at once."
    if counted.opened <= _CLIENTS:
        return failed(
            what,
            "pool-too-large",
            f"{told} They are kept, but nobody is made to wait for one of {_POOL_SIZE}: how large is the pool, and is "
            "there only one on the server's loop?",
        )
    return failed(
        what,
        "not-kept",
        f"{told} A pool for each request limits nobody and keeps nothing; one that each request closes keeps nothing "
        "either. The server's loop outlives requests: make its pool when its `lifespan` is entered.",
    )


def _closes(still_open: int) -> Finding:
    what = "and closed when the server ends"
    if still_open == 0:
        return passed(what)
    return failed(
        what,
        "left-open",
        f"{still_open} stayed open. After its `yield` the lifespan is left, still on the server's loop: the last "
        "moment at which the pool can be closed there.",
    )


_ADDRESS = "DATABASE"
_POLL_S = 0.02


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
def serving_database() -> Iterator[Database]:
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
