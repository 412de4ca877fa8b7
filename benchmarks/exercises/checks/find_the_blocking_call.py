"""Checks exercise 5: while the audit log is slow, other requests are answered, and no entry is lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import wait

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import Answer
from benchmarks.exercises.finding import Finding

_EARLY_S = 0.3
"""Time for an answer that is sent before its entry is written to arrive."""


def check(answer: Answer) -> Iterator[Finding]:
    """Try the answer."""
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
