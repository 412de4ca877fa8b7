"""Checks exercises 9, 10 and 12: dependencies are asked at once, for their time, and their connections are kept."""

from __future__ import annotations

import contextlib
import socketserver
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import Answer, Finding, told

DEPENDENCIES = ("database", "stock", "payments")
_TURNS = 5


def concurrent_readiness(answer: Answer) -> Iterator[Finding]:
    """Check exercise 9: three dependencies are asked at once, and one that is down does not hide the others."""
    with upstream.serving() as others, serving.on_its_loop(answer.load("app", "served")) as service:
        others.gather(len(DEPENDENCIES))
        yield tells(answer, "well", service.ask("/ready", timeout_s=20))
        most = others.most_at_once
        yield answer.found("at-once", {"one-after-another": most != len(DEPENDENCIES)}, most=most)
        others.gather(len(DEPENDENCIES) + 1)
        asked, health = others.meanwhile(service, "/ready", *DEPENDENCIES)
        yield answer.found("meanwhile", {"asked-once": not asked, "blocks-the-loop": health.status != 200})
        alone = _begin_with_stock_down(service, others)
        others.release()
        yield tells(answer, "down", alone.result(), down=("stock",))
        first = _begin_with_stock_down(service, others)
        others.fail("stock", 200)
        second = service.begin("/ready")
        others.wait_until_answered("stock", times=2)
        _let_it_be_read(service)
        others.release()
        replies = {"first": first.result(), "second": second.result()}
        is_apart = _is_told(replies["first"], ("stock",)) and _is_told(replies["second"], ())
        yield answer.found("apart", {"shared-between-requests": not is_apart}, **replies)


def tells(
    answer: Answer,
    name: str,
    reply: serving.Reply,
    before: Mapping[str, bool] | None = None,
    *,
    down: tuple[str, ...] = (),
    **values: object,
) -> Finding:
    """Return whether a reply tells the state of every dependency.

    Args:
        answer: Of which it is.
        name: Of the finding, where a colon and the misunderstanding follow the cause of a hint.
        reply: The reply.
        before: Faults that are considered first; see ``Answer.found``.
        down: The dependencies that are down.
        **values: For the words of those faults.
    """
    wrong = not _is_told(reply, down)
    checks = reply.json.get("checks") if isinstance(reply.json, dict) else None
    failing = {name for name in DEPENDENCIES if not isinstance(checks, dict) or checks.get(name) != "pass"}
    if reply.status == 500 or not isinstance(checks, dict):
        misunderstanding = "error came out"
    elif failing == set(down):
        misunderstanding = "status"
    elif not failing:
        misunderstanding = "failure unseen"
    else:
        misunderstanding = "others failed" if len(failing) > len(down) else "mixed up"
    keys = [key for key in answer.exercise.findings[name] if key.endswith(f": {misunderstanding}")]
    faults = {
        **(before or {}),
        "changed-answer": wrong and (not reply.status or not down),
        **dict.fromkeys(keys, wrong),
    }
    status, expected = _expected(down)
    values |= {"reply": reply, "status": status, "expected": expected, "down": " and ".join(down)}
    return answer.found(name, faults, **values)


def _expected(down: tuple[str, ...]) -> tuple[int, object]:
    checks = {name: "fail" if name in down else "pass" for name in DEPENDENCIES}
    return 503 if down else 200, {"checks": checks}


def _is_told(reply: serving.Reply, down: tuple[str, ...]) -> bool:
    return (reply.status, reply.json) == _expected(down)


def _begin_with_stock_down(service: serving.Served, others: upstream.Upstream) -> Future[serving.Reply]:
    """Send a request; the stock, which is down, has answered when this returns, and the other two have not."""
    others.fail("stock", 503)
    others.forget()
    others.hold(*DEPENDENCIES)
    asking = service.begin("/ready")
    others.wait_until_asked("stock")
    others.hold("database", "payments")
    others.wait_until_answered("stock")
    _let_it_be_read(service)
    return asking


def _let_it_be_read(service: serving.Served) -> None:
    """Wait until the loop has read the answers so far: it has when it has answered other requests since."""
    for _ in range(_TURNS):
        if not service.ask("/health", timeout_s=1).status:
            return


def time_out_the_gather(answer: Answer) -> Iterator[Finding]:
    """Check exercise 10: one that never answers counts as down after its time, and is not waited for longer."""
    with upstream.serving() as others, serving.on_its_loop(answer.load("app", "served")) as service:
        others.release()
        yield tells(answer, "well", service.ask("/ready"))
        others.gather(len(DEPENDENCIES))
        others.hold("stock")
        reply = service.ask("/ready")
        together = others.most_at_once
        error = answer.raised("/ready") if reply.status == 500 else None
        before = {
            "waits-for-ever": not reply.status,
            "one-after-another": together < len(DEPENDENCIES),
            "raises": error is not None and not isinstance(error, TimeoutError | ExceptionGroup),
        }
        yield tells(answer, "silent", reply, before, down=("stock",), error=told(error))
        yield answer.found("left", {"left-waiting": others.wait_until_left() > 0})
        others.release()
        others.fail("stock", 503)
        reply = service.ask("/ready")
        yield tells(answer, "failing", reply, {"down-not-told": reply.status == 500}, down=("stock",))


_POOL_SIZE = 2
_CLIENTS = 12
_PONG = {"database": "pong"}


def fix_the_shared_pool(answer: Answer) -> Iterator[Finding]:
    """Check exercise 12: connections stay on their loop, are kept where that pays, and are closed."""
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
            wrong = [reply for reply in replies if (reply.status, reply.json) != (200, _PONG)]
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
        answered.append(reply.status_code == 200 and reply.json == _PONG)

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
