"""Checks exercise 10: a dependency that never answers is one that is down, and is waited for no longer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import load_module, member
from benchmarks.exercises.checks import concurrent_readiness
from benchmarks.exercises.checks.concurrent_readiness import DEPENDENCIES
from benchmarks.exercises.finding import Finding, failed, passed


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    with upstream.serving() as others:
        application = load_module(folder, "app")
        served = member(application, "served")
        # The upstream holds answers back for longer than that, so as to see who asks at once.
        member(application, "TIMEOUT_S")
        with serving.on_its_loop(served) as service:
            others.release()
            yield concurrent_readiness.tells(
                service.ask("/ready"), "while all are well the answer tells so, and is a 200", down=()
            )
            others.gather(len(DEPENDENCIES))
            yield _gives_up_one(service, others)
            yield _leaves(others)


def _gives_up_one(service: serving.Served, others: upstream.Upstream) -> Finding:
    what = "with one that never answers it is a 503 that tells which, and what the others said"
    others.hold("stock")
    reply = service.ask("/ready")
    expected = {"checks": {name: "fail" if name == "stock" else "pass" for name in DEPENDENCIES}}
    if reply is None:
        return failed(
            what,
            "waits-for-ever",
            "There is no answer at all: the view waits for the last of its dependencies, whatever the others say, and "
            "silence is no exception that somebody could return. Who says how long to wait?",
        )
    if others.most_at_once < len(DEPENDENCIES):
        return failed(
            what,
            "one-after-another",
            "They are asked one after another now, so the times add up: with all three stuck a probe waits three times "
            "as long. Keep the `gather`, and give each of its tasks a time.",
        )
    if (reply.status, reply.json) == (503, expected):
        return passed(what)
    return failed(
        what,
        "one-timeout-for-all",
        f"It is {reply}. Two of them had answered long before: a time limit around all of the asking throws that away. "
        "Put it around each single question.",
    )


def _leaves(others: upstream.Upstream) -> Finding:
    what = "and nobody goes on waiting for it"
    if others.wait_until_left():
        return passed(what)
    return failed(
        what,
        "left-waiting",
        "The answer is out, and the stock still has a client that waits: a task that nobody awaits any more, with its "
        "connection. Each probe leaves one more. `asyncio.wait` with a timeout stops looking, it cancels nothing.",
    )
