"""Three requests: time each contender with ``curl`` three times, and compare.

Two servers run the same program, so the true ratio is 1. Forty people each send both of them three requests and believe
the result.

    python docs/examples/mistakes/three_requests.py
"""

from __future__ import annotations

import statistics
import sys
import time

import honest

from benchmarks.contenders import catalogue
from benchmarks.judge import wording
from benchmarks.measure.server import RunningServer
from benchmarks.measure.workloads import HEALTH

SUBJECT = catalogue.find("fastapi-async@uvicorn")
PEOPLE = 40
REQUESTS = 3
NOTABLE = 0.1


def compare(setting: honest.Setting) -> None:
    path = HEALTH.path_for(SUBJECT)
    with honest.serving([SUBJECT, SUBJECT], path, setting) as (one, other):
        seen = honest.in_rounds(
            {"one": lambda: honest.ask(one, path, setting), "other": lambda: honest.ask(other, path, setting)}, setting
        )
        # As a rate, so that higher is faster, as in the other scripts.
        believed = sorted(latency_s(other, path) / latency_s(one, path) for _ in range(PEOPLE))
    fair = honest.rate_ratio(seen["one"], seen["other"])
    asked = sum(result.completed for results in seen.values() for result in results)
    faster, slower = sum(ratio > 1 for ratio in believed), sum(ratio < 1 for ratio in believed)
    notable = sum(not 1 - NOTABLE <= ratio <= 1 + NOTABLE for ratio in believed)
    print(f"{SUBJECT.id} against itself; the truth is 1")
    print(f"  the mistake  {PEOPLE} people, {REQUESTS} requests to each: {faster} say faster, {slower} say slower,")
    print(f"               {notable} by over {100 * NOTABLE:g} %; from {believed[0]:.2f} × to {believed[-1]:.2f} ×")
    print(f"  honest       {wording.ratio(fair)} from {asked:,} requests: {honest.found(fair)}")
    print("Three requests time what else the machine did just then. It takes thousands, in turns, and an interval.")


def latency_s(server: RunningServer, path: str) -> float:
    """Return the average duration of three requests, seconds, each on a new connection, as with ``curl``."""
    took_s = []
    for _ in range(REQUESTS):
        began_s = time.perf_counter()
        server.get(path)
        took_s.append(time.perf_counter() - began_s)
    return statistics.fmean(took_s)


if __name__ == "__main__":
    sys.exit(honest.run(__doc__, compare, rounds=5))
