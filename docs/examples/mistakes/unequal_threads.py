"""Unequal threads: two frameworks are compared, but they differ in the size of the thread pool.

FastAPI gives its ``def`` views 40 threads, Hypercorn's WSGI wrapper gives Flask's 6 on a machine with two cores. Here
Flask runs with 6 and with 40 on the same server as FastAPI; its views wait 50 ms for a simulated dependency.

    python docs/examples/mistakes/unequal_threads.py
"""

from __future__ import annotations

import sys

import honest

from benchmarks.contenders import catalogue
from benchmarks.measure.workloads import WAIT
from flask_app import create_app
from flask_app.serving.bridge import EventLoopBridge

FASTAPI = catalogue.find("fastapi-sync@uvicorn")
FEW, EQUAL = 6, 40
VUS = 40


def flask_with_few() -> EventLoopBridge:
    return EventLoopBridge(create_app(), threads=FEW)


def flask_with_equal() -> EventLoopBridge:
    return EventLoopBridge(create_app(), threads=EQUAL)


def compare(setting: honest.Setting) -> None:
    path = WAIT.path_for(FASTAPI)
    flasks = [honest.own_app(__file__, app, "--factory") for app in ("flask_with_few", "flask_with_equal")]
    with honest.serving([FASTAPI, *flasks], path, setting) as (fastapi, few, equal):
        seen = honest.in_rounds(
            {
                "FastAPI": lambda: honest.ask(fastapi, path, setting, vus=VUS),
                "few": lambda: honest.ask(few, path, setting, vus=VUS),
                "equal": lambda: honest.ask(equal, path, setting, vus=VUS),
            },
            setting,
        )
    print(f"FastAPI over Flask: requests served per second by def views that wait {WAIT.wait_ms:g} ms")
    honest.tell(
        honest.rate_ratio(seen["FastAPI"], seen["few"]),
        f"{EQUAL} threads against {FEW}",
        honest.rate_ratio(seen["FastAPI"], seen["equal"]),
        f"{EQUAL} threads each",
    )
    print(f"The first figure is {EQUAL} over {FEW}, and says nothing of a framework. Change one thing at a time.")


if __name__ == "__main__":
    sys.exit(honest.run(__doc__, compare))
