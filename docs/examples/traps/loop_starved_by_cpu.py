"""The loop starved by CPU work: ``python docs/examples/traps/loop_starved_by_cpu.py``.

``async def`` helps while a view waits. A view that computes does not wait: it reaches no ``await``, so the loop runs
nothing else meanwhile. A thread shares the interpreter with the loop; a process has its own.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from asking import (
    Gauge,
    ask,
    ask_at_once,
    number,
    pinging,
    pings_alone_s,
    read_no_options,
    serving,
    tell,
    times_as_long,
)
from fastapi import FastAPI
from flask import Flask

from flask_app.serving.bridge import EventLoopBridge

CLIENTS = 4
TIMES = 2
NUMBERS = 500_000  # about thirty milliseconds of work

computing = Gauge()
# It starts its process at the first call. Not with a fork: that would copy the locks of the server's threads.
own_process = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def compute() -> int:
    return sum(n * n % 7 for n in range(NUMBERS))


async def ping() -> str:
    return "pong"


async def on_the_loop() -> str:
    with computing:
        return str(compute())  # the trap: between two awaits no other task runs


def in_a_thread() -> str:
    with computing:
        return str(compute())


async def in_a_process() -> str:
    with computing:
        return str(await asyncio.get_running_loop().run_in_executor(own_process, compute))


async def most() -> str:
    return str(computing.take_most())


VIEWS = {
    "/on-the-loop": "async def that computes",
    "/in-a-thread": "no cure: def, in a thread",
    "/in-a-process": "cure: in a process of its own",
}

flask_app, fastapi_app = Flask(__name__), FastAPI()
for app in (flask_app, fastapi_app):
    app.get("/ping")(ping)
    app.get("/on-the-loop")(on_the_loop)
    app.get("/in-a-thread")(in_a_thread)
    app.get("/in-a-process")(in_a_process)
    app.get("/most")(most)
flask_on_the_loop = EventLoopBridge(flask_app)


def main() -> None:
    read_no_options(__doc__ or "")
    print(f"{CLIENTS} clients, each asks {TIMES} times; the view computes and waits for nothing")
    for framework, served in (("Flask, event-loop bridge", "flask_on_the_loop"), ("FastAPI", "fastapi_app")):
        print(framework)
        with serving(__file__, served) as server:
            alone_s = pings_alone_s(server)
            ask(server, "/in-a-process")  # to start its process
            number(server, "/most")
            for path, view in VIEWS.items():
                with pinging(server) as meanwhile_s:
                    ask_at_once(server, path, CLIENTS, TIMES)
                tell(view, number(server, "/most"), times_as_long(meanwhile_s, alone_s))
    print("\nAn event loop shares one thread between waits, not between computations: each goes on until it is done.")
    print("In threads they take turns with the loop, some milliseconds each, and it is their turn most of the time.")
    print("A process has an interpreter of its own: the loop only waits for it, which is what it is good at.")


if __name__ == "__main__":
    main()
