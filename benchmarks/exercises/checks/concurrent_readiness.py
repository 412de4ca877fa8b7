"""Checks exercise 9: three dependencies are asked at once, and one that is down is one that is down."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import load_module, member
from benchmarks.exercises.finding import Finding, failed, passed

DEPENDENCIES = ("database", "stock", "payments")
_TURNS = 5


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    with upstream.serving() as others:
        served = member(load_module(folder, "app"), "served")
        with serving.on_its_loop(served) as service:
            others.gather(len(DEPENDENCIES))
            reply = service.ask("/ready", timeout_s=20)
            yield tells(reply, "the answer tells of all three, and is a 200", down=())
            yield asks_at_once(others)
            yield _frees_the_loop(service, others)
            alone = _begin_with_stock_down(service, others)
            others.release()
            yield tells(alone.result(), "with one of them down it is a 503 that tells which", down=("stock",))
            yield _keeps_apart(service, others)


def tells(reply: serving.Reply | None, what: str, *, down: tuple[str, ...]) -> Finding:
    """Find whether an answer tells of every dependency what is so."""
    expected = {name: "fail" if name in down else "pass" for name in DEPENDENCIES}
    status = 503 if down else 200
    if reply is not None and (reply.status, reply.json) == (status, {"checks": expected}):
        return passed(what)
    if reply is None or not down:
        return failed(
            what, "changed-answer", f"The answer is {reply}, and was to be {status} {expected}. {serving.LOOK}"
        )
    cause, hint = _misunderstood(reply, down, status)
    return failed(what, cause, f"With {' and '.join(down)} down it is {reply}. {hint}")


def _misunderstood(reply: serving.Reply, down: tuple[str, ...], status: int) -> tuple[str, str]:
    """Return what is the matter with an answer while some are down: the cause, and the rest of the hint."""
    body = reply.json
    checks = body.get("checks") if isinstance(body, dict) else None
    if reply.status == 500 or not isinstance(checks, dict):
        return "one-failure-fails-all", (
            "The error of one dependency came out of the view, and with it went what the other two had answered. Where "
            "is it caught: around one question, or around all? (A `TaskGroup` raises an `ExceptionGroup`.)"
        )
    failing = {name for name in DEPENDENCIES if checks.get(name) != "pass"}
    if failing == set(down):
        return "status-lost", f"Who only looks at the status takes it for ready: that was to be {status}."
    if not failing:
        return "failure-unseen", (
            "An error that is returned like an answer, as `return_exceptions=True` does it, is as true as any object: "
            "somebody has to look at what it is."
        )
    if len(failing) > len(down):
        return "one-failure-fails-all", (
            "The others were well. One error ended the asking of all: a `try` around all three, or a `TaskGroup`, "
            "which cancels the rest at the first error. Catch it inside of what asks one."
        )
    return "mixed-up", (
        "The answers come in the order in which they are ready, which is not the order in which you asked: keep each "
        "with its name."
    )


def asks_at_once(others: upstream.Upstream) -> Finding:
    """Find whether all dependencies had been asked before the first was answered."""
    what = "all three are asked before the first has answered"
    if others.most_at_once == len(DEPENDENCIES):
        return passed(what)
    return failed(
        what,
        "one-after-another",
        f"At most {others.most_at_once} of {len(DEPENDENCIES)} was waited for at a time. Each `await` ends before the "
        "next question is asked, also when it awaits a task that was made in the same line. Begin all of them first, "
        "and await them together.",
    )


def _frees_the_loop(service: serving.Served, others: upstream.Upstream) -> Finding:
    what = "while they take their time, GET /health is answered"
    others.gather(len(DEPENDENCIES) + 1)
    others.hold(*DEPENDENCIES)
    asking = service.begin("/ready", timeout_s=20)
    asked = others.wait_until_asked(DEPENDENCIES[0])
    health = service.ask("/health")
    others.release()
    asking.result()
    if not asked:
        return failed(
            what,
            "asked-once",
            "Nobody asked them: the answer was that of the request before. What is well now may be down in a second; "
            "each request asks anew.",
        )
    if health is not None and health.status == 200:
        return passed(what)
    return failed(
        what,
        "blocks-the-loop",
        "It was not. The dependencies are asked at once, by threads; but the view waits for those threads without "
        "`await`, and the event loop with it. The dependency has an async form: with that no thread is needed at all.",
    )


def _begin_with_stock_down(service: serving.Served, others: upstream.Upstream) -> Future[serving.Reply | None]:
    """Begin to ask; the stock, which is down, has answered when this returns, and the other two have not."""
    others.fail("stock", 503)
    others.gather(2 * len(DEPENDENCIES) + 1)
    others.hold("database", "payments")
    asking = service.begin("/ready", timeout_s=20)
    others.wait_until_asked("stock")
    others.release_one("stock")
    others.wait_until_answered("stock")
    _let_it_be_read(service)
    return asking


def _keeps_apart(service: serving.Served, others: upstream.Upstream) -> Finding:
    what = "and keeps to that when another request finds it well meanwhile"
    first = _begin_with_stock_down(service, others)
    others.fail("stock", 200)
    second = service.begin("/ready", timeout_s=20)
    others.wait_until_answered("stock", times=2)
    _let_it_be_read(service)
    others.release()
    replies = [tells(first.result(), what, down=("stock",)), tells(second.result(), what, down=())]
    if all(reply.passed for reply in replies):
        return passed(what)
    return failed(
        what,
        "shared-between-requests",
        f"The one that found the stock down got {first.result()}, the one after it {second.result()}. A global is "
        "shared by all requests that wait at the same time; what a request finds belongs in its own variables.",
    )


def _let_it_be_read(service: serving.Served) -> None:
    """Wait until the loop has read what it has been sent: it has by the time that it has answered others since."""
    for _ in range(_TURNS):
        if service.ask("/health", timeout_s=1) is None:
            return
