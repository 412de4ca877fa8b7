"""A fake server, in process: one request of a client that hangs up when told."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

from flask import Flask

from flask_app.serving.bridge import EventLoopBridge


class Client:
    """One request of a fake server, whose client hangs up when told."""

    def __init__(self, path: str = "/", *, method: str = "GET", body: bytes = b"", **headers: str) -> None:
        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        if body:
            pairs.append((b"content-length", str(len(body)).encode()))
        self.scope: dict[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": pairs,
            "client": ("127.0.0.1", 5000),
            "server": ("127.0.0.1", 8000),
        }
        self._body = body
        self.gone = asyncio.Event()
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        """Return the body, and then nothing until the client hangs up."""
        if self._body:
            body, self._body = self._body, b""
            return {"type": "http.request", "body": body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Note what the app sends."""
        self.sent.append(message)

    async def ask(self, bridge: EventLoopBridge) -> "Client":
        """Have the request served."""
        await bridge(self.scope, self.receive, self.send)
        return self

    @property
    def status(self) -> int:
        """Return the status that was sent."""
        return int(self.sent[0]["status"])

    @property
    def text(self) -> str:
        """Return the body that was sent."""
        return b"".join(message["body"] for message in self.sent[1:]).decode()


def ask(app: Flask, path: str = "/", **options: Any) -> Client:
    """Serve one request of an app and return its client."""

    async def main() -> Client:
        return await Client(path, **options).ask(EventLoopBridge(app))

    return asyncio.run(main())


def run_apart(coroutine: Coroutine[Any, Any, Any], patience_s: float = 8.0) -> Any:
    """Run a coroutine on a thread of its own, for a fault might block its loop for ever, and return its result."""
    ended: list[tuple[Any, BaseException | None]] = []

    def target() -> None:
        try:
            ended.append((asyncio.run(asyncio.wait_for(coroutine, patience_s)), None))
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            ended.append((None, error))

    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    thread.join(patience_s + 4)
    assert ended, "the loop is blocked"
    result, error = ended[0]
    if error is not None:
        raise error
    return result
