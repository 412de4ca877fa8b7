"""Checks exercise 8: a thread knows its request, also when there are several, and the loop stays free."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import load_module, member, raised_by, told
from benchmarks.exercises.finding import Finding, tried, when

_TOLD = {"request": "1", "in_stock": True}


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    with upstream.serving() as others:
        others.release()
        threads = _watch(load_module(folder, "dependency"))
        application = load_module(folder, "app")
        with serving.on_its_loop(member(application, "served")) as service:
            yield _knows_its_request(member(application, "app"), service.ask("/stock/tea?id=1"))
            asked = ", ".join(name for name in others.asked if name.startswith("stock"))
            yield tried(
                "the session is asked first, and both get the id",
                when(
                    not others.asked["session-1"],
                    "session-skipped",
                    "The session got no request. Less to wait for means less to lose, but the task was to ask both, "
                    "one after the other.",
                ),
                when(
                    not others.asked["stock-tea-1"],
                    "id-lost",
                    f"The stock was asked for {asked}: its log does not show for which request.",
                ),
            )
            others.hold("session-first", "session-second")
            first = service.begin("/stock/tea?id=first", timeout_s=20)
            others.wait_until_asked("session-first")
            second = service.begin("/stock/tea?id=second", timeout_s=20)
            others.wait_until_asked("session-second")
            others.release()
            replies = (first.result(), second.result())
            ids = [reply.json["request"] if reply.status == 200 else None for reply in replies]
            yield tried(
                "two requests at once keep their ids apart",
                when(
                    ids != ["first", "second"],
                    "mixed-up",
                    f"The requests `first` and `second` went out as {ids[0]} and {ids[1]}: they share one variable. "
                    "While one waits, another overwrites it.",
                ),
            )
            others.hold("stock-tea-slow")
            asking = service.begin("/stock/tea?id=slow", timeout_s=20)
            others.wait_until_asked("stock-tea-slow")
            health = service.ask("/health")
            others.release()
            asking.result()
            yield tried(
                "while the stock takes its time, GET /health is answered",
                when(
                    health.status != 200,
                    "blocks-the-loop",
                    "It was not. Called directly, `ask_stock` has its context, for it runs on the event loop itself, "
                    "but it blocks everybody meanwhile. It belongs in a thread.",
                ),
            )
            yield tried(
                "and it is a thread that asks the stock, by the library",
                when(
                    not threads or f"{serving.OWN_THREADS}loop" in threads,
                    "no-thread",
                    "It is not: the library was not used, or by the loop itself. Where everything can be awaited there "
                    "is no thread, and nothing is lost; the task is the other case, a library without an async form.",
                ),
            )


def _watch(dependency: Any) -> set[str]:
    """Record the threads that ask the stock by the library; called before the app imports it."""
    threads: set[str] = set()
    ask = dependency.ask

    @functools.wraps(ask)
    def watched(name: str) -> Any:
        if name.startswith("stock-"):
            threads.add(threading.current_thread().name)
        return ask(name)

    dependency.ask = watched
    return threads


def _knows_its_request(app: Any, reply: serving.Reply) -> Finding:
    wrong = (reply.status, reply.json) != (200, _TOLD)
    error = raised_by(app, "/stock/tea?id=0") if wrong and reply.status != 200 else None
    return tried(
        "GET /stock/tea?id=1 asks the stock in the name of request 1",
        when(
            wrong and reply.status == 200,
            "id-lost",
            f"The answer is {reply}: no error any more, but no id either. The log of the other side shows nothing. "
            "What was to go along is the id of the request that asks.",
        ),
        when(
            isinstance(error, AttributeError),
            "fresh-context",
            f"{told(error)}. There is a context in the thread, a new one: its `g` is empty. `app.app_context()` begins "
            "one, `copy_current_request_context` takes `request` along and begins one for `g`. The thread needs the "
            "one that the request already has.",
        ),
        when(
            isinstance(error, RuntimeError),
            "outside-of-context",
            "Working outside of application context: the thread has a context of its own, without a request. `g` is "
            "only a name for what the *current* context holds, also when it is passed as an argument. Which way of "
            "running a function in a thread takes the context along?",
        ),
        when(wrong, "changed-answer", f"The answer is {reply}. {serving.LOOK}"),
    )
