"""Checks exercise 5: while the audit log is slow, other requests are answered, and no entry is lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import load_module, member
from benchmarks.exercises.finding import Finding, tried, when

_EARLY_S = 0.3
"""Time for an answer that is sent before its entry is written to arrive."""


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    with upstream.serving() as others, serving.on_its_loop(member(load_module(folder, "app"), "served")) as shop:
        reply = shop.ask("/price/tea")
        is_right = reply.status == 200 and reply.json == {"thing": "tea", "known": True}
        yield tried(
            "GET /price/tea answers, and its entry is in the audit log",
            when(not is_right, "changed-answer", f"The answer is {reply}. {serving.LOOK}"),
            when(
                is_right and not others.wait_until_asked("audit-price-tea"),
                "entry-lost",
                "The audit log got no request. What `asyncio.to_thread(...)` returns does nothing until it is awaited; "
                "and an app that writes nothing blocks no client, but that was not the task.",
            ),
        )
        others.hold("audit-price-coffee")
        asking = shop.begin("/price/coffee", timeout_s=20)
        asked = others.wait_until_asked("audit-price-coffee")
        yield tried(
            "while the audit log takes its time, GET /health is answered",
            when(not asked, "entry-lost", "The audit log got no request, or not with the same entry as before."),
            when(
                shop.ask("/health").status != 200,
                "loop-stands-still",
                "It was not: the loop itself waits for the audit log. An `async def` around a blocking call, or an "
                "`await` beside it, changes nothing: the loop continues only where something is awaited that is not "
                "there yet. Go down from `record` to the first call without `await` that leaves this machine.",
            ),
        )
        early = bool(wait([asking], timeout=_EARLY_S).done)
        others.release()
        reply = asking.result()
        yield tried(
            "the answer goes out only after its entry is written",
            when(
                early,
                "fire-and-forget",
                "It was there while the audit log still held the entry. A task that is not awaited frees the loop, but "
                "it also loses errors, and entries when the process ends. Await it: the loop is free meanwhile too.",
            ),
            when(reply.status != 200, "changed-answer", f"The answer is {reply}. {serving.LOOK}"),
        )
