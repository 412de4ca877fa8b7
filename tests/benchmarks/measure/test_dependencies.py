from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from benchmarks.contenders import catalogue
from benchmarks.errors import LabError
from benchmarks.measure import dependencies, parity, postgres, schedule
from benchmarks.measure.dependencies import DATABASE_FACT, NONE, REASON_FACT, Dependencies
from benchmarks.measure.environment import Cores
from benchmarks.measure.postgres import PostgresError, Programs
from benchmarks.measure.server import ServerError
from benchmarks.measure.workloads import HEALTH, WORKLOADS
from benchmarks.model import Contender
from flask_app.settings import Settings
from tests.benchmarks.measure.children import children_with

NO_PINNING = Cores((), ())


def nowhere() -> Programs:
    """Find no PostgreSQL."""
    raise PostgresError("its server is not installed")


@pytest.fixture
def with_sqlite(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dependencies]:
    """What readiness depends on where there is no PostgreSQL."""
    monkeypatch.setattr(postgres, "find", nowhere)
    with dependencies.running(NO_PINNING) as started:
        yield started


def test_upstreams_and_database_are_there_and_go_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two health URLs that answer, and a database; afterwards neither process nor folder."""
    monkeypatch.setattr(postgres, "find", nowhere)
    before = set(psutil.Process().children(recursive=True))

    with dependencies.running(NO_PINNING) as started:
        urls = started.settings["LAB_UPSTREAM_URLS"].split()
        assert 2 == len(set(urls))
        for url in urls:
            with urlopen(url) as answer:  # noqa: S310 (our own, of loopback)
                assert 200 == answer.status
        assert started.settings["LAB_DATABASE_URL"].startswith("sqlite:////")
        assert started.death() is None
        started.check()

    assert before == set(psutil.Process().children(recursive=True))
    assert [] == list(Path(os.environ["TMPDIR"]).glob("lab-sqlite-*"))


@pytest.mark.postgresql
def test_the_database_is_postgresql_where_that_is() -> None:
    """And its release is a fact of the run."""
    try:
        version = postgres.find().version
    except PostgresError as error:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(error))

    with dependencies.running(NO_PINNING) as started:
        assert {DATABASE_FACT: f"PostgreSQL {version}"} == started.facts
        assert started.settings["LAB_DATABASE_URL"].startswith("postgresql://")
        assert started.death() is None
        (postmaster,) = children_with("listen_addresses")
        postmaster.send_signal(signal.SIGQUIT)
        # Its end is for its parent's own code to collect.
        os.waitid(os.P_PID, postmaster.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(LabError, match=r"is gone, .*: PostgreSQL ended with status \d"):
            started.check()


def test_where_there_is_no_postgresql_it_is_sqlite(with_sqlite: Dependencies) -> None:
    """Why is a fact of the run: a run of another database is another run.

    A server that nobody asks for readiness is not told of them, and not made to load what it would ask with. An answer
    that is in time is the same however slow: a warning would be another body, and no valid answer.
    """
    (ready, *_) = WORKLOADS["ready"].workloads
    assert {
        DATABASE_FACT: f"SQLite {sqlite3.sqlite_version}",
        REASON_FACT: "its server is not installed",
    } == with_sqlite.facts
    assert {"LAB_DATABASE_URL", "LAB_UPSTREAM_URLS", "LAB_READY_WARN_MS"} == with_sqlite.settings_for(ready).keys()
    assert {} == with_sqlite.settings_for(HEALTH) == NONE.settings_for(ready)
    settings = Settings.from_environment(with_sqlite.settings_for(ready))
    assert settings.ready_warn_ms > settings.ready_timeout_ms


def test_what_does_not_start_is_not_measured_without(
    scripted: Callable[[str], Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error shows what the upstream said."""
    monkeypatch.setattr(catalogue, "SLOW_UPSTREAM", scripted("raise SystemExit('not today')"))

    with pytest.raises(LabError, match="not today"), dependencies.running(NO_PINNING):
        pytest.fail("it must not get here")


def test_what_has_ended_is_told(with_sqlite: Dependencies) -> None:
    """Which, and how."""
    (upstream,) = children_with("slow_upstream")
    upstream.kill()
    # It is for its parent's own code to collect it; here only to see that it has ended.
    os.waitid(os.P_PID, upstream.pid, os.WEXITED | os.WNOWAIT)

    with pytest.raises(LabError, match=r"is gone, .*: upstream@asyncio: the server was killed by SIGKILL"):
        with_sqlite.check()


@pytest.mark.parametrize("workloads", [["ready"], ["wait", "ready"], ["health", "wait"]])
def test_a_run_that_asks_for_readiness_needs_them(workloads: list[str]) -> None:
    """And no other."""
    plan = schedule.plan("quick", [], seed=1, workloads=workloads)

    assert ("ready" in workloads) is dependencies.needed_by(plan)


def test_every_contender_is_ready_alike() -> None:
    """Each usual app of the catalogue, by both twins, with the database and the upstreams of a real run.

    One server is enough, for all apps run on it; a run on the other one is in the tests of ``--workload ready``.
    """
    on_one_server = [each for each in catalogue.USUAL if each.variant and each.server == "hypercorn"]
    plan = schedule.plan("quick", on_one_server, seed=1, workloads=["ready"])
    assert {app.target_on("hypercorn") for app in catalogue.APPS if app.usual and None not in app.variants} == {
        contender.arguments[-1] for contender in on_one_server
    }

    with dependencies.running(NO_PINNING) as started:
        documents = parity.check_all(plan, dependencies=started).documents

    assert {"flask", "fastapi"} == set(documents)


def test_without_its_dependencies_no_contender_is_ready() -> None:
    """FastAPI has no such path then; the error says what it answered."""
    plan = schedule.plan("quick", catalogue.select(["fastapi-*@uvicorn"]), seed=1, workloads=["ready"])

    with pytest.raises(ServerError, match="answered GET /health/ready/sync with status 404 instead of 200"):
        parity.check_all(plan)
