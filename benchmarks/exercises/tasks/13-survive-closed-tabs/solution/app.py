"""A service that tells every open page the news."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, Queue

from flask import Flask, Response

from flask_app.serving.bridge import EventLoopBridge

app = Flask(__name__)
subscribers: list[Queue[str]] = []

HEARTBEAT_S = 0.5


@app.get("/price")
def price() -> dict[str, int]:
    """Answer with the price."""
    return {"price": 42}


@app.get("/publish/<text>")
async def publish(text: str) -> dict[str, int]:
    """Tell everybody."""
    for each in subscribers:
        each.put(text)
    return {"told": len(subscribers)}


@app.get("/events")
def events() -> Response:
    """Send the news, as long as the page is open."""
    news: Queue[str] = Queue()
    subscribers.append(news)
    return Response(stream(news), mimetype="text/event-stream")


def stream(news: Queue[str]) -> Iterator[str]:
    """Yield an event for each that is published."""
    try:
        yield ": welcome\n\n"
        while True:
            try:
                yield f"data: {news.get(timeout=HEARTBEAT_S)}\n\n"
            except Empty:
                # A write is how the server finds out that the page is closed.
                yield ": still here\n\n"
    finally:
        subscribers.remove(news)


served = EventLoopBridge(app, threads=4, leases=4)
