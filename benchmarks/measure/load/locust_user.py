"""A virtual user of Locust's, and Locust's statistics of one interval.

This imports Locust, and with it gevent, which changes Python's sockets and threads for the whole process: only the
processes of ``locust_process`` import this module.
"""

from __future__ import annotations

import base64
import dataclasses
import os
import time
from collections import Counter
from typing import Any, ClassVar

import gevent
from locust import FastHttpUser, constant, task
from locust.env import Environment

from benchmarks.measure.load.engine import ERROR_KINDS, LoadOrder
from benchmarks.measure.load.locust_statistics import Statistics
from benchmarks.trials import FOLLOW_S

PAUSE_S = 0.05
_HEADERS = {"Accept-Encoding": "identity"}
_POLL_S = 0.01


class LabUser(FastHttpUser):  # type: ignore[misc]  # Locust is not installed everywhere
    """A virtual user: sends its next request as soon as it has its answer.

    Attributes:
        order: The load; set before users begin.
        url: Its address; the base address that a master sends with its users is not used. Empty for no requests.
        body: Of a valid answer; ``None`` for any of its length.
        there: The users that run.
        answered: Whether it has ever had a whole answer, valid or not.
        asked_s: When it sent the request in flight, on the clock of ``time.monotonic()``; ``None`` for none.
    """

    wait_time = constant(0)
    # One connection for each user. When a server disconnects, Locust's client tries again, once more than this.
    concurrency = 1
    order: ClassVar[LoadOrder]
    url: ClassVar[str] = ""
    body: ClassVar[bytes | None] = None
    there: ClassVar[set[LabUser]] = set()

    def on_start(self) -> None:
        """Join the running users."""
        self.answered = False
        self.asked_s: float | None = None
        self.there.add(self)

    def on_stop(self) -> None:
        """Leave the running users."""
        self.there.discard(self)

    @task  # type: ignore[untyped-decorator]  # the same
    def ask(self) -> None:
        """Send one request."""
        if not self.url:
            gevent.sleep(PAUSE_S)
            return
        order = self.order
        self.asked_s = time.monotonic()
        with self.client.request(
            order.method,
            self.url,
            name=order.path,
            catch_response=True,
            allow_redirects=False,
            headers={**_HEADERS, **order.headers},
            data=base64.b64decode(order.body_base64) or None,
        ) as answer:
            status = answer.status_code
            if not status:
                answer.failure("timeout" if _timed_out(getattr(answer, "error", None)) else "connection")
            elif not order.is_valid(status):
                answer.failure("status")
            elif order.expected_body_bytes is not None and (
                len(answer.content) != order.expected_body_bytes or (self.body or answer.content) != answer.content
            ):
                answer.failure("body")
            else:
                answer.success()
        self.asked_s = None
        if status:
            self.answered = True
        else:
            gevent.sleep(PAUSE_S)


def rest() -> None:
    """Let users that begin from now on send nothing."""
    LabUser.url = ""


def prepare(environment: Any, order: LoadOrder) -> None:
    """Let users that begin from now on send this load."""
    LabUser.order = order
    LabUser.body = order.expected_body
    LabUser.network_timeout = LabUser.connection_timeout = order.load.timeout_s
    LabUser.there.clear()
    environment.host = LabUser.host = f"http://{order.authority}"
    LabUser.url = order.url


def wait_until_warm(order: LoadOrder, users: int) -> None:
    """Block for the warm-up, and longer until every user has been answered once, or a timeout has passed."""
    began_s = time.monotonic()
    gevent.sleep(order.load.warmup_s)
    ends_s = began_s + order.load.warmup_s + order.load.timeout_s
    while time.monotonic() < ends_s:
        if len(LabUser.there) >= users and all(user.answered for user in LabUser.there):
            return
        gevent.sleep(_POLL_S)


def measure(environment: Any, duration_s: float) -> Statistics:
    """Block for the interval and return what Locust counted in it."""
    stats = environment.stats
    stats.reset_all()
    began_s, cpu_s = time.monotonic(), _cpu_s()
    gevent.sleep(duration_s)
    # Nothing else runs between these lines: greenlets switch only where one waits.
    ended_s, used_s = time.monotonic(), _cpu_s() - cpu_s
    total = stats.total
    errors: Counter[str] = Counter()
    for error in stats.errors.values():
        errors[_kind_of(error)] += error.occurrences
    seen = Statistics(
        duration_s=ended_s - began_s,
        requests=total.num_requests,
        errors=dict(errors),
        latency_sum_ms=total.total_response_time,
        latency_minimum_ms=total.min_response_time if total.num_requests else None,
        latency_maximum_ms=total.max_response_time if total.num_requests else None,
        latencies_ms=tuple(sorted(total.response_times.items())),
        cpu_s=used_s,
        bodies_compared=None if LabUser.body is None else total.num_requests - errors.total() + errors["body"],
    )
    return dataclasses.replace(seen, unanswered_ms=_follow(ended_s))


def _follow(ended_s: float) -> tuple[float, ...]:
    """Wait for the requests that were in flight at the end, and return the age of each that stayed unanswered."""
    while True:
        asked_s = [user.asked_s for user in LabUser.there if user.asked_s is not None and user.asked_s < ended_s]
        now_s = time.monotonic()
        if not asked_s or now_s > ended_s + FOLLOW_S:
            return tuple(1_000 * (now_s - each_s) for each_s in asked_s)
        gevent.sleep(_POLL_S)


def new_environment() -> Any:
    """Return Locust's environment for this user."""
    # A user that is stopped is cut: its request counts neither as completed nor as an error.
    return Environment(user_classes=[LabUser], catch_exceptions=False, stop_timeout=0)


def _kind_of(error: Any) -> str:
    """Return the kind of error that ``ask`` gave."""
    text = str(error.error)
    return next((kind for kind in ERROR_KINDS if kind in text), "connection")


def _timed_out(error: object) -> bool:
    return "timed out" in str(error).lower() or "timeout" in type(error).__name__.lower()


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system
