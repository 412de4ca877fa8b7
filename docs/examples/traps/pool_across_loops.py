"""A pool that is shared between event loops: ``python docs/examples/traps/pool_across_loops.py``.

Flask serves an ``async def`` view under WSGI by a new event loop for each request. What a pool lends on one loop, or
lets somebody wait for, belongs to that loop. The pool here is one of two places, made of asyncio's own parts.
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
    """A pool of two connections, as a library writes it that knows of one loop."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(2)

    async def query(self) -> None:
        """Take a connection when there is one, and use it for 20 ms."""
        # Without a time-out some would wait for ever: another loop's thread wakes nobody here.
        async with asyncio.timeout(1), self._turn:
            await asyncio.sleep(0.02)


def app_with(make_pool_once: bool) -> Flask:
    """Return an app whose pool is shared by all requests, or made for each."""
    app = Flask(__name__)
    shared = Pool()

    @app.get("/")
    async def index() -> str:
        await (shared if make_pool_once else Pool()).query()
        return "ok"

    return app


def statuses(app: Flask) -> dict[int, int]:
    """Ask an app by many clients at once, and count what they get."""
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
