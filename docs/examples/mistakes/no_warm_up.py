"""No warm-up: the first requests after a server's start are taken as its normal speed.

The first request loads modules, starts threads and fills caches, once. The script times the first ten requests after
the start, and then, on the same servers, another ten after 300 that are discarded.

    python docs/examples/mistakes/no_warm_up.py
"""

from __future__ import annotations

import contextlib
import http.client
import statistics
import sys
import time
from dataclasses import dataclass, field

import honest

from benchmarks.contenders import catalogue
from benchmarks.judge.statistics import paired_ratio
from benchmarks.measure.server import RunningServer
from benchmarks.measure.workloads import HEALTH

TWINS = tuple(catalogue.find(name) for name in ("flask-async@hypercorn", "flask-sync@hypercorn"))
REQUESTS = 10
WARM_UP_REQUESTS = 300
UNKNOWN = "/polled-until-it-answers"
"""A path without a view, so that waiting for the server does not warm it up."""


@dataclass(slots=True)
class Seen:
    """One side's results, round by round: rates of ten requests, and the very first one against a later one."""

    cold_per_s: list[float] = field(default_factory=list)
    warm_per_s: list[float] = field(default_factory=list)
    first_over_later: list[float] = field(default_factory=list)


def compare(setting: honest.Setting) -> None:
    twins = (Seen(), Seen())
    for _ in setting.each_round():
        # New servers in each round: a server that has answered is no longer cold.
        with honest.serving(TWINS, UNKNOWN, setting) as servers:
            for side in setting.order.sample((0, 1), 2):
                look(servers[side], HEALTH.path_for(TWINS[side]), twins[side])
    asynchronous, sync = twins
    print("Flask on Hypercorn's WSGI wrapper: async def over def, requests served per second, one at a time")
    honest.tell(
        paired_ratio(asynchronous.cold_per_s, sync.cold_per_s),
        f"the first {REQUESTS} requests",
        paired_ratio(asynchronous.warm_per_s, sync.warm_per_s),
        f"after {WARM_UP_REQUESTS} others",
    )
    for name, seen in (("async def", asynchronous), ("def", sync)):
        print(f"  the very first request of {name} took {statistics.median(seen.first_over_later):.1f} × a later one")
    print("Load before you measure, as hard as you will, and throw it away.")


def look(server: RunningServer, path: str, seen: Seen) -> None:
    """Measure a server that has just started, warm it up, and measure again."""
    with contextlib.closing(http.client.HTTPConnection(server.host, server.port, timeout=10)) as connection:
        cold_s = latencies_s(connection, path, REQUESTS)
        latencies_s(connection, path, WARM_UP_REQUESTS)
        warm_s = latencies_s(connection, path, REQUESTS)
    seen.cold_per_s.append(REQUESTS / sum(cold_s))
    seen.warm_per_s.append(REQUESTS / sum(warm_s))
    seen.first_over_later.append(cold_s[0] / statistics.median(warm_s))


def latencies_s(connection: http.client.HTTPConnection, path: str, requests: int) -> list[float]:
    """Send a number of requests, one after another, and return how long each took, seconds."""
    took_s = []
    for _ in range(requests):
        began_s = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise honest.NotMeasuredError(f"GET {path} was answered with status {answer.status}: run it again.")
        took_s.append(time.perf_counter() - began_s)
    return took_s


if __name__ == "__main__":
    sys.exit(honest.run(__doc__, compare))
