"""Keep what a dependency answered for a while, and let many who ask at once share one question.

Threads and coroutines of any loop may ask: what they wait for is a future of ``concurrent.futures``.
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
    """A question that is on its way.

    Attributes:
        name: Of the dependency.
        leads: Whether whoever holds this is the one to ask, and then to ``settle`` or ``abandon`` it.
        answer: Gives the outcome once it is there; ``None`` when the one who led gave up, and another has to lead.
    """

    name: str
    leads: bool
    answer: Future[Outcome | None]


class Memory:
    """Outcomes by name of the dependency, each for a time.

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
        """Return what is kept of a dependency, or else the question that is on its way, maybe to lead it."""
        with self._lock:
            kept = self._kept.get(name)
            if kept is not None and self._now() - kept[0] < self._keep_s:
                return kept[1]
            answer = self._asking.get(name)
            leads = answer is None
            if answer is None:
                answer = self._asking[name] = Future()
                # Running, it cannot be cancelled: a follower that is given up must not end it for the others.
                answer.set_running_or_notify_cancel()
            return Question(name, leads, answer)

    def settle(self, question: Question, outcome: Outcome) -> None:
        """Answer a question that one leads."""
        with self._lock:
            self._kept[question.name] = (self._now(), outcome)
            del self._asking[question.name]
        question.answer.set_result(outcome)

    def abandon(self, question: Question) -> None:
        """Give up a question that one leads: whoever waits for it may lead instead."""
        with self._lock:
            del self._asking[question.name]
        question.answer.set_result(None)
