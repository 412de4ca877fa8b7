"""Checks exercise 9: three dependencies are asked at once, and one that is down is one that is down."""

from __future__ import annotations

from collections.abc import Iterator
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
            yield _one_down(service, others)


def tells(reply: serving.Reply | None, what: str, *, down: tuple[str, ...]) -> Finding:
    """Find whether an answer tells of every dependency what is so."""
    expected = {"checks": {name: "fail" if name in down else "pass" for name in DEPENDENCIES}}
    if reply is not None and (reply.status, reply.json) == (503 if down else 200, expected):
        return passed(what)
    if reply is None or not down:
        return failed(what, "changed-answer", f"The answer is {reply}, and was to be {expected}. {serving.LOOK}")
    if reply.status == 500:
        return failed(
            what,
            "one-failure-fails-all",
            "It is a 500: the error of one dependency came out of the view, and with it went what the other two had "
            "answered. Where is it caught: around one question, or around all?",
        )
    return failed(
        what,
        "mixed-up",
        f"With {' and '.join(down)} down it is {reply.json}. The answers come in the order in which they are ready, "
        "which is not the order in which you asked: keep each with its name.",
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
    others.wait_until_asked(DEPENDENCIES[0])
    health = service.ask("/health")
    others.release()
    asking.result()
    if health is not None and health.status == 200:
        return passed(what)
    return failed(
        what,
        "blocks-the-loop",
        "It was not. The dependencies are asked at once, by threads; but the view waits for those threads without "
        "`await`, and the event loop with it. The dependency has an async form: with that no thread is needed at all.",
    )


def _one_down(service: serving.Served, others: upstream.Upstream) -> Finding:
    others.fail("stock", 503)
    others.gather(len(DEPENDENCIES) + 1)
    others.hold("database", "payments")
    asking = service.begin("/ready", timeout_s=20)
    # The one that is down answers first.
    others.wait_until_asked("stock")
    others.release_one("stock")
    others.wait_until_answered("stock")
    _let_it_be_read(service)
    others.release()
    return tells(asking.result(), "with one of them down it is a 503 that tells which", down=("stock",))


def _let_it_be_read(service: serving.Served) -> None:
    """Wait until the loop has read what it has been sent: it has by the time that it has answered others since."""
    for _ in range(_TURNS):
        if service.ask("/health", timeout_s=1) is None:
            return
