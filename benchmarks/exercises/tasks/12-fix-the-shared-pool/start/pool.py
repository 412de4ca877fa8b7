"""A pool of connections to a database, for one event loop. Given: read it, but do not change it.

``python pool.py`` serves such a database, to try the app by hand.
"""

from __future__ import annotations

import asyncio
import os

_HERE = "127.0.0.1:8200"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Pool:
    """Lend connections, and open one if none is free; never more than its size."""

    def __init__(self, size: int) -> None:
        self._turn = asyncio.Semaphore(size)
        self._free: list[Connection] = []

    async def query(self) -> str:
        """Send the database a word, and return its answer."""
        async with self._turn:
            reader, writer = self._free.pop() if self._free else await asyncio.open_connection(*_address())
            writer.write(b"ping\n")
            answer = await reader.readline()
            self._free.append((reader, writer))
            return answer.decode().strip()

    async def close(self) -> None:
        """Close the free connections; call this on the pool's own loop."""
        while self._free:
            _, writer = self._free.pop()
            writer.close()
            await writer.wait_closed()


def _address() -> tuple[str, int]:
    host, _, port = os.environ.get("DATABASE", _HERE).rpartition(":")
    return host, int(port)


async def _serve_database() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            await asyncio.sleep(0.02)
            writer.write(b"pong\n")
        writer.close()

    try:
        server = await asyncio.start_server(answer, *_address())
    except OSError as error:
        raise SystemExit(
            f"Cannot listen on port {_address()[1]}: {error.strerror}. Choose another, here and for the app: "
            "DATABASE=127.0.0.1:8201 python pool.py"
        ) from None
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve_database())
