"""Checks exercise 7: many wait for the supplier at once, and one thread serves them."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import load_module, member, raised_by, told, view_of
from benchmarks.exercises.finding import Finding, failed, passed

_CLIENTS = 50
_TOGETHER = f"{_CLIENTS} clients wait for the supplier at once, and one thread serves them"
_ANSWER = {"thing": "tea", "in_stock": True}


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    with upstream.serving() as supplier:
        application = load_module(folder, "app")
        with serving.on_its_loop(member(application, "served")) as shop:
            yield _answers(shop.ask("/price/tea"), application)
            supplier.gather(_CLIENTS + 1)
            asked = [shop.begin(f"/price/{number}", timeout_s=20) for number in range(_CLIENTS)]
            at_once = supplier.wait_until_together(_CLIENTS)
            threads = sum(not _is_of_the_check(thread) for thread in threading.enumerate())
            supplier.release()
            replies = [reply.result() for reply in asked]
            if at_once < _CLIENTS or threads >= _CLIENTS:
                is_async = inspect.iscoroutinefunction(view_of(member(application, "app"), "/price/tea"))
                yield _does_not(at_once, threads, is_async=is_async, is_free=_is_free(shop, supplier))
            yield passed(_TOGETHER)
            yield _all_answered(replies)


def _is_of_the_check(thread: threading.Thread) -> bool:
    return thread is threading.main_thread() or thread.name.startswith(serving.OWN_THREADS)


def _is_free(shop: serving.Served, supplier: upstream.Upstream) -> bool:
    """Return whether the loop answers anything at all while somebody waits."""
    supplier.hold("last")
    asking = shop.begin("/price/last", timeout_s=20)
    supplier.wait_until_asked("last")
    answer = shop.ask("/there-is-no-such-page")
    supplier.release()
    asking.result()
    return answer is not None


def _answers(reply: serving.Reply | None, application: ModuleType) -> Finding:
    what = "GET /price/tea answers what the supplier said"
    if reply is not None and reply.status == 500:
        error = raised_by(member(application, "app"), "/price/tea")
        if error is not None and not isinstance(error, TypeError | AttributeError):
            return failed(what, "raises", f"The view raises {told(error)}. {serving.LOOK}")
        return failed(
            what,
            "never-awaited",
            f"The answer is a 500. {serving.LOOK} An `async def` function that is called and not awaited gives a "
            "coroutine, not its result: `TypeError: 'coroutine' object is not subscriptable` says so.",
        )
    if reply is None or reply.status != 200 or reply.json != _ANSWER:
        return failed(
            what,
            "changed-answer",
            f"The answer is {reply}, and was to stay {_ANSWER}: how a view waits is nobody's business but its own.",
        )
    return passed(what)


def _does_not(at_once: int, threads: int, *, is_async: bool, is_free: bool) -> Finding:
    """Find why so few waited at once, or by so many threads."""
    seen = f"{at_once} of {_CLIENTS} waited at once, and the app had {threads} threads beside the loop's."
    if not is_async:
        return failed(
            _TOGETHER,
            "still-def",
            f"{seen} The view is a `def`, so each wait holds a thread of the bridge's pool, however many it has. An "
            "`async def` view runs on the event loop itself.",
        )
    if not is_free:
        return failed(
            _TOGETHER,
            "blocks-the-loop",
            f"{seen} The view is `async def`, and yet nobody is answered while it waits. Something in it waits without "
            "`await`: the loop stands still until that returns, and with it everybody else. Which of the dependency's "
            "two forms can be awaited?",
        )
    if threads >= at_once > 1:
        return failed(
            _TOGETHER,
            "holds-threads",
            f"{seen} The loop is free, but each wait holds a thread of a pool. `to_thread` is for what cannot be "
            "awaited; this dependency can.",
        )
    return failed(
        _TOGETHER,
        "waits-in-line",
        f"{seen} The loop is free and no thread is held: the others wait for their turn. What lets only so many "
        "through at a time: a lock, a semaphore, a queue?",
    )


def _all_answered(replies: list[serving.Reply | None]) -> Finding:
    what = "each of them gets an answer of its own"
    things = [reply.json["thing"] if reply is not None and reply.status == 200 else None for reply in replies]
    if things == [str(number) for number in range(len(replies))]:
        return passed(what)
    return failed(
        what,
        "mixed-up",
        "Some got no answer, or another client's. Whatever a request needs belongs in its own variables: a global is "
        "shared by all who wait.",
    )
