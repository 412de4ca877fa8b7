"""Checks exercise 8: a thread knows its request, also when there are several, and the loop stays free."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Iterator
from typing import Any

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import Answer, told
from benchmarks.exercises.finding import Finding

_EXPECTED = {"request": "1", "in_stock": True}


def check(answer: Answer) -> Iterator[Finding]:
    """Try the answer."""
    with upstream.serving() as others:
        others.release()
        threads = _watch(answer)
        with serving.on_its_loop(answer.load("app", "served")) as service:
            reply = service.ask("/stock/tea?id=1")
            wrong = (reply.status, reply.json) != (200, _EXPECTED)
            error = answer.raised("/stock/tea?id=0") if wrong and reply.status != 200 else None
            faults = {
                "id-lost": wrong and reply.status == 200,
                "fresh-context": isinstance(error, AttributeError),
                "outside-of-context": isinstance(error, RuntimeError),
                "changed-answer": wrong,
            }
            yield answer.found("name", faults, reply=reply, error=told(error))
            asked = ", ".join(name for name in others.asked if name.startswith("stock"))
            faults = {"session-skipped": not others.asked["session-1"], "id-lost": not others.asked["stock-tea-1"]}
            yield answer.found("both", faults, asked=asked)
            others.hold("session-first", "session-second")
            first = service.begin("/stock/tea?id=first")
            others.wait_until_asked("session-first")
            second = service.begin("/stock/tea?id=second")
            others.wait_until_asked("session-second")
            others.release()
            replies = (first.result(), second.result())
            ids = [reply.json["request"] if reply.status == 200 else None for reply in replies]
            yield answer.found("apart", {"mixed-up": ids != ["first", "second"]}, ids=ids)
            _, health = others.meanwhile(service, "/stock/tea?id=slow", "stock-tea-slow")
            yield answer.found("meanwhile", {"blocks-the-loop": health.status != 200})
            by_the_loop = f"{serving.OWN_THREADS}loop" in threads
            yield answer.found("thread", {"no-thread": not threads or by_the_loop})


def _watch(answer: Answer) -> set[str]:
    """Record the threads that ask the stock by the library; called before the app imports it."""
    threads: set[str] = set()
    ask = answer.load("dependency", "ask")

    @functools.wraps(ask)
    def watched(name: str) -> Any:
        if name.startswith("stock-"):
            threads.add(threading.current_thread().name)
        return ask(name)

    vars(sys.modules["dependency"])["ask"] = watched
    return threads
