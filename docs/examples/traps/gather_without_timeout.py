"""``gather`` without a timeout: ``python docs/examples/traps/gather_without_timeout.py``.

A view calls three services at once. One of them accepts the request and then sends nothing: no error, no end. A frozen
process behaves like this, or a network that drops packets.
"""

from __future__ import annotations

import asyncio
import time

from asking import Gauge, ask_at_once, number, read_no_options, serving
from fastapi import FastAPI
from flask import Flask

from benchmarks.measure.server import RunningServer
from flask_app.serving.bridge import EventLoopBridge

CLIENTS = 10
PATIENCE_S = 1.0  # of the clients, which then disconnect
TIME_OUT_S = 0.2
SERVICES = ("prices", "stock", "reviews")

working = Gauge()


async def ask_service(name: str) -> str:
    if name == "reviews":
        await asyncio.Event().wait()  # never set
    await asyncio.sleep(0.01)
    return name


async def ping() -> str:
    return "pong"


async def no_time_out() -> str:
    with working:
        return " ".join(await asyncio.gather(*map(ask_service, SERVICES)))  # the trap


async def one_for_all() -> str:
    with working:
        try:
            async with asyncio.timeout(TIME_OUT_S):
                return " ".join(await asyncio.gather(*map(ask_service, SERVICES)))
        except TimeoutError:
            return ""  # two services had answered, and their answers are lost


async def one_for_each() -> str:
    async def ask_in_time(name: str) -> str | None:
        try:
            async with asyncio.timeout(TIME_OUT_S):
                return await ask_service(name)
        except TimeoutError:
            return None  # this part is missing, and the page can say so

    with working:
        # A group, not gather: if one fails in another way, the others are cancelled.
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask_in_time(name)) for name in SERVICES]
        return " ".join(part for task in tasks if (part := task.result()) is not None)


async def still_working() -> str:
    return str(working.inside)


VIEWS = {
    "/no-time-out": "gather, no time-out",
    "/one-for-all": "better: a time-out around gather",
    "/one-for-each": "cure: a time-out for each service",
}

flask_app, fastapi_app = Flask(__name__), FastAPI()
for app in (flask_app, fastapi_app):
    app.get("/ping")(ping)
    app.get("/no-time-out")(no_time_out)
    app.get("/one-for-all")(one_for_all)
    app.get("/one-for-each")(one_for_each)
    app.get("/still-working")(still_working)
flask_on_the_loop = EventLoopBridge(flask_app)


def main() -> None:
    read_no_options(__doc__ or "")
    print(f"{CLIENTS} clients with {PATIENCE_S:g} s of patience; one of three services never answers")
    for framework, served in (("Flask, event-loop bridge", "flask_on_the_loop"), ("FastAPI", "fastapi_app")):
        print(framework)
        with serving(__file__, served) as server:
            left_before = 0
            for path, view in VIEWS.items():
                answers = ask_at_once(server, path, CLIENTS, patience_s=PATIENCE_S)
                bodies = [answer.body.decode().strip('"') for answer in answers if answer is not None]
                parts = max((len(body.split()) for body in bodies), default=0)
                left = settled(server, left_before)
                print(
                    f"  {view:<34} answered: {len(bodies):>2} of {CLIENTS}   parts in an answer: {parts} of "
                    f"{len(SERVICES)}   left working: {left - left_before:>2}"
                )
                left_before = left
    print("\nWithout a time-out the slowest of all decides, and one that never answers decides for ever. A time-out")
    print("around all of them ends the wait and throws the good answers away; one for each loses only what is late.")


def settled(server: RunningServer, left_before: int) -> int:
    """Return how many requests the server still works on, after cancelled ones have had time to end."""
    deadline_s = time.monotonic() + PATIENCE_S
    while (left := number(server, "/still-working")) > left_before and time.monotonic() < deadline_s:
        time.sleep(0.02)
    return left


if __name__ == "__main__":
    main()
