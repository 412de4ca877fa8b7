"""Count, for each contender, what the operating system saw while it served: threads, switches, CPU time.

    python docs/examples/where_it_ran.py
    python docs/examples/where_it_ran.py flask-sync@hypercorn --requests 2000

This is not a comparison of speed (use `lab compare` for that): the client here is slow, and prints no rates. But it
shows where a request runs, and how often it moves from one thread to another.
"""

from __future__ import annotations

import argparse
import http.client
import sys
import time

from benchmarks.contenders import catalogue
from benchmarks.errors import LabError
from benchmarks.measure.alone import alone
from benchmarks.measure.observe import Observer
from benchmarks.measure.server import running
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import Contender, Observation

USUAL = (
    "fastapi-sync@uvicorn",
    "fastapi-async@uvicorn",
    "flask-sync@hypercorn",
    "flask-async@hypercorn",
    "flask-async@hypercorn+eventloop",
)
CONNECTIONS = 10
ROUNDS_TO_WARM_UP = 20


def ask(connections: list[http.client.HTTPConnection], path: str, rounds: int) -> None:
    for _ in range(rounds):
        for connection in connections:  # send all before reading one: a server that waits for us would switch too
            connection.request("GET", path)
        for connection in connections:
            connection.getresponse().read()


def observe(contender: Contender, rounds: int) -> Observation | None:
    path = HEALTH.path_for(contender)
    with running(contender, path) as server:
        connections = [http.client.HTTPConnection(server.host, server.port, timeout=20) for _ in range(CONNECTIONS)]
        ask(connections, path, ROUNDS_TO_WARM_UP)
        observer = Observer(server.process.pid)
        observer.begin()
        began_s = time.perf_counter()
        ask(connections, path, rounds)
        took_s = time.perf_counter() - began_s
        observer.end()
        for connection in connections:
            connection.close()
        return observer.observation(rounds * CONNECTIONS / took_s)


def told(number: float | None, form: str) -> str:
    return "not told" if number is None else format(number, form)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contenders", nargs="*", default=USUAL, help="ids of `lab contenders`; five unless told")
    parser.add_argument("--requests", type=int, default=1_000, help="of each; 1000 unless told")
    chosen = parser.parse_args()
    if chosen.requests < 1:
        parser.error("--requests is at least 1.")
    try:
        contenders = [catalogue.find(name) for name in chosen.contenders]
        with alone(wait=True, say=lambda sentence: print(sentence, file=sys.stderr)):
            print(f"{'a request, on average:':<32}{'switches':>9}{'threads started':>17}{'CPU':>9}   threads that ran")
            for contender in contenders:
                seen = observe(contender, -(-chosen.requests // CONNECTIONS))
                if seen is None:
                    continue
                print(
                    f"{contender.id:<32}{told(seen.voluntary_switches_per_request, '.1f'):>9}"
                    f"{told(seen.threads_started_per_request, '.1f'):>17}"
                    f"{told(seen.cpu_us_per_request, ',.0f') + ' µs':>9}   {told(seen.running_threads, 'd')}"
                )
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
