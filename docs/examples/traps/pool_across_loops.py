"""A pool shared between event loops: ``python docs/examples/traps/pool_across_loops.py``.

Under WSGI, Flask runs an ``async def`` view on a new event loop for each request. A connection that a pool lends on one
loop, and a task that waits for one, belong to that loop. The pool here has two places, and is made of asyncio's own
parts.
"""

from __future__ import annotations

import asyncio
import collections
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from flask import Flask

CLIENTS = 24


class Pool:
    """A pool of two connections, as in a library that expects a single loop."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(2)

    async def query(self) -> None:
        """Take a free connection, and use it for 20 ms."""
        # Without a timeout some would wait forever: another loop's thread wakes no task here.
        async with asyncio.timeout(1), self._turn:
            await asyncio.sleep(0.02)


def app_with(make_pool_once: bool) -> Flask:
    """Return an app whose pool is shared by all requests, or created for each."""
    app = Flask(__name__)
    shared = Pool()

    @app.get("/")
    async def index() -> str:
        await (shared if make_pool_once else Pool()).query()
        return "ok"

    return app


def statuses(app: Flask) -> dict[int, int]:
    """Send requests to an app from many clients at once, and count the answers."""
    found: list[int] = []
    together = threading.Barrier(CLIENTS)

    def ask() -> None:
        together.wait()
        found.append(app.test_client().get("/").status_code)

    pool = ThreadPoolExecutor(CLIENTS)
    for _ in range(CLIENTS):
        pool.submit(ask)
    pool.shutdown(wait=True)
    return dict(sorted(collections.Counter(found).items()))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print("one pool for all loops:", statuses(app_with(make_pool_once=True)))
    print("a pool for each loop:  ", statuses(app_with(make_pool_once=False)))
