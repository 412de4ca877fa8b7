"""Checks exercise 8: a thread knows its request, also when there are several, and the loop stays free."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import load_module, member, raised_by, told
from benchmarks.exercises.finding import Finding, failed, passed


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    with upstream.serving() as others:
        others.release()
        threads = _watch(load_module(folder, "dependency"))
        application = load_module(folder, "app")
        with serving.on_its_loop(member(application, "served")) as service:
            yield _knows_its_request(application, service)
            yield _sends_it_along(others)
            yield _keeps_apart(service, others)
            yield _frees_the_loop(service, others)
            yield _asks_in_a_thread(threads)


def _watch(dependency: Any) -> set[str]:
    """Take note of the threads that ask the stock by the library; before the app imports it."""
    threads: set[str] = set()
    ask = dependency.ask

    @functools.wraps(ask)
    def watched(name: str) -> Any:
        if name.startswith("stock-"):
            threads.add(threading.current_thread().name)
        return ask(name)

    dependency.ask = watched
    return threads


def _knows_its_request(application: ModuleType, service: serving.Served) -> Finding:
    what = "GET /stock/tea?id=1 asks the stock in the name of request 1"
    reply = service.ask("/stock/tea?id=1")
    if reply is not None and (reply.status, reply.json) == (200, {"request": "1", "in_stock": True}):
        return passed(what)
    if reply is not None and reply.status == 200 and reply.json != {"request": "1", "in_stock": True}:
        return failed(
            what,
            "id-lost",
            f"The answer is {reply}: no error any more, and no id either. Whoever reads the log of the other side "
            "learns nothing. What was to go along is the id of the request that asks.",
        )
    error = raised_by(member(application, "app"), "/stock/tea?id=0")
    if isinstance(error, AttributeError):
        return failed(
            what,
            "fresh-context",
            f"{told(error)}. There is a context in the thread, a new one: its `g` is empty. `app.app_context()` "
            "begins one, `copy_current_request_context` takes `request` along and begins one for `g`. The thread "
            "needs the one that the request already has.",
        )
    if isinstance(error, RuntimeError):
        return failed(
            what,
            "outside-of-context",
            "Working outside of application context: the thread has a context of its own, in which there is no "
            "request. `g` is only a name for what the *current* context holds, also when it is passed as an argument. "
            "Which way of running something in a thread takes the context along?",
        )
    return failed(what, "changed-answer", f"The answer is {reply}. {serving.LOOK}")


def _sends_it_along(others: upstream.Upstream) -> Finding:
    what = "the session is asked first, and both are told the id"
    if not others.asked["session-1"]:
        return failed(
            what,
            "session-skipped",
            "Nobody asked for the session. With less to wait for there is less to lose, but both were to be asked, one "
            "after the other.",
        )
    if not others.asked["stock-tea-1"]:
        return failed(
            what,
            "id-lost",
            f"The stock was asked for {', '.join(name for name in others.asked if name.startswith('stock'))}: whoever "
            "reads its log does not learn for which request.",
        )
    return passed(what)


def _keeps_apart(service: serving.Served, others: upstream.Upstream) -> Finding:
    what = "two requests at once keep their ids apart"
    others.hold("session-first", "session-second")
    first = service.begin("/stock/tea?id=first", timeout_s=20)
    others.wait_until_asked("session-first")
    second = service.begin("/stock/tea?id=second", timeout_s=20)
    others.wait_until_asked("session-second")
    others.release()
    ids = [
        reply.json["request"] if reply is not None and reply.status == 200 else None for reply in _both(first, second)
    ]
    if ids == ["first", "second"]:
        return passed(what)
    return failed(
        what,
        "mixed-up",
        f"The requests `first` and `second` went out as {ids[0]} and {ids[1]}: one variable for all who are being "
        "served. While one waits, another overwrites it.",
    )


def _both(*asked: Any) -> list[serving.Reply | None]:
    return [reply.result() for reply in asked]


def _frees_the_loop(service: serving.Served, others: upstream.Upstream) -> Finding:
    what = "while the stock takes its time, GET /health is answered"
    others.hold("stock-tea-slow")
    asking = service.begin("/stock/tea?id=slow", timeout_s=20)
    others.wait_until_asked("stock-tea-slow")
    health = service.ask("/health")
    others.release()
    asking.result()
    if health is not None and health.status == 200:
        return passed(what)
    return failed(
        what,
        "blocks-the-loop",
        "It was not. Called directly, `ask_stock` has its context, for it runs on the event loop itself, and holds "
        "everybody up meanwhile. It belongs into a thread.",
    )


def _asks_in_a_thread(threads: set[str]) -> Finding:
    what = "and it is a thread that asks the stock, by the library"
    if threads and f"{serving.OWN_THREADS}loop" not in threads:
        return passed(what)
    return failed(
        what,
        "no-thread",
        "It is not: the library was not asked, or by the loop itself. Where all can be awaited nothing is lost, for "
        "there is no thread; the task is the other case, a library that has no async form.",
    )
