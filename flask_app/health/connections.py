"""Hold the connections that checks use: for threads, and for each event loop its own.

A connection of asyncio belongs to the loop on which it was opened, and so does a pool of them: used from another loop,
it fails or hangs. Which loops there are depends on how the app is served. On the server's own loop, for which the
lifespan is entered, a pool lives as long as the loop. A loop that Flask made for one request has no lifespan: there
nothing is kept, and each request opens what it needs and closes it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import httpx2
import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

# They tell each URL they ask, and at their lowest level what they send.
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)

POOL_SIZE = 5
_POLL_S = 0.005
# How many requests of a loop an upstream gets at once: with each that waits, the client has more to look through, and
# at two hundred it does little else. A client of its own for each, so that a stuck one holds no other's turns.
_AT_ONCE = 16
_KEEP_ALIVE = httpx2.Limits(max_connections=200, max_keepalive_connections=100)


class Connections:
    """What the checks of one app connect with.

    Args:
        database_url: SQLite's or PostgreSQL's, with no driver named.
        verifies: Whether an upstream has a certificate to verify.
        timeout_s: The longest that a check may take, seconds.
    """

    def __init__(self, database_url: str, *, verifies: bool, timeout_s: float) -> None:
        self._url = sqlalchemy.make_url(database_url)
        self._timeout_s = timeout_s
        # Its making reads every certificate of the machine: once is enough, and only for https.
        self._certificates = ssl.create_default_context() if verifies else False
        self.threads = ThreadConnections(self._engine(), self._client)
        self._alone = _FirstAlone(partial(self._async_engine, pooled=False))
        self._of_loops: dict[asyncio.AbstractEventLoop, LoopConnections] = {}

    @contextlib.asynccontextmanager
    async def of_this_loop(self) -> AsyncIterator[LoopConnections]:
        """Give the connections that the running loop may use: its pool, or for a loop without one, for this once."""
        pooled = self._of_loops.get(asyncio.get_running_loop())
        if pooled is not None:
            yield pooled
            return
        connections = LoopConnections(self.threads, self._alone, self._async_client)
        try:
            yield connections
        finally:
            await connections.close()

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Keep a pool for the running loop, from when this is entered until it is left; both on that loop."""
        loop = asyncio.get_running_loop()
        pool = _FirstAlone(partial(self._async_engine, pooled=True))
        connections = self._of_loops[loop] = LoopConnections(self.threads, pool, self._async_client)
        try:
            yield
        finally:
            del self._of_loops[loop]
            await pool.close()
            await connections.close()
            self.threads.close()

    def _engine(self) -> sqlalchemy.Engine:
        if self._url.get_backend_name() == "sqlite":
            return sqlalchemy.create_engine(
                self._url.set(drivername="sqlite+pysqlite"),
                poolclass=NullPool,
                connect_args={"timeout": self._timeout_s},
            )
        # Here, for an installation with SQLite alone has no use for it.
        from flask_app.health.timed_psycopg import TimedConnection  # noqa: PLC0415

        url = self._url.set(drivername="postgresql+psycopg")
        _, parameters = url.get_dialect()().create_connect_args(url)
        parameters = {**parameters, **self._time_limit()}
        return sqlalchemy.create_engine(
            url, creator=lambda: TimedConnection.connect(**parameters), isolation_level="AUTOCOMMIT", **self._pool()
        )

    def _async_engine(self, *, pooled: bool) -> AsyncEngine:
        from flask_app.health.timed_psycopg import TimedAsyncConnection  # noqa: PLC0415

        return create_async_engine(
            self._url.set(drivername="postgresql+psycopg"),
            connect_args={"async_creator_fn": TimedAsyncConnection.connect, **self._time_limit()},
            isolation_level="AUTOCOMMIT",
            **(self._pool() if pooled else {"poolclass": NullPool}),
        )

    def _time_limit(self) -> dict[str, Any]:
        # Whole seconds, of which psycopg takes 1 for 2. It only ends what its check has given up by then.
        return {"connect_timeout": max(1, round(self._timeout_s))}

    def _pool(self) -> dict[str, Any]:
        return {"pool_size": POOL_SIZE, "max_overflow": 0, "pool_timeout": self._timeout_s}

    def _client(self) -> httpx2.Client:
        return httpx2.Client(**self._http())

    def _async_client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(**self._http())

    def _http(self) -> dict[str, Any]:
        # A proxy of the environment is for the world outside, not for what a service depends on.
        return {
            "verify": self._certificates,
            "trust_env": False,
            "timeout": self._timeout_s,
            "limits": _KEEP_ALIVE,
        }


class ThreadConnections:
    """What any thread may use.

    Attributes:
        engine: Of the database.
    """

    def __init__(self, engine: sqlalchemy.Engine, make_client: Callable[[], httpx2.Client]) -> None:
        self.engine = engine
        self._make_client = make_client
        self._client: httpx2.Client | None = None
        self._lock = threading.Lock()

    @property
    def client(self) -> httpx2.Client:
        """The client for upstreams."""
        with self._lock:
            if self._client is None:
                self._client = self._make_client()
            return self._client

    def close(self) -> None:
        """Close what is open and idle; what is used again is opened again."""
        self.engine.dispose()
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()


class LoopConnections:
    """What one event loop may use.

    Attributes:
        threads: What any thread may use, for what has no other form.
    """

    def __init__(
        self, threads: ThreadConnections, first_alone: _FirstAlone, make_client: Callable[[], httpx2.AsyncClient]
    ) -> None:
        self.threads = threads
        self._first_alone = first_alone
        self._make_client = make_client
        self._clients: dict[str, tuple[httpx2.AsyncClient, asyncio.Semaphore]] = {}

    @contextlib.asynccontextmanager
    async def client(self, upstream: str) -> AsyncIterator[httpx2.AsyncClient]:
        """Give the client of an upstream, when it is one's turn."""
        if upstream not in self._clients:
            self._clients[upstream] = self._make_client(), asyncio.Semaphore(_AT_ONCE)
        client, turn = self._clients[upstream]
        async with turn:
            yield client

    async def close(self) -> None:
        """Close what belongs to the loop."""
        for client, _ in self._clients.values():
            await client.aclose()

    async def engine(self) -> AsyncEngine:
        """Return the engine of the database."""
        return await self._first_alone.engine()


class _FirstAlone:
    # The first connection of an engine learns what it is connected to, under a lock of asyncio, which belongs to the
    # loop of the first who waits for it: with NullPool, SQLAlchemy's engines may be shared between loops, but for that.
    # So here it is made by one alone, whatever the loop.
    def __init__(self, make: Callable[[], AsyncEngine]) -> None:
        self._make = make
        self._turn = threading.Lock()
        self._engine: AsyncEngine | None = None
        self._knows = False

    async def engine(self) -> AsyncEngine:
        if self._knows and self._engine is not None:
            return self._engine
        while not self._turn.acquire(blocking=False):
            await asyncio.sleep(_POLL_S)
        try:
            if self._engine is None:
                self._engine = self._make()
            if not self._knows:
                async with self._engine.connect():
                    self._knows = True
        finally:
            self._turn.release()
        return self._engine

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.dispose()
