"""Check each kind of dependency, in both forms, side by side: as ``def`` and as ``async def``.

Both forms interpret an answer with the same code. A form raises ``CheckFailedError`` if the dependency is down; its
caller limits the time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Protocol

import sqlalchemy
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from flask_app.health.bulkhead import Bulkhead
from flask_app.health.connections import LoopConnections, ThreadConnections
from flask_app.health.outcome import CONNECT_TIME, RESPONSE_TIME, CheckFailedError, Readings
from flask_app.settings import Settings

# A second attempt, on a new connection: a dead pooled connection only shows that the database was down before.
_ATTEMPTS = 2
# PostgreSQL's messages when it refuses a connection, because libpq passes on no SQLSTATE for that. In other languages
# than English the outcome is "could not be reached", which is also true.
_REFUSALS = {
    "too many clients": "has no connection free",
    "remaining connection slots": "has no connection free",
    "too many connections": "has no connection free",
    "authentication failed": "refused the credentials",
    "is starting up": "is starting or stopping",
    "is shutting down": "is starting or stopping",
}


class Check(Protocol):
    """A dependency that can be checked.

    Attributes:
        name: Of the dependency.
        component_type: Of the health-check draft.
        is_kept: Whether its outcome may be cached for a while.
    """

    name: str
    component_type: str
    is_kept: bool

    def ask(self, connections: ThreadConnections) -> Readings:
        """Check, and hold the thread meanwhile."""
        ...

    async def ask_async(self, connections: LoopConnections) -> Readings:
        """Check, and leave the loop free meanwhile."""
        ...


class DatabaseCheck:
    """Check whether a database server answers a minimal query."""

    name = "database"
    component_type = "datastore"
    is_kept = True

    query = sqlalchemy.text("SELECT 1")

    def ask(self, connections: ThreadConnections) -> Readings:
        """Check, and hold the thread meanwhile."""
        for attempt in range(1, _ATTEMPTS + 1):
            watch = _Watch()
            try:
                with connections.engine.connect() as connection:
                    watch.lap(CONNECT_TIME)
                    connection.execute(self.query)
                    watch.lap(RESPONSE_TIME)
            except SQLAlchemyError as error:
                _raise_unless_worth_another(error, attempt)
            else:
                break
        return watch.laps_ms

    async def ask_async(self, connections: LoopConnections) -> Readings:
        """Check, and leave the loop free meanwhile."""
        for attempt in range(1, _ATTEMPTS + 1):
            watch = _Watch()
            try:
                async with connections.turns, (await connections.engine()).connect() as connection:
                    watch.lap(CONNECT_TIME)
                    await connection.execute(self.query)
                    watch.lap(RESPONSE_TIME)
            except SQLAlchemyError as error:
                _raise_unless_worth_another(error, attempt)
            else:
                break
        return watch.laps_ms


class EmbeddedDatabaseCheck(DatabaseCheck):
    """Check SQLite, which can only be queried in a thread."""

    # SQLite answers "SELECT 1" without reading its file.
    query = sqlalchemy.text("SELECT count(*) FROM sqlite_master")

    def __init__(self) -> None:
        self._bulkhead = Bulkhead(self.name)

    async def ask_async(self, connections: LoopConnections) -> Readings:
        """Check, and leave the loop free meanwhile."""
        # As aiosqlite does. But its threads report to the loop even after that was closed at the end of its request.
        return await self._bulkhead.call_async(partial(self.ask, connections.threads))


class UpstreamCheck:
    """Check another service's health at a URL from the settings."""

    component_type = "component"
    is_kept = True

    def __init__(self, name: str, url: str) -> None:
        # Imported here, so that the HTTP clients are loaded only if there is an upstream, and never on a loop.
        from flask_app.health.upstreams import Upstream  # noqa: PLC0415

        self.name = name
        self._upstream = Upstream.parse(url)

    def ask(self, connections: ThreadConnections) -> Readings:
        """Check, and hold the thread meanwhile."""
        watch = _Watch()
        status = connections.client.status_of(self._upstream)
        watch.lap(RESPONSE_TIME)
        return _readings_unless_unwell(status, watch)

    async def ask_async(self, connections: LoopConnections) -> Readings:
        """Check, and leave the loop free meanwhile."""
        watch = _Watch()
        status = await connections.client.status_of(self._upstream)
        watch.lap(RESPONSE_TIME)
        return _readings_unless_unwell(status, watch)


class WaitCheck:
    """A simulated dependency that takes a given time, and is always up."""

    name = "wait"
    component_type = "component"
    is_kept = False

    def __init__(self, wait_ms: int) -> None:
        self._wait_ms = wait_ms

    def ask(self, connections: ThreadConnections) -> Readings:  # noqa: ARG002
        """Wait, and hold the thread meanwhile."""
        watch = _Watch()
        time.sleep(self._wait_ms / 1_000)
        watch.lap(RESPONSE_TIME)
        return watch.laps_ms

    async def ask_async(self, connections: LoopConnections) -> Readings:  # noqa: ARG002
        """Wait, and leave the loop free meanwhile."""
        watch = _Watch()
        await asyncio.sleep(self._wait_ms / 1_000)
        watch.lap(RESPONSE_TIME)
        return watch.laps_ms


def configured(settings: Settings) -> Sequence[Check]:
    """Return the checks of a deployment's dependencies."""
    upstreams = [UpstreamCheck(f"upstream-{number}", url) for number, url in enumerate(settings.upstream_urls, 1)]
    is_embedded = settings.database_url.startswith("sqlite:")
    return (EmbeddedDatabaseCheck() if is_embedded else DatabaseCheck(), *upstreams)


class _Watch:
    def __init__(self) -> None:
        self._last_s = time.perf_counter()
        self.laps_ms: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now_s = time.perf_counter()
        self.laps_ms[name] = (now_s - self._last_s) * 1_000
        self._last_s = now_s


def _raise_unless_worth_another(error: SQLAlchemyError, attempt: int) -> None:
    if isinstance(error, DBAPIError) and error.connection_invalidated and attempt < _ATTEMPTS:
        return
    raise CheckFailedError(_said_of_sql(error)) from error


def _said_of_sql(error: SQLAlchemyError) -> str:
    # Never the error's own words: they quote the URL's host, user and name, or the query.
    if isinstance(error, sqlalchemy.exc.TimeoutError):
        return "was not checked: all connections were in use"
    theirs = str(getattr(error, "orig", ""))
    for part, words in _REFUSALS.items():
        if part in theirs:
            return words
    sqlstate = getattr(getattr(error, "orig", None), "sqlstate", None)
    return f"failed with SQLSTATE {sqlstate}" if sqlstate else "could not be reached"


def _readings_unless_unwell(status: int, watch: _Watch) -> Readings:
    if not 200 <= status < 300:
        raise CheckFailedError(f"answered {status}")
    return watch.laps_ms
