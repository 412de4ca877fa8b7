"""Where a request is: the states that a server notes, and the kinds of threads that note them."""

from __future__ import annotations

from enum import Enum
from typing import Literal

LaneKind = Literal["network", "loop", "main", "worker", "own loop"]


class State(str, Enum):  # noqa: UP042 (Python 3.9 has no StrEnum)
    """Where a request is."""

    SENT = "sent"
    ACCEPTED = "accepted"
    QUEUED = "queued for a thread"
    FRAMEWORK = "framework"
    APP = "app running"
    LOOP_CREATED = "loop created"
    VIEW = "view running"
    WAITING = "waiting"
    BLOCKING = "blocking the loop"
    LOOP_CLOSED = "loop closed"
    TO_LOOP = "back to the loop"
    TO_THREAD = "back to its thread"
    ANSWERING = "answering"
    ANSWERED = "answered"
    HELD = "thread held"

    __str__ = str.__str__


RELEASED = "released"
"""The note that ends ``State.HELD``, which is not a state of a request."""
