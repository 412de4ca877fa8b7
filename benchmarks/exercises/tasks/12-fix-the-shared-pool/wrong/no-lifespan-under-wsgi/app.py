"""A service that asks a database, through a pool of two connections."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from flask import Flask

from flask_app.serving.bridge import EventLoopBridge

from pool import Pool

POOL_SIZE = 2

app = Flask(__name__)
_kept: list[Pool] = []


@app.get("/ping")
async def ping() -> dict[str, str]:
    """Say what the database says."""
    return {"database": await _kept[0].query()}


@contextlib.asynccontextmanager
async def lifespan(_app: Flask) -> AsyncIterator[None]:
    """Entered on the server's loop when the bridge begins to serve, and left when it ends."""
    _kept.append(Pool(POOL_SIZE))
    yield
    await _kept.pop().close()


served = EventLoopBridge(app, lifespan=lifespan)
