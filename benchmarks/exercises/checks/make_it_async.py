"""Checks exercise 7: many wait for the supplier at once, and one thread serves them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import load_module, member
from benchmarks.exercises.finding import Finding, failed, passed

_CLIENTS = 50
_ANSWER = {"thing": "tea", "in_stock": True}


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    with upstream.serving() as supplier:
        application = load_module(folder, "app")
        app, served = member(application, "app"), member(application, "served")
        with serving.on_its_loop(served) as shop:
            yield _answers(shop.ask("/price/tea"))
            supplier.gather(_CLIENTS)
            replies = shop.ask_together([f"/price/{number}" for number in range(_CLIENTS)], timeout_s=20)
            at_once = supplier.most_at_once
            view = inspect.unwrap(app.view_functions["price"])
            yield _waits_together(at_once, is_async=inspect.iscoroutinefunction(view))
            yield _all_answered(replies)


def _answers(reply: serving.Reply | None) -> Finding:
    what = "GET /price/tea answers what the supplier said"
    if reply is not None and reply.status == 500:
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


def _waits_together(at_once: int, *, is_async: bool) -> Finding:
    what = f"{_CLIENTS} clients wait for the supplier at once"
    if at_once == _CLIENTS and is_async:
        return passed(what)
    if not is_async:
        return failed(
            what,
            "still-def",
            f"{at_once} of {_CLIENTS} waited at once: the view is a `def`, so each wait holds a thread of the bridge's "
            "pool, and those are counted. An `async def` view runs on the event loop itself.",
        )
    if at_once == 1:
        return failed(
            what,
            "blocks-the-loop",
            "The view is `async def`, and yet the supplier never saw more than one request at a time. Something in it "
            "waits without `await`: the loop stands still until that returns, and with it everybody else. Which of the "
            "dependency's two forms can be awaited?",
        )
    return failed(
        what,
        "holds-threads",
        f"{at_once} of {_CLIENTS} waited at once. The loop is free, but each wait holds a thread of its default pool, "
        f"which has {at_once} here. `to_thread` is for what cannot be awaited; this dependency can.",
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
