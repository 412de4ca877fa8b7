"""Little servers that misbehave on purpose, orders to load them with, and what carries an order out."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import pytest

from benchmarks.measure.load.builtin_process import loop_factory
from benchmarks.measure.load.closed_loop import ClosedLoop
from benchmarks.measure.load.engine import LoadOrder
from benchmarks.model import LoadProfile, LoadResult
from tests.benchmarks.measure.load.driving import driven

BODY = b'{"api":"health","version":1}'


@dataclass
class Exchange:
    """One request at a little server, for its answer to be written to.

    Attributes:
        server: The server that was asked.
        reader: The connection's other direction.
        writer: The connection.
        number: Of the request on this server, from 1.
        on_connection: Of the request on its connection, from 1.
    """

    server: LittleServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    on_connection: int

    def write(self, *parts: bytes) -> None:
        """Write at once, all parts in one packet."""
        self.writer.write(b"".join(parts))

    async def write_apart(self, *parts: bytes) -> None:
        """Write each part as a packet of its own."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(0.001)

    async def client_gone(self) -> None:
        """Wait until the other side ends the connection, in whichever way."""
        with contextlib.suppress(ConnectionError):
            await self.reader.read()

    def reset(self) -> None:
        """End the connection by RST."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.close()


Answer = Callable[[Exchange], Awaitable[bool]]
"""Answers one request; false when the connection is to be closed."""


@dataclass
class LittleServer:
    """A server whose every answer a test decides; runs in a thread of its own.

    Attributes:
        answer: Decides.
        host: Loopback address.
        requests: Whole requests that came.
        connections: Connections that were accepted.
        heard: The first request, as it came.
    """

    answer: Answer
    host: str = "127.0.0.1"
    port: int = 0
    requests: int = 0
    connections: int = 0
    heard: bytes = b""
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    def run(self, ready: threading.Event) -> None:
        """Serve until stopped."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(ready))

    def stop(self) -> None:
        """Let every stalled answer go and close; safe from any thread."""
        self._loop.call_soon_threadsafe(self._stopping.set)

    async def stall(self) -> None:
        """Answer nothing for as long as the server lives."""
        await self._stopping.wait()

    async def _serve(self, ready: threading.Event) -> None:
        server = await asyncio.start_server(self._connected, self.host, 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stopping.wait()
        # A connection that waits to be accepted takes some turns of the loop to become a task that can be ended;
        # asyncio leaks the ones that it accepts while its server closes.
        for _ in range(20):
            await asyncio.sleep(0)
        server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        on_connection = 0
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                self.heard = self.heard or request
                self.requests += 1
                on_connection += 1
                if not await self.answer(Exchange(self, reader, writer, self.requests, on_connection)):
                    break
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@pytest.fixture
def serve() -> Iterator[Callable[..., LittleServer]]:
    """Start little servers; all end with the test."""
    running: list[tuple[LittleServer, threading.Thread]] = []

    def start(answer: Answer, host: str = "127.0.0.1") -> LittleServer:
        server = LittleServer(answer, host)
        ready = threading.Event()
        thread = threading.Thread(target=server.run, args=(ready,))
        running.append((server, thread))
        thread.start()
        assert ready.wait(20), "the little server did not start"
        return server

    yield start
    for server, thread in running:
        server.stop()
        thread.join(20)
        assert not thread.is_alive(), "the little server did not stop"


def response(body: bytes = BODY, status: str = "200 OK", *headers: str, version: str = "1.1") -> bytes:
    """Return a whole answer with its Content-Length."""
    lines = [f"HTTP/{version} {status}", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.fixture
def healthy() -> Answer:
    """Answer as every contender does."""

    async def answer(exchange: Exchange) -> bool:
        exchange.write(response())
        return True

    return answer


@pytest.fixture
def whole_response() -> Callable[..., bytes]:
    """Build whole answers."""
    return response


@pytest.fixture
def dead_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def order() -> Callable[..., LoadOrder]:
    """Build orders for the health body; short unless told otherwise."""

    def build(
        port: int,
        *,
        host: str = "127.0.0.1",
        path: str = "/health",
        vus: int = 2,
        duration_s: float = 0.1,
        warmup_s: float = 0.02,
        timeout_s: float = 10.0,
        expected_body_bytes: int = len(BODY),
        cpus: tuple[int, ...] = (),
        slices: int = 1,
        rate_per_s: float | None = None,
    ) -> LoadOrder:
        load = LoadProfile(
            vus=vus,
            duration_s=duration_s,
            warmup_s=warmup_s,
            timeout_s=timeout_s,
            slices=slices,
            rate_per_s=rate_per_s,
        )
        return LoadOrder(host=host, port=port, path=path, load=load, expected_body_bytes=expected_body_bytes, cpus=cpus)

    return build


@pytest.fixture(params=["the engine's loop", "asyncio's loop"])
def run(request: pytest.FixtureRequest) -> Callable[..., LoadResult]:
    """Drive a load in this process, on each event loop that the engine may run on."""
    factory = loop_factory() if request.param == "the engine's loop" else asyncio.new_event_loop

    def run(order: LoadOrder, announce: Callable[[float], None] = lambda _: None) -> LoadResult:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(driven(ClosedLoop, order, announce))

    return run
