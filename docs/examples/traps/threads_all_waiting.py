"""A thread pool exhausted by waits: ``python docs/examples/traps/threads_all_waiting.py``.

A ``def`` view holds a worker thread while it waits. FastAPI has 40 of them, the event-loop bridge 40 by default, and
Hypercorn's WSGI wrapper 6 on a machine with two cores. When all of them wait, a ``def`` view that waits for nothing has
to wait for a thread. The ping here is such a view.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from asking import Gauge, ask_at_once, number, pinging, pings_alone_s, read_no_options, serving, tell, times_as_long
from fastapi import FastAPI
from flask import Flask

from flask_app.serving.bridge import EventLoopBridge

CLIENTS = 100
WAIT_S = 0.2
OWN_THREADS = 20

waiting = Gauge()
own_pool = ThreadPoolExecutor(OWN_THREADS, "slow-service")  # starts its threads when they are needed


def ping() -> str:
    return "pong"


def call_the_slow_service() -> None:
    with waiting:
        time.sleep(WAIT_S)


def in_the_pool_of_all() -> str:
    call_the_slow_service()  # the trap: a request that waits here holds a thread that other def views may need
    return "ok"


async def in_a_pool_of_its_own() -> str:
    # As many threads as the slow service can bear; further requests wait on the loop, which costs nothing.
    await asyncio.get_running_loop().run_in_executor(own_pool, call_the_slow_service)
    return "ok"


async def awaited() -> str:
    with waiting:
        await asyncio.sleep(WAIT_S)  # a wait that holds no thread at all
    return "ok"


async def most() -> str:
    return str(waiting.take_most())


VIEWS = {
    "/in-the-pool-of-all": "def, in the threads of all",
    "/in-a-pool-of-its-own": f"cure: {OWN_THREADS} threads of its own",
    "/awaited": "cure: async def with await asyncio.sleep",
}

flask_app, fastapi_app = Flask(__name__), FastAPI()
for app in (flask_app, fastapi_app):
    app.get("/ping")(ping)
    app.get("/in-the-pool-of-all")(in_the_pool_of_all)
    app.get("/in-a-pool-of-its-own")(in_a_pool_of_its_own)
    app.get("/awaited")(awaited)
    app.get("/most")(most)
flask_on_the_loop = EventLoopBridge(flask_app)


def main() -> None:
    read_no_options(__doc__ or "")
    print(f"{CLIENTS} clients ask at once; the view waits {1_000 * WAIT_S:.0f} ms; the ping is a def view")
    for framework, served in (("Flask, event-loop bridge", "flask_on_the_loop"), ("FastAPI", "fastapi_app")):
        print(framework)
        with serving(__file__, served) as server:
            alone_s = pings_alone_s(server)
            for path, view in VIEWS.items():
                with pinging(server) as meanwhile_s:
                    ask_at_once(server, path, CLIENTS)
                tell(view, number(server, "/most"), times_as_long(meanwhile_s, alone_s))
    print("\nNobody computed anything, and a view that does nothing was slow: every thread waited for somebody else.")
    print("Await what can be awaited; give what cannot a pool of its own, so that it runs out alone.")


if __name__ == "__main__":
    main()
