"""Checks exercise 12: connections stay on their loop, are kept where that pays, and are closed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.exercises import database, serving
from benchmarks.exercises.answer import load_module, member
from benchmarks.exercises.finding import Finding, failed, passed

_POOL_SIZE = 2
_CLIENTS = 12
_ANSWER = {"database": "pong"}
_PATIENCE_S = 3.0


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    with database.serving() as counted:
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


def _keeps_two(counted: database.Database) -> Finding:
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
