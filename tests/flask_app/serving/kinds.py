"""Ask an app through the bridge, in process, with functions of either kind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask

from flask_app.serving.bridge import EventLoopBridge
from tests.flask_app.serving.asgi_client import Client

KINDS = ("def", "async def")


def of_kind(kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that does what another does, as ``def`` or as ``async def`` that waits for the loop once."""

    async def async_function(*arguments: Any, **named: Any) -> Any:
        await asyncio.sleep(0)
        return function(*arguments, **named)

    return function if kind == "def" else async_function


def thread_kind() -> str:
    """Return which kind of function belongs on the thread that calls this: the loop's, or a worker."""
    name = threading.current_thread().name
    if name.startswith("flask-worker"):
        return "def"
    return "async def" if threading.current_thread() is threading.main_thread() else name


def ask_in_turn(app: Flask | EventLoopBridge, *clients: Client) -> Sequence[Client]:
    """Serve requests one after the other, and return them answered."""

    async def main() -> None:
        bridge = app if isinstance(app, EventLoopBridge) else EventLoopBridge(app)
        for client in clients:
            await client.ask(bridge)

    asyncio.run(main())
    return clients


def header(client: Client, name: str) -> str | None:
    """Return a header of an answer; with several of the name, joined by a comma and a space."""
    wanted = name.lower().encode()
    return ", ".join(value.decode("latin-1") for key, value in client.sent[0]["headers"] if key == wanted) or None


def cookies(client: Client) -> str:
    """Return a Cookie header that sends back what an answer set."""
    pairs = [value for key, value in client.sent[0]["headers"] if key == b"set-cookie"]
    return "; ".join(pair.decode("latin-1").partition(";")[0] for pair in pairs)
