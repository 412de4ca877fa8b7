"""Checks exercise 10: a dependency that never answers counts as down after its time, and is not waited for longer."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import Answer, told
from benchmarks.exercises.checks.concurrent_readiness import DEPENDENCIES, tells
from benchmarks.exercises.finding import Finding


def check(answer: Answer) -> Iterator[Finding]:
    """Try the answer."""
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
