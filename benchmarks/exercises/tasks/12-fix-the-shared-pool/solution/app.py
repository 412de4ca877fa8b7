"""A service that queries a database through a pool of two connections."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from flask import Flask

from flask_app.serving.bridge import EventLoopBridge

from pool import Pool

POOL_SIZE = 2

app = Flask(__name__)
_pools: dict[asyncio.AbstractEventLoop, Pool] = {}


@app.get("/ping")
async def ping() -> dict[str, str]:
    """Answer with the database's answer."""
    async with pool_of_this_loop() as pool:
        return {"database": await pool.query()}


@contextlib.asynccontextmanager
async def pool_of_this_loop() -> AsyncIterator[Pool]:
    """Provide the running loop's pool, or a temporary one if the loop has none."""
    kept = _pools.get(asyncio.get_running_loop())
    if kept is not None:
        yield kept
        return
    pool = Pool(POOL_SIZE)
    try:
        yield pool
    finally:
        await pool.close()


@contextlib.asynccontextmanager
async def lifespan(_app: Flask) -> AsyncIterator[None]:
    """Entered on the server's loop when the bridge starts to serve, and left when it stops."""
    loop = asyncio.get_running_loop()
    pool = _pools[loop] = Pool(POOL_SIZE)
    try:
        yield
    finally:
        del _pools[loop]
        await pool.close()


served = EventLoopBridge(app, lifespan=lifespan)
