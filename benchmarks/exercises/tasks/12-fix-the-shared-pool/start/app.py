"""A service that queries a database through a pool of two connections."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from flask import Flask

from flask_app.serving.bridge import EventLoopBridge

from pool import Pool

POOL_SIZE = 2

app = Flask(__name__)
_pool = Pool(POOL_SIZE)


@app.get("/ping")
async def ping() -> dict[str, str]:
    """Answer with the database's answer."""
    return {"database": await _pool.query()}


@contextlib.asynccontextmanager
async def lifespan(_app: Flask) -> AsyncIterator[None]:
    """Entered on the server's loop when the bridge starts to serve, and left when it stops."""
    yield


served = EventLoopBridge(app, lifespan=lifespan)
