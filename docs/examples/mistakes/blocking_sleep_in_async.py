"""A blocking sleep in ``async def``: a benchmark simulates its slow dependency with ``time.sleep``.

In a ``def`` view that is right: it holds a worker thread, as a blocking driver would. In ``async def`` it stops the
loop, and the benchmark measures that mistake, not the keyword.

    python docs/examples/mistakes/blocking_sleep_in_async.py
"""

from __future__ import annotations

import asyncio
import sys
import time

import honest
from fastapi import FastAPI

from benchmarks.model import HEALTH_BODY

VUS = 20
WAIT_S = 0.02

app = FastAPI()


@app.get("/def")
def waits_in_a_thread() -> dict[str, str | int]:
    time.sleep(WAIT_S)
    return dict(HEALTH_BODY)


@app.get("/async-def-that-blocks")
async def blocks_the_loop() -> dict[str, str | int]:
    time.sleep(WAIT_S)
    return dict(HEALTH_BODY)


@app.get("/async-def")
async def waits_on_the_loop() -> dict[str, str | int]:
    await asyncio.sleep(WAIT_S)
    return dict(HEALTH_BODY)


def compare(setting: honest.Setting) -> None:
    with honest.serving([honest.own_app(__file__, "app")], "/def", setting) as (server,):
        seen = honest.in_rounds(
            {
                "def": lambda: honest.ask(server, "/def", setting, vus=VUS),
                "blocks": lambda: honest.ask(server, "/async-def-that-blocks", setting, vus=VUS),
                "awaits": lambda: honest.ask(server, "/async-def", setting, vus=VUS),
            },
            setting,
        )
    print(f"FastAPI: async def over def, requests served per second by views that wait {1_000 * WAIT_S:g} ms")
    honest.tell(
        honest.rate_ratio(seen["blocks"], seen["def"]),
        "async def with time.sleep",
        honest.rate_ratio(seen["awaits"], seen["def"]),
        "async def with await asyncio.sleep",
    )
    print("Each side waits in its own way: time.sleep in a thread, await asyncio.sleep on the loop.")


if __name__ == "__main__":
    sys.exit(honest.run(__doc__, compare))
