"""A service that calls another one from a thread, and passes on the request's id."""

from __future__ import annotations

import asyncio
from typing import Any

from flask import Flask, g, request

from flask_app.serving.bridge import EventLoopBridge

import dependency

app = Flask(__name__)


@app.get("/health")
async def health() -> dict[str, str]:
    """Answer that the app is running."""
    return {"status": "pass"}


@app.get("/stock/<thing>")
async def stock(thing: str) -> dict[str, Any]:
    """Answer with the stock's answer."""
    g.request_id = request.args["id"]
    await dependency.ask_async(f"session-{g.request_id}")
    return await asyncio.to_thread(ask_stock, thing)


def ask_stock(thing: str) -> dict[str, Any]:
    """Ask the stock for a thing, on behalf of the current request."""
    answer = dependency.ask(f"stock-{thing}-{g.request_id}")
    return {"request": g.request_id, "in_stock": answer["ok"]}


served = EventLoopBridge(app)
