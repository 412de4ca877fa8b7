"""Starts what readiness depends on, on loopback, for the length of a run, and takes it down whatever happens.

A slow upstream, asked twice by each request, and a database: a real PostgreSQL where its programs are, else SQLite. All
of it keeps off the server's cores. What a server gets to know of it are the settings that any deployment would have.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.contenders import catalogue
from benchmarks.errors import LabError
from benchmarks.measure import postgres, server
from benchmarks.measure.environment import Cores, Fact, kept_off
from benchmarks.measure.postgres import PostgresError
from benchmarks.measure.server import NO_SETTINGS
from benchmarks.measure.workloads import UPSTREAM_WAIT_MS, UPSTREAMS, offer_of
from benchmarks.model import Plan, Workload

DATABASE_FACT = "ready_database"
"""Fact of a run: which database readiness asked, ``PostgreSQL 17.6``."""

REASON_FACT = "ready_database_reason"
"""Fact of a run: why it was not PostgreSQL."""

_NEVER_MS = "86400000"
"""A day: what took longer than ``LAB_READY_TIMEOUT_MS`` has failed long before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What the servers of a run depend on, while it runs.

    Attributes:
        settings: Variables that tell a server of them, among them a password.
        facts: What to record of them, beside the environment.
        death: Says which has ended, and how; ``None`` while all run.
    """

    settings: Mapping[str, str] = field(repr=False)
    facts: Mapping[str, Fact]
    death: Callable[[], str | None]

    def settings_for(self, workload: Workload) -> Mapping[str, str]:
        """Return the variables of servers that a workload asks."""
        return self.settings if offer_of(workload).needs_dependencies else NO_SETTINGS

    def check(self) -> None:
        """See that all still run.

        Raises:
            LabError: One has ended.
        """
        if (death := self.death()) is not None:
            raise LabError(f"What readiness depends on is gone, so nothing asks for it in vain: {death}.")


NONE = Dependencies(settings={}, facts={}, death=lambda: None)
"""Of a run without readiness."""


def needed_by(plan: Plan) -> bool:
    """Say whether a run asks for what depends on something."""
    return any(offer_of(workload).needs_dependencies for workload in plan.workloads)


@contextlib.contextmanager
def running(cores: Cores) -> Iterator[Dependencies]:
    """Have the dependencies run for the length of a ``with`` block.

    Args:
        cores: Which server and loader may use; what readiness asks runs beside the loader.
    Raises:
        LabError: The upstream did not start.
    """
    with contextlib.ExitStack() as stack:
        # What is started inherits the cores.
        with kept_off(cores.server):
            try:
                upstream = stack.enter_context(server.running(catalogue.SLOW_UPSTREAM, "/"))
            except server.ServerError as error:
                raise LabError(f"The upstream that readiness asks did not start. {error}") from error
            url, facts, database_death = _database(stack)
        urls = [
            f"http://{upstream.host}:{upstream.port}/upstream-{number}?ms={UPSTREAM_WAIT_MS}"
            for number in range(1, UPSTREAMS + 1)
        ]

        def death() -> str | None:
            ended = upstream.death()
            return database_death() if ended is None else upstream.explain(ended)

        settings = {
            "LAB_DATABASE_URL": url,
            "LAB_UPSTREAM_URLS": " ".join(urls),
            # How slow it is, is measured; a warning of it would be another answer than the one that counts as valid.
            "LAB_READY_WARN_MS": _NEVER_MS,
        }
        yield Dependencies(settings=settings, facts=facts, death=death)


def _database(stack: contextlib.ExitStack) -> tuple[str, Mapping[str, Fact], Callable[[], str | None]]:
    """Return the URL of a database, what to record of it, and what says that it has ended."""
    try:
        programs = postgres.find()
        version = programs.version
        url, process = stack.enter_context(postgres.running(programs))
    except PostgresError as error:
        folder = Path(tempfile.mkdtemp(prefix="lab-sqlite-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        facts = {DATABASE_FACT: f"SQLite {sqlite3.sqlite_version}", REASON_FACT: str(error)}
        return f"sqlite:///{folder / 'ready.sqlite'}", facts, lambda: None

    def death() -> str | None:
        status = process.poll()
        return None if status is None else f"PostgreSQL ended with status {status}"

    return url, {DATABASE_FACT: f"PostgreSQL {version}"}, death
