"""Checks exercises 5, 7, 8 and 11: while one request waits or computes, others are answered, each with its own."""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import wait
from typing import Any

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import Answer, Finding, told

_EARLY_S = 0.3
"""Time for an answer that is sent before its entry is written to arrive."""


def find_the_blocking_call(answer: Answer) -> Iterator[Finding]:
    """Check exercise 5: while the audit log is slow, other requests are answered, and no entry is lost."""
    with upstream.serving() as others, serving.on_its_loop(answer.load("app", "served")) as shop:
        reply = shop.ask("/price/tea")
        is_right = reply.status == 200 and reply.json == {"thing": "tea", "known": True}
        is_lost = is_right and not others.wait_until_asked("audit-price-tea")
        yield answer.found("entry", {"changed-answer": not is_right, "entry-lost": is_lost}, reply=reply)
        others.hold("audit-price-coffee")
        asking = shop.begin("/price/coffee")
        asked = others.wait_until_asked("audit-price-coffee")
        health = shop.ask("/health")
        yield answer.found("meanwhile", {"entry-lost": not asked, "loop-stands-still": health.status != 200})
        early = bool(wait([asking], timeout=_EARLY_S).done)
        others.release()
        reply = asking.result()
        yield answer.found("order", {"fire-and-forget": early, "changed-answer": reply.status != 200}, reply=reply)


_CLIENTS = 50
_PRICED = {"thing": "tea", "in_stock": True}


def make_it_async(answer: Answer) -> Iterator[Finding]:
    """Check exercise 7: many clients wait for the supplier at once, and one thread serves them."""
    with upstream.serving() as supplier, serving.on_its_loop(answer.load("app", "served")) as shop:
        reply = shop.ask("/price/tea")
        error = answer.raised("/price/tea") if reply.status == 500 else None
        faults = {
            "raises": error is not None and not isinstance(error, TypeError | AttributeError),
            "never-awaited": reply.status == 500,
            "changed-answer": (reply.status, reply.json) != (200, _PRICED),
        }
        yield answer.found("answers", faults, error=told(error), reply=reply, expected=_PRICED)
        supplier.gather(_CLIENTS + 1)
        asked = [shop.begin(f"/price/{number}") for number in range(_CLIENTS)]
        at_once = supplier.wait_until_together(_CLIENTS)
        threads = sum(not _is_of_the_check(thread) for thread in threading.enumerate())
        supplier.release()
        replies = [reply.result() for reply in asked]
        wrong = at_once < _CLIENTS or threads >= _CLIENTS
        faults = {
            "still-def": wrong and not answer.is_async("/price/tea"),
            "blocks-the-loop": wrong
            # The loop answers nothing while a request waits.
            and not supplier.meanwhile(shop, "/price/last", "last", asked="/there-is-no-such-page")[1].status,
            "holds-threads": wrong and threads >= at_once > 1,
            "waits-in-line": wrong,
        }
        seen = f"{at_once} of {_CLIENTS} waited at once, and the app had {threads} threads beside the loop's."
        yield answer.found("together", faults, seen=seen)
        things = [reply.json["thing"] if reply.status == 200 else None for reply in replies]
        yield answer.found("apart", {"mixed-up": things != [str(number) for number in range(_CLIENTS)]})


def _is_of_the_check(thread: threading.Thread) -> bool:
    return thread is threading.main_thread() or thread.name.startswith(serving.OWN_THREADS)


_NAMED = {"request": "1", "in_stock": True}


def keep_the_context(answer: Answer) -> Iterator[Finding]:
    """Check exercise 8: a thread knows its request, also when there are several, and the loop stays free."""
    with upstream.serving() as others:
        others.release()
        threads = _watch(answer)
        with serving.on_its_loop(answer.load("app", "served")) as service:
            reply = service.ask("/stock/tea?id=1")
            wrong = (reply.status, reply.json) != (200, _NAMED)
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


_SUMMED = {"total": 370_714}
"""The starting state's result."""

_TIMES = 3
"""One may slip in where a computation pauses at its beginning; three do not."""

_APART_S = 0.05


def stop_starving_the_loop(answer: Answer) -> Iterator[Finding]:
    """Check exercise 11: while the report is computed, other requests are answered before it."""
    served = answer.load("app", "served")
    begun, answered = threading.Event(), threading.Event()

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        is_report = scope.get("path") == "/report"
        if is_report:
            begun.set()
        await served(scope, receive, send)
        if is_report:
            # Set here rather than by the client, which may notice much later on a busy machine.
            answered.set()

    with serving.on_its_loop(watched) as service:
        asking = service.begin("/report", timeout_s=60)
        begun.wait(serving.PATIENCE_S)
        before = 0
        for _ in range(_TIMES):
            # One by one: a view that pauses for a moment and then computes would let all of them in at once.
            time.sleep(_APART_S)
            before += service.ask("/health", timeout_s=60).status == 200 and not answered.is_set()
        report = asking.result()
    error = answer.raised("/report") if report.status == 500 else None
    faults = {
        "raises": error is not None and not isinstance(error, TypeError),
        "handed-over-wrongly": report.status == 500,
        "work-changed": (report.status, report.json) != (200, _SUMMED),
    }
    yield answer.found("sum", faults, error=told(error), report=report)
    is_starved = before != _TIMES
    faults = {"broken-promise": is_starved and not answer.is_async("/report"), "starves-the-loop": is_starved}
    yield answer.found("meanwhile", faults, before=before)
