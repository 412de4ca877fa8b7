"""Connect to PostgreSQL with a limit on every wait, in both forms.

psycopg's own waits never end if the server is frozen, because its network stack still accepts data. A connection that
is given up is closed at once, without an attempt to cancel the query: that would wait for the same server, for seconds.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import psycopg
from psycopg import waiting
from psycopg.abc import RV, PQGen

from flask_app.health.thread_deadline import thread_deadline_s

_INTERVAL_S = 0.1
# A wait may end this much too early.
_EARLY_S = 0.001


class TimedConnection(psycopg.Connection[Any]):
    """A connection that is closed when a wait on it passes the thread's deadline."""

    def wait(self, gen: PQGen[RV], interval: float = _INTERVAL_S, timeout: float | None = None) -> RV:
        """Wait as psycopg does, but not beyond the deadline.

        Raises:
            psycopg.OperationalError: It has passed; the connection is closed.
        """
        until_s = thread_deadline_s()
        if until_s is not None:
            remaining_s = max(0.0, until_s - time.monotonic())
            timeout = remaining_s if timeout is None else min(timeout, remaining_s)
        try:
            return super().wait(gen, interval, timeout)
        except psycopg.OperationalError:
            if until_s is not None and time.monotonic() > until_s - _EARLY_S:
                self.pgconn.finish()
                raise psycopg.OperationalError("the deadline has passed") from None
            raise


class TimedAsyncConnection(psycopg.AsyncConnection[Any]):
    """A connection that is closed when a wait on it is cancelled."""

    async def wait(self, gen: PQGen[RV], interval: float = _INTERVAL_S, timeout: float | None = None) -> RV:
        """Wait as psycopg does, but end at once when cancelled."""
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, interval=interval, timeout=timeout)
        except asyncio.CancelledError:
            self.pgconn.finish()
            raise
