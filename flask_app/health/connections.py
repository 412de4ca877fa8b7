"""Keep the connections that checks use: one set for threads, and one for each event loop.

An asyncio connection belongs to the loop that opened it, and so does a pool: used from another loop, it fails or hangs.
Which loops there are depends on how the app is served. On the server's own loop, whose lifespan is entered, a pool
lives as long as the loop. A loop that Flask started for one request has no lifespan: there each request opens and
closes its own connections.
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
# Within this many turns of a loop, an HTTP client has connected to a nearby service and sent its request.
_TURNS_TO_ASK = 10


class Connections:
    """The connections that the checks of one app use.

    Args:
        database_url: A SQLite or PostgreSQL URL, without a driver.
        verifies: Whether an upstream has a certificate to verify.
        timeout_s: The longest that a check may take, seconds.
    """

    def __init__(self, database_url: str, *, verifies: bool, timeout_s: float) -> None:
        self._url = sqlalchemy.make_url(database_url)
        self._timeout_s = timeout_s
        # Creating it reads every certificate of the machine, so it is done once, and only for https.
        self._certificates = ssl.create_default_context() if verifies else None
        self.threads = ThreadConnections(self._engine(), self._certificates, timeout_s)
        self._alone = _FirstAlone(partial(self._async_engine, pooled=False))
        self._of_loops: dict[asyncio.AbstractEventLoop, LoopConnections] = {}

    @contextlib.asynccontextmanager
    async def of_this_loop(self) -> AsyncIterator[LoopConnections]:
        """Provide connections for the running loop: those that it keeps, or temporary ones."""
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
        """Keep a pool for the running loop while this context is entered; enter and leave it on that loop."""
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
        """Close idle connections that belong to no loop; they reopen on demand."""
        self.threads.close()

    def _engine(self) -> sqlalchemy.Engine:
        if self._url.get_backend_name() == "sqlite":
            return sqlalchemy.create_engine(
                self._url.set(drivername="sqlite+pysqlite"),
                poolclass=NullPool,
                connect_args={"timeout": self._timeout_s},
            )
        # Imported here, because an installation with only SQLite does not need it.
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
        # In whole seconds; psycopg treats 1 as 2. It only ends connections that the check has already given up.
        return {"connect_timeout": max(1, round(self._timeout_s))}

    def _pool(self) -> dict[str, Any]:
        return {"pool_size": POOL_SIZE, "max_overflow": 0, "pool_timeout": self._timeout_s}


class ThreadConnections:
    """The connections that any thread may use.

    Args:
        engine: The database engine.
        certificates: Trusted certificates for upstreams; ``None`` if none uses ``https:``.
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
        """The HTTP client for upstreams. Its libraries are loaded on first use."""
        if self._client is None:
            from flask_app.health.upstreams import ThreadClient  # noqa: PLC0415

            with self._lock:
                if self._client is None:
                    self._client = ThreadClient(self._certificates, self._timeout_s)
        return self._client

    def close(self) -> None:
        """Close idle connections; they reopen on demand."""
        self.engine.dispose()
        if self._client is not None:
            self._client.close()


class LoopConnections:
    """The connections that one event loop may use.

    Attributes:
        threads: The connections for threads, for checks that have no async form.
        turns: Acquired before the database is queried. Where many wait for a connection, SQLAlchemy's pool serves
            newcomers first, and some request times out; this makes it first come, first served.
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
        """The HTTP client for upstreams, loaded on first use."""
        if self._client is None:
            from flask_app.health.upstreams import LoopClient  # noqa: PLC0415

            self._client = LoopClient(self._certificates)
        return self._client

    async def aclose(self) -> None:
        """Close the connections to upstreams, on the loop that used them."""
        if self._client is not None:
            await self._client.aclose()

    async def engine(self) -> AsyncEngine:
        """Return the database engine."""
        if not self._is_pooled:
            # Connecting keeps this loop busy for milliseconds, so the requests to upstreams go out first.
            for _ in range(_TURNS_TO_ASK):
                await asyncio.sleep(0)
        return await self._first_alone.engine()


class _FirstAlone:
    # An engine's first connection inspects the database under an asyncio lock, which belongs to the loop of its first
    # waiter. Apart from that, SQLAlchemy's engines with NullPool can be shared between loops. So only one request makes
    # that first connection, whatever its loop.
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
