"""Checks exercise 7: many clients wait for the supplier at once, and one thread serves them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import Answer, told
from benchmarks.exercises.finding import Finding

_CLIENTS = 50
_EXPECTED = {"thing": "tea", "in_stock": True}


def check(answer: Answer) -> Iterator[Finding]:
    """Try the answer."""
    with upstream.serving() as supplier, serving.on_its_loop(answer.load("app", "served")) as shop:
        reply = shop.ask("/price/tea")
        error = answer.raised("/price/tea") if reply.status == 500 else None
        faults = {
            "raises": error is not None and not isinstance(error, TypeError | AttributeError),
            "never-awaited": reply.status == 500,
            "changed-answer": (reply.status, reply.json) != (200, _EXPECTED),
        }
        yield answer.found("answers", faults, error=told(error), reply=reply, expected=_EXPECTED)
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
