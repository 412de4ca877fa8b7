"""Checks exercise 12: connections stay on their loop, are kept where that pays, and are closed."""

from __future__ import annotations

import contextlib
import socketserver
import threading
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import Answer
from benchmarks.exercises.finding import Finding

_POOL_SIZE = 2
_CLIENTS = 12
_EXPECTED = {"database": "pong"}


def check(answer: Answer) -> Iterator[Finding]:
    """Try the answer."""
    with _serving_database() as database:
        app, served = answer.load("app", "app"), answer.load("app", "served")
        answered = _by_wsgi(app, 1)
        yield answer.found("first", {"no-lifespan-under-wsgi": not all(answered)})
        answered = _by_wsgi(app, 1) + _by_wsgi(app, _CLIENTS)
        faults = {"pool-crosses-loops": not all(answered)}
        yield answer.found("more", faults, missing=answered.count(False), asked=len(answered))
        left = database.wait_until_left()
        yield answer.found("over", {"connections-leak": left > 0}, left=left)
        database.forget()
        with serving.on_its_loop(served) as service:
            replies = []
            for _ in range(2):
                asking = [service.begin("/ping", serving.PATIENCE_S) for _ in range(_CLIENTS)]
                replies += [each.result() for each in asking]
            wrong = [reply for reply in replies if (reply.status, reply.json) != (200, _EXPECTED)]
            said = {"asked": len(replies), "missing": len(wrong), "one": next(iter(wrong), None)}
            yield answer.found("bridge", {"fails-on-the-bridge": bool(wrong)}, **said)
            opened, most = database.asked.total(), database.most_at_once
            is_more = max(most, opened) > _POOL_SIZE
            faults = {"pool-too-large": is_more and opened <= _CLIENTS, "not-kept": is_more}
            yield answer.found("kept", faults, opened=opened, most=most)
        left = database.wait_until_left()
        yield answer.found("closed", {"left-open": left > 0}, left=left)


def _by_wsgi(app: Any, clients: int) -> list[bool]:
    """Send requests from threads like a WSGI server's, all at once, and return which were answered."""
    answered: list[bool] = []

    def ask() -> None:
        reply = app.test_client().get("/ping")
        answered.append(reply.status_code == 200 and reply.json == _EXPECTED)

    # Daemons: one that hangs, which is the fault to find here, must not block the check.
    threads = [threading.Thread(target=ask, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    until_s = time.monotonic() + serving.PATIENCE_S
    for thread in threads:
        thread.join(max(0.0, until_s - time.monotonic()))
    return [*answered, *[False] * (clients - len(answered))]


@contextlib.contextmanager
def _serving_database() -> Iterator[upstream.Upstream]:
    """Serve a database at the address that the app's ``pool.py`` reads, and count its connections."""
    database = upstream.Upstream()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with database.in_progress("connection"), contextlib.suppress(OSError):
                while self.rfile.readline():
                    self.wfile.write(b"pong\n")

    with upstream.listening(Handler, "DATABASE"):
        yield database
