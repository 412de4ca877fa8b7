"""A service that computes a report."""

from __future__ import annotations

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from flask import Flask

from flask_app.serving.bridge import EventLoopBridge

ROWS = 4_000_000

app = Flask(__name__)
# It starts its process at the first call. Not by a fork: that would copy the server's threads' locks as they stand.
computing = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


@app.get("/health")
async def health() -> dict[str, str]:
    """Answer that the app is running."""
    return {"status": "pass"}


@app.get("/report")
async def report() -> dict[str, int]:
    """Answer with the sum over all rows."""
    return {"total": await asyncio.get_running_loop().run_in_executor(computing, total, ROWS)}


def total(rows: int) -> int:
    """Compute the sum over a number of rows."""
    found = 0
    for row in range(rows):
        found = (found * 31 + row) % 1_000_003
    return found


served = EventLoopBridge(app)
