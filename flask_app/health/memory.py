"""Cache a dependency's outcome for a while, and let concurrent requests share one check.

Threads and coroutines of any loop can use it: they wait for a ``concurrent.futures`` future.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from flask_app.health.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Question:
    """A check that is in progress.

    Attributes:
        name: The dependency's name.
        leads: Whether the holder runs the check, and must then ``settle`` or ``abandon`` it.
        answer: The outcome, once available; ``None`` if the leader gave up and another has to lead.
    """

    name: str
    leads: bool
    answer: Future[Outcome | None]


class Memory:
    """Outcomes by the dependency's name, each cached for a time.

    Args:
        keep_s: How long, seconds; 0 keeps nothing and shares nothing.
        now: The clock, seconds.
    """

    def __init__(self, keep_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self.keeps = keep_s > 0
        self._keep_s = keep_s
        self._now = now
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, Outcome]] = {}
        self._asking: dict[str, Future[Outcome | None]] = {}

    def join(self, name: str) -> Outcome | Question:
        """Return a dependency's cached outcome, or else the check in progress, perhaps to lead it."""
        with self._lock:
            kept = self._kept.get(name)
            if kept is not None and self._now() - kept[0] < self._keep_s:
                return kept[1]
            answer = self._asking.get(name)
            leads = answer is None
            if answer is None:
                answer = self._asking[name] = Future()
                # A running future cannot be cancelled: a follower that gives up must not end it for the others.
                answer.set_running_or_notify_cancel()
            return Question(name, leads, answer)

    def settle(self, question: Question, outcome: Outcome) -> None:
        """Publish the outcome of a check that the caller leads."""
        with self._lock:
            self._kept[question.name] = (self._now(), outcome)
            del self._asking[question.name]
        question.answer.set_result(outcome)

    def abandon(self, question: Question) -> None:
        """Give up a check that the caller leads: one of its waiters may lead instead."""
        with self._lock:
            del self._asking[question.name]
        question.answer.set_result(None)
