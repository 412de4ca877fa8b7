"""A blocking call in ``async def``: ``python docs/examples/traps/blocking_in_async.py``.

``time.sleep`` stands for every call that waits without ``await``: ``requests.get``, a database driver without an async
form, a big file read at once. The same views run under Flask, behind the event-loop bridge, and under FastAPI.
"""

from __future__ import annotations

import asyncio
import time

from asking import Gauge, ask_at_once, number, pinging, pings_alone_s, read_no_options, serving, tell, times_as_long
from fastapi import FastAPI
from flask import Flask

from flask_app.serving.bridge import EventLoopBridge

CLIENTS = 10
WAIT_S = 0.05

waiting = Gauge()


async def ping() -> str:
    return "pong"


async def blocking() -> str:
    with waiting:
        time.sleep(WAIT_S)  # the trap: this blocks the loop, and every request on it
    return "ok"


def in_a_thread() -> str:
    with waiting:
        time.sleep(WAIT_S)  # the same call in the right place: a def view has a worker thread
    return "ok"


async def awaited() -> str:
    with waiting:
        await asyncio.sleep(WAIT_S)  # the call's async form: the loop does other things meanwhile
    return "ok"


async def most() -> str:
    return str(waiting.take_most())


VIEWS = {
    "/blocking": "async def with time.sleep",
    "/in-a-thread": "cure: def with time.sleep",
    "/awaited": "cure: async def with await asyncio.sleep",
}

flask_app, fastapi_app = Flask(__name__), FastAPI()
for app in (flask_app, fastapi_app):
    app.get("/ping")(ping)
    app.get("/blocking")(blocking)
    app.get("/in-a-thread")(in_a_thread)
    app.get("/awaited")(awaited)
    app.get("/most")(most)
flask_on_the_loop = EventLoopBridge(flask_app)


def main() -> None:
    read_no_options(__doc__ or "")
    print(f"{CLIENTS} clients ask at once; the view waits {1_000 * WAIT_S:.0f} ms")
    for framework, served in (("Flask, event-loop bridge", "flask_on_the_loop"), ("FastAPI", "fastapi_app")):
        print(framework)
        with serving(__file__, served) as server:
            alone_s = pings_alone_s(server)
            for path, view in VIEWS.items():
                with pinging(server) as meanwhile_s:
                    ask_at_once(server, path, CLIENTS)
                tell(view, number(server, "/most"), times_as_long(meanwhile_s, alone_s))
    print("\nOne blocking call in one async def view stops every request of the process, also of other views.")
    print("Await the call's async form; where there is none, write def: worker threads are there for that.")


if __name__ == "__main__":
    main()
