"""A service that asks another one by a thread, and tells it for which request."""

from __future__ import annotations

import asyncio
from typing import Any

from flask import Flask, g, request

from flask_app.serving.bridge import EventLoopBridge

import dependency

app = Flask(__name__)


@app.get("/health")
async def health() -> dict[str, str]:
    """Say that the app answers."""
    return {"status": "pass"}


@app.get("/stock/<thing>")
async def stock(thing: str) -> dict[str, Any]:
    """Answer with what the stock says."""
    g.request_id = request.args["id"]
    await dependency.ask_async(f"session-{g.request_id}")
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, ask_stock, thing)


def ask_stock(thing: str) -> dict[str, Any]:
    """Ask the stock for a thing, in the name of the current request."""
    with app.app_context():
        answer = dependency.ask(f"stock-{thing}-{g.request_id}")
        return {"request": g.request_id, "in_stock": answer["ok"]}


served = EventLoopBridge(app)
