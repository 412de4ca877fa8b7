"""Checks exercise 10: a dependency that never answers counts as down after its time, and is not waited for longer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import load_module, member, raised_by, told
from benchmarks.exercises.checks.concurrent_readiness import DEPENDENCIES, DOWN, tells
from benchmarks.exercises.finding import Finding, tried, when

_SILENT = {
    "error came out": (
        "uncaught-timeout",
        f"{serving.LOOK} When the time is up a `TimeoutError` is raised, which is no `DownError`: who catches it?",
    ),
    "status": DOWN["status"],
    "failure unseen": (
        "silence-passes",
        (
            "The stock said nothing, and is reported as well. What is a check before anybody has answered, and who "
            "sets it when the time is up?"
        ),
    ),
    "others failed": (
        "one-timeout-for-all",
        (
            "Two of them had answered long before: a time limit around all of the asking throws that away. Put it "
            "around each single question."
        ),
    ),
    "mixed up": (
        "mixed-up",
        (
            "It was the stock that did not answer. The first to be ready is not the first that was asked: keep each "
            "answer with its name."
        ),
    ),
}


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    with upstream.serving() as others:
        application = load_module(folder, "app")
        with serving.on_its_loop(member(application, "served")) as service:
            others.release()
            yield tells(service.ask("/ready"), "while all are up the answer says so, and is a 200", down=())
            others.gather(len(DEPENDENCIES))
            others.hold("stock")
            reply = service.ask("/ready")
            together = others.most_at_once
            error = raised_by(member(application, "app"), "/ready") if reply.status == 500 else None
            yield tells(
                reply,
                "with one that never answers it is a 503 that tells which, and what the others said",
                when(
                    not reply.status,
                    "waits-for-ever",
                    "There is no answer at all: the view waits for the last of its dependencies, whatever the others "
                    "say, and silence raises no exception. Who says how long to wait?",
                ),
                when(
                    together < len(DEPENDENCIES),
                    "one-after-another",
                    "They are asked one after another now, so the times add up: with all three stuck a probe waits "
                    "three times as long. Keep the `gather`, and give each of its tasks a time.",
                ),
                when(
                    error is not None and not isinstance(error, TimeoutError | ExceptionGroup),
                    "raises",
                    f"The view raises {told(error)}. {serving.LOOK}",
                ),
                down=("stock",),
                hints=_SILENT,
            )
            yield tried(
                "and no request waits for it any longer",
                when(
                    not others.wait_until_left(),
                    "left-waiting",
                    "The answer is out, and the stock still has a client that waits, with its connection: a task that "
                    "is not awaited any more, or a thread. Each probe leaves one more. `asyncio.wait` with a timeout "
                    "stops waiting, but it cancels nothing; and a thread cannot be cancelled.",
                ),
            )
            others.release()
            others.fail("stock", 503)
            reply = service.ask("/ready")
            yield tells(
                reply,
                "with one that answers by an error it is a 503 that tells which, too",
                when(
                    reply.status == 500,
                    "down-not-told",
                    f"It is {reply}. {serving.LOOK} Silence is one way of being down, and an error is the other: both "
                    'are a "fail", and both have to be caught.',
                ),
                down=("stock",),
            )
