"""Checks exercise 7: many clients wait for the supplier at once, and one thread serves them."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from pathlib import Path

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import load_module, member, raised_by, told, view_of
from benchmarks.exercises.finding import Finding, tried, when

_CLIENTS = 50
_ANSWER = {"thing": "tea", "in_stock": True}


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    with upstream.serving() as supplier:
        application = load_module(folder, "app")
        with serving.on_its_loop(member(application, "served")) as shop:
            reply = shop.ask("/price/tea")
            error = raised_by(member(application, "app"), "/price/tea") if reply.status == 500 else None
            yield tried(
                "GET /price/tea answers what the supplier said",
                when(
                    error is not None and not isinstance(error, TypeError | AttributeError),
                    "raises",
                    f"The view raises {told(error)}. {serving.LOOK}",
                ),
                when(
                    reply.status == 500,
                    "never-awaited",
                    f"The answer is a 500. {serving.LOOK} An `async def` function that is called and not awaited gives "
                    "a coroutine, not its result: `TypeError: 'coroutine' object is not subscriptable` says so.",
                ),
                when(
                    (reply.status, reply.json) != (200, _ANSWER),
                    "changed-answer",
                    f"The answer is {reply}, and was to stay {_ANSWER}: how a view waits is its own business.",
                ),
            )
            supplier.gather(_CLIENTS + 1)
            asked = [shop.begin(f"/price/{number}", timeout_s=20) for number in range(_CLIENTS)]
            at_once = supplier.wait_until_together(_CLIENTS)
            threads = sum(not _is_of_the_check(thread) for thread in threading.enumerate())
            supplier.release()
            replies = [reply.result() for reply in asked]
            wrong = at_once < _CLIENTS or threads >= _CLIENTS
            seen = f"{at_once} of {_CLIENTS} waited at once, and the app had {threads} threads beside the loop's."
            yield tried(
                f"{_CLIENTS} clients wait for the supplier at once, and one thread serves them",
                when(
                    wrong and not inspect.iscoroutinefunction(view_of(member(application, "app"), "/price/tea")),
                    "still-def",
                    f"{seen} The view is a `def`, so each wait holds a thread of the bridge's pool, however many it "
                    "has. An `async def` view runs on the event loop itself.",
                ),
                when(
                    wrong and not _is_free(shop, supplier),
                    "blocks-the-loop",
                    f"{seen} The view is `async def`, and yet no client is answered while it waits. Something in it "
                    "waits without `await`: the loop stands still until that returns. Which of the dependency's two "
                    "forms can be awaited?",
                ),
                when(
                    wrong and threads >= at_once > 1,
                    "holds-threads",
                    f"{seen} The loop is free, but each wait holds a thread of a pool. `to_thread` is for calls that "
                    "cannot be awaited; this dependency can.",
                ),
                when(
                    wrong,
                    "waits-in-line",
                    f"{seen} The loop is free and no thread is held: the others wait for their turn. What lets only so "
                    "many through at a time: a lock, a semaphore, a queue?",
                ),
            )
            things = [reply.json["thing"] if reply.status == 200 else None for reply in replies]
            yield tried(
                "each of them gets an answer of its own",
                when(
                    things != [str(number) for number in range(_CLIENTS)],
                    "mixed-up",
                    "Some got no answer, or another client's. What a request needs belongs in its own variables: all "
                    "requests that wait share a global.",
                ),
            )


def _is_of_the_check(thread: threading.Thread) -> bool:
    return thread is threading.main_thread() or thread.name.startswith(serving.OWN_THREADS)


def _is_free(shop: serving.Served, supplier: upstream.Upstream) -> bool:
    """Return whether the loop answers anything while a request waits."""
    supplier.hold("last")
    asking = shop.begin("/price/last", timeout_s=20)
    supplier.wait_until_asked("last")
    answer = shop.ask("/there-is-no-such-page")
    supplier.release()
    asking.result()
    return answer.status != 0
