"""Checks exercise 9: three dependencies are asked at once, and one that is down does not hide the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import load_module, member
from benchmarks.exercises.finding import Fault, Finding, tried, when

DEPENDENCIES = ("database", "stock", "payments")
DOWN = {
    "error came out": (
        "one-failure-fails-all",
        (
            "The error of one dependency came out of the view, and the answers of the other two are lost. Where is it "
            "caught: around one question, or around all? (A `TaskGroup` raises an `ExceptionGroup`.)"
        ),
    ),
    "status": ("status-lost", "A client that only reads the status takes it for ready: that was to be 503."),
    "failure unseen": (
        "failure-unseen",
        (
            "An error that is returned like an answer, as by `return_exceptions=True`, is truthy like any object: "
            "its type has to be checked."
        ),
    ),
    "others failed": (
        "one-failure-fails-all",
        (
            "The others were well. One error ended the asking of all: a `try` around all three, or a `TaskGroup`, "
            "which cancels the rest at the first error. Catch it inside of what asks one."
        ),
    ),
    "mixed up": (
        "mixed-up",
        (
            "The answers come in the order in which they are ready, which is not the order of the questions: keep each "
            "with its name."
        ),
    ),
}
"""Cause and hint by what an answer got wrong while a dependency is down."""

_TURNS = 5


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    with upstream.serving() as others, serving.on_its_loop(member(load_module(folder, "app"), "served")) as service:
        others.gather(len(DEPENDENCIES))
        reply = service.ask("/ready", timeout_s=20)
        yield tells(reply, "the answer tells of all three, and is a 200", down=())
        yield tried(
            "all three are asked before the first has answered",
            when(
                others.most_at_once != len(DEPENDENCIES),
                "one-after-another",
                f"At most {others.most_at_once} of {len(DEPENDENCIES)} was waited for at a time. Each `await` ends "
                "before the next question is asked, also when it awaits a task that was made in the same line. Begin "
                "all of them first, and await them together.",
            ),
        )
        others.gather(len(DEPENDENCIES) + 1)
        others.hold(*DEPENDENCIES)
        asking = service.begin("/ready", timeout_s=20)
        asked = others.wait_until_asked(DEPENDENCIES[0])
        health = service.ask("/health")
        others.release()
        asking.result()
        yield tried(
            "while they take their time, GET /health is answered",
            when(
                not asked,
                "asked-once",
                "They were not asked: the answer was that of the request before. What is well now may be down in a "
                "second; each request asks anew.",
            ),
            when(
                health.status != 200,
                "blocks-the-loop",
                "It was not. The dependencies are asked at once, by threads; but the view waits for those threads "
                "without `await`, and the event loop with it. The dependency has an async form, which needs no thread.",
            ),
        )
        alone = _begin_with_stock_down(service, others)
        others.release()
        yield tells(alone.result(), "with one of them down it is a 503 that tells which", down=("stock",))
        first = _begin_with_stock_down(service, others)
        others.fail("stock", 200)
        second = service.begin("/ready", timeout_s=20)
        others.wait_until_answered("stock", times=2)
        _let_it_be_read(service)
        others.release()
        what = "and it stays so when another request finds it well meanwhile"
        apart = tells(first.result(), what, down=("stock",)).passed and tells(second.result(), what, down=()).passed
        yield tried(
            what,
            when(
                not apart,
                "shared-between-requests",
                f"The one that found the stock down got {first.result()}, the one after it {second.result()}. All "
                "requests that wait at the same time share a global; what one finds belongs in its own variables.",
            ),
        )


def tells(
    reply: serving.Reply,
    what: str,
    *before: Fault,
    down: tuple[str, ...],
    hints: Mapping[str, tuple[str, str]] = DOWN,
) -> Finding:
    """Return whether an answer tells the state of every dependency.

    Args:
        reply: The answer.
        what: What is tested, in words.
        *before: Faults that are considered first; see ``tried``.
        down: The dependencies that are down.
        hints: Cause and hint of each misunderstanding.
    """
    status = 503 if down else 200
    expected = {"checks": {name: "fail" if name in down else "pass" for name in DEPENDENCIES}}
    wrong = (reply.status, reply.json) != (status, expected)
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
    cause, hint = hints[misunderstanding]
    unlike = f"The answer is {reply}, and was to be {status} {expected}. {serving.LOOK}"
    return tried(
        what,
        *before,
        when(wrong and (not reply.status or not down), "changed-answer", unlike),
        (wrong, cause, f"With {' and '.join(down)} down it is {reply}. {hint}"),
    )


def _begin_with_stock_down(service: serving.Served, others: upstream.Upstream) -> Future[serving.Reply]:
    """Send a request; the stock, which is down, has answered when this returns, and the other two have not."""
    others.fail("stock", 503)
    others.gather(2 * len(DEPENDENCIES) + 1)
    others.hold("database", "payments")
    asking = service.begin("/ready", timeout_s=20)
    others.wait_until_asked("stock")
    others.release_one("stock")
    others.wait_until_answered("stock")
    _let_it_be_read(service)
    return asking


def _let_it_be_read(service: serving.Served) -> None:
    """Wait until the loop has read the answers so far: it has when it has answered other requests since."""
    for _ in range(_TURNS):
        if not service.ask("/health", timeout_s=1).status:
            return
