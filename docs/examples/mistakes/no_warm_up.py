"""No warm-up: the first requests after a server's start are taken for what it does.

The first request loads modules, starts threads and fills caches, once. Here the first ten requests after the start are
timed, and then, on the same servers, as many again after 300 that were thrown away.

    python docs/examples/mistakes/no_warm_up.py
"""

from __future__ import annotations

import contextlib
import http.client
import sys
import time

import honest

from benchmarks.contenders import catalogue
from benchmarks.judge.statistics import paired_ratio
from benchmarks.measure.schedule import HEALTH
from benchmarks.measure.server import RunningServer

TWINS = tuple(catalogue.find(name) for name in ("flask-async@hypercorn", "flask-sync@hypercorn"))
REQUESTS = 10
WARM_UP_REQUESTS = 300
UNKNOWN = "/polled-until-it-answers"
"""A path without a view, so that whoever waits for the server does not warm it up."""


def compare(setting: honest.Setting) -> None:
    cold: tuple[list[float], list[float]] = ([], [])
    warm: tuple[list[float], list[float]] = ([], [])
    for _ in setting.each_round():
        # New servers in each round: one that has answered will never be cold again.
        with honest.serving(TWINS, UNKNOWN, setting) as servers:
            for side in setting.order.sample((0, 1), 2):
                with _connected(servers[side]) as connection:
                    path = HEALTH.path_for(TWINS[side])
                    cold[side].append(rate_per_s(connection, path, REQUESTS))
                    rate_per_s(connection, path, WARM_UP_REQUESTS)
                    warm[side].append(rate_per_s(connection, path, REQUESTS))
    print("Flask on Hypercorn's WSGI wrapper: async def over def, requests served per second, one at a time")
    honest.tell(
        paired_ratio(*cold), f"the first {REQUESTS} requests", paired_ratio(*warm), f"after {WARM_UP_REQUESTS} others"
    )
    for name, side in (("async def", 0), ("def", 1)):
        slower = paired_ratio(warm[side], cold[side]).value
        print(f"  {name} served {slower:.1f} × as fast when warm")
    print("Load before you measure, as hard as you will, and throw it away.")


def rate_per_s(connection: http.client.HTTPConnection, path: str, requests: int) -> float:
    """Ask so many times, one after another, and return how many that is a second."""
    began_s = time.perf_counter()
    for _ in range(requests):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise honest.NotMeasuredError(f"GET {path} was answered with status {answer.status}: run it again.")
    return requests / (time.perf_counter() - began_s)


def _connected(server: RunningServer) -> contextlib.closing[http.client.HTTPConnection]:
    return contextlib.closing(http.client.HTTPConnection(server.host, server.port, timeout=10))


if __name__ == "__main__":
    sys.exit(honest.run(__doc__, compare))
