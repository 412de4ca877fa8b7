"""Checks exercise 5: while the audit log is slow, everybody else is answered, and no entry is lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import load_module, member
from benchmarks.exercises.finding import Finding, failed, passed

_EARLY_S = 0.3
"""An answer that goes out before its entry is written is there by then."""


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    with upstream.serving() as others:
        served = member(load_module(folder, "app"), "served")
        with serving.on_its_loop(served) as shop:
            yield _writes_down(shop, others)
            others.hold("audit-price-coffee")
            asking = shop.begin("/price/coffee", timeout_s=20)
            asked = others.wait_until_asked("audit-price-coffee")
            yield _stays_awake(shop.ask("/health"), asked=asked)
            early = bool(wait([asking], timeout=_EARLY_S).done)
            others.release()
            yield _writes_first(asking.result(), early=early)


def _writes_down(shop: serving.Served, others: upstream.Upstream) -> Finding:
    what = "GET /price/tea answers, and its entry is in the audit log"
    reply = shop.ask("/price/tea")
    if reply is None or reply.status != 200 or reply.json != {"thing": "tea", "known": True}:
        return failed(what, "changed-answer", f"The answer is {reply}. {serving.LOOK}")
    if not others.wait_until_asked("audit-price-tea"):
        return failed(
            what,
            "entry-lost",
            "The audit log was never asked. What `asyncio.to_thread(...)` returns does nothing until it is awaited; "
            "and an app that writes nothing down blocks nobody, but that was not the task.",
        )
    return passed(what)


def _stays_awake(reply: serving.Reply | None, *, asked: bool) -> Finding:
    what = "while the audit log takes its time, GET /health is answered"
    if not asked:
        return failed(what, "entry-lost", "The audit log was not asked, or not with the same entry as before.")
    if reply is not None and reply.status == 200:
        return passed(what)
    return failed(
        what,
        "loop-stands-still",
        "It was not: the loop itself waits for the audit log. An `async def` around a blocking call, or an `await` "
        "beside it, changes nothing: the loop goes on only where something is awaited that is not there yet. Go down "
        "from `record` to the first call without `await` that leaves this machine.",
    )


def _writes_first(reply: serving.Reply | None, *, early: bool) -> Finding:
    what = "the answer goes out only after its entry is written"
    if early:
        return failed(
            what,
            "fire-and-forget",
            "It was there while the audit log still held the entry. A task that nobody awaits frees the loop, and also "
            "loses errors, and entries when the process ends. Await it: the loop is free meanwhile all the same.",
        )
    if reply is None or reply.status != 200:
        return failed(what, "changed-answer", f"The answer is {reply}. {serving.LOOK}")
    return passed(what)
