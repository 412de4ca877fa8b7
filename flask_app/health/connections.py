"""Hold the connections that checks use: for threads, and for each event loop its own.

A connection of asyncio belongs to the loop on which it was opened, and so does a pool of them: used from another loop,
it fails or hangs. Which loops there are depends on how the app is served. On the server's own loop, for which the
lifespan is entered, a pool lives as long as the loop. A loop that Flask made for one request has no lifespan: there
each request opens what it needs and closes it again, but for plain sockets, which belong to no loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from flask_app.health.http_client import AsyncHttpClient, HttpClient

POOL_SIZE = 5
_POLL_S = 0.005
# In so many turns of a loop an HTTP client has connected to a service that is near, and asked.
_TURNS_TO_ASK = 10


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
        self._certificates = ssl.create_default_context() if verifies else None
        self.threads = ThreadConnections(self._engine(), HttpClient(self._certificates, timeout_s))
        self._alone = _FirstAlone(partial(self._async_engine, pooled=False))
        self._client = AsyncHttpClient(self._certificates, on_any_loop=True)
        self._of_loops: dict[asyncio.AbstractEventLoop, LoopConnections] = {}

    def of_this_loop(self) -> LoopConnections:
        """Return the connections that the running loop may use: its pool, or for a loop without one, for this once."""
        pooled = self._of_loops.get(asyncio.get_running_loop())
        return pooled or LoopConnections(self.threads, self._alone, self._client, is_pooled=False)

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Keep a pool for the running loop, from when this is entered until it is left; both on that loop."""
        loop = asyncio.get_running_loop()
        pool = _FirstAlone(partial(self._async_engine, pooled=True))
        client = AsyncHttpClient(self._certificates)
        self._of_loops[loop] = LoopConnections(self.threads, pool, client, is_pooled=True)
        try:
            yield
        finally:
            del self._of_loops[loop]
            await pool.close()
            client.close()
            await self.close()

    async def close(self) -> None:
        """Close what is open and idle, and belongs to no loop; what is used again is opened again."""
        self._client.close()
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


class ThreadConnections:
    """What any thread may use.

    Attributes:
        engine: Of the database.
        client: For upstreams.
    """

    def __init__(self, engine: sqlalchemy.Engine, client: HttpClient) -> None:
        self.engine = engine
        self.client = client

    def close(self) -> None:
        """Close what is open and idle; what is used again is opened again."""
        self.engine.dispose()
        self.client.close()


class LoopConnections:
    """What one event loop may use.

    Attributes:
        threads: What any thread may use, for what has no other form.
        client: For upstreams.
        turns: To be taken before the database is asked. Where many wait for a connection, SQLAlchemy's pool lets
            newcomers have it first, and somebody waits until time runs out; here it is first come, first served.
    """

    def __init__(
        self, threads: ThreadConnections, first_alone: _FirstAlone, client: AsyncHttpClient, *, is_pooled: bool
    ) -> None:
        self.threads = threads
        self.client = client
        self.turns = asyncio.Semaphore(POOL_SIZE)
        self._first_alone = first_alone
        self._is_pooled = is_pooled

    async def engine(self) -> AsyncEngine:
        """Return the engine of the database."""
        if not self._is_pooled:
            # To connect is milliseconds of work for this loop. The upstreams have their waits to begin first.
            for _ in range(_TURNS_TO_ASK):
                await asyncio.sleep(0)
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
