"""Calls a dependency over HTTP, in both forms. Given: read it, but do not change it.

``python dependency.py`` serves such a dependency, which takes a fifth of a second to answer, to try the app by hand.
"""

from __future__ import annotations

import asyncio
import http.client
import http.server
import json
import os
import time
from typing import Any

_HERE = "127.0.0.1:8100"


class DownError(Exception):
    """The dependency answered with an error, or did not answer."""


def ask(name: str) -> dict[str, Any]:
    """Send a request, and hold the thread meanwhile."""
    host, port = _address()
    connection = http.client.HTTPConnection(host, port)
    try:
        connection.request("GET", f"/{name}")
        response = connection.getresponse()
        return _answer(name, response.status, response.read())
    except OSError as error:
        raise DownError(f"{name} could not be reached") from error
    finally:
        connection.close()


async def ask_async(name: str) -> dict[str, Any]:
    """Send a request, and leave the event loop free meanwhile."""
    host, port = _address()
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        raise DownError(f"{name} could not be reached") from error
    try:
        writer.write(f"GET /{name} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        return _answer(name, int(head.split()[1]) if head else 0, body)
    finally:
        writer.close()


def _answer(name: str, status: int, body: bytes) -> dict[str, Any]:
    if status != 200:
        raise DownError(f"{name} answered {status}")
    answer: dict[str, Any] = json.loads(body)
    return answer


def _address() -> tuple[str, int]:
    host, _, port = os.environ.get("DEPENDENCY", _HERE).rpartition(":")
    return host, int(port)


class _Slow(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        time.sleep(0.2)
        body = json.dumps({"name": self.path.strip("/"), "ok": True}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    try:
        server = http.server.ThreadingHTTPServer(_address(), _Slow)
    except OSError as error:
        raise SystemExit(
            f"Cannot listen on port {_address()[1]}: {error.strerror}. Choose another, here and for the app: "
            "DEPENDENCY=127.0.0.1:8101 python dependency.py"
        ) from None
    server.serve_forever()
