"""Hold the connections that checks use: for threads, and for each event loop its own.

A connection of asyncio belongs to the loop on which it was opened, and so does a pool of them: used from another loop,
it fails or hangs. Which loops there are depends on how the app is served. On the server's own loop, for which the
lifespan is entered, a pool lives as long as the loop. A loop that Flask made for one request has no lifespan: there
each request opens what it needs and closes it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    from flask_app.health.upstreams import LoopClient, ThreadClient

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
        self.threads = ThreadConnections(self._engine(), self._certificates, timeout_s)
        self._alone = _FirstAlone(partial(self._async_engine, pooled=False))
        self._of_loops: dict[asyncio.AbstractEventLoop, LoopConnections] = {}

    @contextlib.asynccontextmanager
    async def of_this_loop(self) -> AsyncIterator[LoopConnections]:
        """Give the connections that the running loop may use: those that it keeps, or else some for this once."""
        kept = self._of_loops.get(asyncio.get_running_loop())
        if kept is not None:
            yield kept
            return
        alone = LoopConnections(self.threads, self._alone, self._certificates, is_pooled=False)
        try:
            yield alone
        finally:
            await alone.aclose()

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Keep a pool for the running loop, from when this is entered until it is left; both on that loop."""
        loop = asyncio.get_running_loop()
        pool = _FirstAlone(partial(self._async_engine, pooled=True))
        self._of_loops[loop] = connections = LoopConnections(self.threads, pool, self._certificates, is_pooled=True)
        try:
            yield
        finally:
            del self._of_loops[loop]
            await pool.close()
            await connections.aclose()
            self.close()

    def close(self) -> None:
        """Close what is open and idle, and belongs to no loop; what is used again is opened again."""
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

    Args:
        engine: Of the database.
        certificates: Who vouches for an upstream; ``None`` when none is asked by ``https:``.
        timeout_s: The longest that a check may take, seconds.
    """

    def __init__(self, engine: sqlalchemy.Engine, certificates: ssl.SSLContext | None, timeout_s: float) -> None:
        self.engine = engine
        self._certificates = certificates
        self._timeout_s = timeout_s
        self._client: ThreadClient | None = None
        self._lock = threading.Lock()

    @property
    def client(self) -> ThreadClient:
        """For upstreams. Its libraries are loaded when there is one to ask."""
        if self._client is None:
            from flask_app.health.upstreams import ThreadClient  # noqa: PLC0415

            with self._lock:
                if self._client is None:
                    self._client = ThreadClient(self._certificates, self._timeout_s)
        return self._client

    def close(self) -> None:
        """Close what is open and idle; what is used again is opened again."""
        self.engine.dispose()
        if self._client is not None:
            self._client.close()


class LoopConnections:
    """What one event loop may use.

    Attributes:
        threads: What any thread may use, for what has no other form.
        turns: To be taken before the database is asked. Where many wait for a connection, SQLAlchemy's pool lets
            newcomers have it first, and somebody waits until time runs out; here it is first come, first served.
    """

    def __init__(
        self,
        threads: ThreadConnections,
        first_alone: _FirstAlone,
        certificates: ssl.SSLContext | None,
        *,
        is_pooled: bool,
    ) -> None:
        self.threads = threads
        self.turns = asyncio.Semaphore(POOL_SIZE)
        self._first_alone = first_alone
        self._certificates = certificates
        self._is_pooled = is_pooled
        self._client: LoopClient | None = None

    @property
    def client(self) -> LoopClient:
        """For upstreams; see that of threads."""
        if self._client is None:
            from flask_app.health.upstreams import LoopClient  # noqa: PLC0415

            self._client = LoopClient(self._certificates)
        return self._client

    async def aclose(self) -> None:
        """Close the connections to upstreams, on the loop that used them."""
        if self._client is not None:
            await self._client.aclose()

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
