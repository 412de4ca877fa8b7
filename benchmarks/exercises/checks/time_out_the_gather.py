"""Checks exercise 10: a dependency that never answers is one that is down, and is waited for no longer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import load_module, member, raised_by, told
from benchmarks.exercises.checks import concurrent_readiness
from benchmarks.exercises.checks.concurrent_readiness import DEPENDENCIES
from benchmarks.exercises.finding import Finding, failed, passed


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    with upstream.serving() as others:
        application = load_module(folder, "app")
        served = member(application, "served")
        with serving.on_its_loop(served) as service:
            others.release()
            yield concurrent_readiness.tells(
                service.ask("/ready"), "while all are well the answer tells so, and is a 200", down=()
            )
            others.gather(len(DEPENDENCIES))
            yield _gives_up_one(service, others, application)
            yield _leaves(others)
            yield _tells_of_one_down(service, others)


def _gives_up_one(service: serving.Served, others: upstream.Upstream, application: ModuleType) -> Finding:
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
    error = raised_by(member(application, "app"), "/ready") if reply.status == 500 else None
    if error is not None and not isinstance(error, TimeoutError | ExceptionGroup):
        return failed(what, "raises", f"The view raises {told(error)}. {serving.LOOK}")
    cause, hint = _misunderstood(reply)
    return failed(what, cause, f"It is {reply}. {hint}")


def _misunderstood(reply: serving.Reply) -> tuple[str, str]:
    """Return what is the matter with an answer while one is silent: the cause, and the rest of the hint."""
    body = reply.json
    checks = body.get("checks") if isinstance(body, dict) else None
    if reply.status == 500 or not isinstance(checks, dict):
        return "uncaught-timeout", (
            f"{serving.LOOK} Where time is up a `TimeoutError` is raised, which is no `DownError`: who catches it?"
        )
    failing = {name for name in DEPENDENCIES if checks.get(name) != "pass"}
    if failing == {"stock"}:
        return "status-lost", "Who only looks at the status takes it for ready: with one that fails it is a 503."
    if not failing:
        return "silence-passes", (
            "The stock said nothing, and is told to be well. What is a check before anybody has answered, and who sets "
            "it when time is up?"
        )
    if len(failing) > 1:
        return "one-timeout-for-all", (
            "Two of them had answered long before: a time limit around all of the asking throws that away. Put it "
            "around each single question."
        )
    return "mixed-up", (
        "It was the stock that did not answer. Whoever is ready first is not who was asked first: keep each answer "
        "with its name."
    )


def _leaves(others: upstream.Upstream) -> Finding:
    what = "and nobody goes on waiting for it"
    if others.wait_until_left():
        return passed(what)
    return failed(
        what,
        "left-waiting",
        "The answer is out, and the stock still has a client that waits, with its connection: a task that nobody "
        "awaits any more, or a thread. Each probe leaves one more. `asyncio.wait` with a timeout stops looking, it "
        "cancels nothing; and nobody can cancel a thread.",
    )


def _tells_of_one_down(service: serving.Served, others: upstream.Upstream) -> Finding:
    what = "with one that answers by an error it is a 503 that tells which, too"
    others.release()
    others.fail("stock", 503)
    reply = service.ask("/ready")
    if reply is not None and reply.status == 500:
        return failed(
            what,
            "down-not-told",
            f"It is {reply}. {serving.LOOK} Being silent is one way of being down, and an error is the other: both are "
            "a "
            '"fail", and both have to be caught.',
        )
    return concurrent_readiness.tells(reply, what, down=("stock",))
