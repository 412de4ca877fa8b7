"""Readiness of the FastAPI reference app: the same dependencies and the same body as Flask's, as one writes it there.

A lifespan opens pool and clients, on the loop that FastAPI always has. It reads the ``LAB_`` variables that the Flask
app reads. What that app does beyond the comparison is not here: kept answers, another attempt, a server that is frozen.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import functools
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import aiohttp
import fastapi
import pydantic
import sqlalchemy
import urllib3
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

_POOL = {"pool_size": 5, "max_overflow": 0}
# Of connections to upstreams, as many and for as long as the Flask app.
_KEPT_BY_THREADS, _AT_ONCE, _KEPT_FOR_S = 100, 200, 5.0
_ORDER = ("pass", "warn", "fail")
_QUERY = sqlalchemy.text("SELECT 1")
# To the other, SQLite answers without a look at its file.
_EMBEDDED_QUERY = sqlalchemy.text("SELECT count(*) FROM sqlite_master")

Status = Literal["pass", "warn", "fail"]
WaitMs = Annotated[int, fastapi.Query(ge=0, le=1000, description="Delay of one more, simulated dependency.")]


class HealthJSONResponse(fastapi.responses.JSONResponse):
    """JSON of the health-check draft."""

    media_type = "application/health+json"


class DependencyReading(pydantic.BaseModel):
    """What one measurement of one dependency gave."""

    componentType: str  # noqa: N815 - the draft's name
    status: Status
    time: str
    observedValue: float | None = None  # noqa: N815
    observedUnit: str | None = None  # noqa: N815
    output: str | None = None


class ReadyResponse(pydantic.BaseModel):
    """Whether the service can do its work now."""

    status: Status
    checks: dict[str, list[DependencyReading]] | None = None


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What the app depends on, connected.

    Attributes:
        engine: For threads.
        async_engine: For the loop; ``None`` for SQLite, which has no way to be asked but in a thread.
        turns: To be taken before it is asked: its pool lets newcomers go first, and somebody waits until time runs out.
        http_pool: For threads, to ask upstreams.
        http_session: For the loop, to ask upstreams.
        upstream_urls: Whose health to ask.
        timeout_s: How long one may take, seconds.
        warn_ms: From how long on an answer is a warning, milliseconds.
        details: Whether to tell of each.
    """

    engine: sqlalchemy.Engine
    async_engine: AsyncEngine | None
    turns: asyncio.Semaphore
    http_pool: urllib3.PoolManager
    http_session: aiohttp.ClientSession
    upstream_urls: tuple[str, ...]
    timeout_s: float
    warn_ms: float
    details: bool


@contextlib.asynccontextmanager
async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[None]:
    """Hold pool and clients for as long as the app is served."""
    app.state.dependencies = dependencies = _connect(os.environ)
    yield
    await dependencies.http_session.close()
    dependencies.http_pool.clear()
    dependencies.engine.dispose()
    if dependencies.async_engine is not None:
        await dependencies.async_engine.dispose()


async def ready_async(request: fastapi.Request, response: fastapi.Response, wait_ms: WaitMs = 0) -> dict[str, Any]:
    """Ask all dependencies at once."""
    found: Dependencies = request.app.state.dependencies
    asking: dict[tuple[str, str], Coroutine[Any, Any, None]] = {("database", "datastore"): _ask_database(found)}
    for number, url in enumerate(found.upstream_urls, 1):
        asking[f"upstream-{number}", "component"] = _get_async(found, url)
    if wait_ms:
        asking["wait", "component"] = asyncio.sleep(wait_ms / 1000)
    async with asyncio.TaskGroup() as group:
        # The database last, as in the Flask app: it takes work of this loop's to ask.
        tasks = [group.create_task(_read_async(*key, work, found)) for key, work in reversed(asking.items())]
    return _answer([task.result() for task in reversed(tasks)], response, details=found.details)


def ready_sync(request: fastapi.Request, response: fastapi.Response, wait_ms: WaitMs = 0) -> dict[str, Any]:
    """Ask one dependency after another, in a worker thread."""
    found: Dependencies = request.app.state.dependencies
    readings = [_read("database", "datastore", lambda: _query(found), found)]
    for number, url in enumerate(found.upstream_urls, 1):
        readings.append(_read(f"upstream-{number}", "component", functools.partial(_get, found, url), found))
    if wait_ms:
        readings.append(_read("wait", "component", lambda: time.sleep(wait_ms / 1000), found))
    return _answer(readings, response, details=found.details)


async def live() -> dict[str, str]:
    """Answer that this process lives."""
    return {"status": "pass"}


def add_to(app: fastapi.FastAPI, *, response_models: bool) -> None:
    """Add the routes to an app that is served with the lifespan."""
    not_ready: dict[int | str, dict[str, Any]] = {503: {"description": "Not ready: a dependency is down."}}
    for path, view in (("/health/ready/async", ready_async), ("/health/ready/sync", ready_sync)):
        app.get(
            path,
            response_model=ReadyResponse if response_models else None,
            response_model_exclude_none=True,
            response_class=HealthJSONResponse,
            responses=not_ready,
        )(view)
    app.get("/health/live", response_model=None, response_class=HealthJSONResponse)(live)


def _connect(environment: Mapping[str, str]) -> Dependencies:
    url = sqlalchemy.make_url(environment.get("LAB_DATABASE_URL", "sqlite://"))
    timeout_s = float(environment.get("LAB_READY_TIMEOUT_MS", "2000")) / 1000
    if url.get_backend_name() == "sqlite":
        engine, async_engine = sqlalchemy.create_engine(url, poolclass=NullPool), None
    else:
        url = url.set(drivername="postgresql+psycopg").update_query_dict(
            {"connect_timeout": str(max(2, round(timeout_s)))}
        )
        pool: dict[str, Any] = {**_POOL, "pool_timeout": timeout_s, "isolation_level": "AUTOCOMMIT"}
        engine, async_engine = sqlalchemy.create_engine(url, **pool), create_async_engine(url, **pool)
    return Dependencies(
        engine=engine,
        async_engine=async_engine,
        turns=asyncio.Semaphore(_POOL["pool_size"]),
        http_pool=urllib3.PoolManager(maxsize=_KEPT_BY_THREADS, timeout=timeout_s, retries=False),
        http_session=aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=_AT_ONCE, keepalive_timeout=_KEPT_FOR_S),
            timeout=aiohttp.ClientTimeout(),
            cookie_jar=aiohttp.DummyCookieJar(),
        ),
        upstream_urls=tuple(environment.get("LAB_UPSTREAM_URLS", "").split()),
        timeout_s=timeout_s,
        warn_ms=float(environment.get("LAB_READY_WARN_MS", "500")),
        details=environment.get("LAB_READY_DETAILS") == "yes",
    )


async def _ask_database(found: Dependencies) -> None:
    if found.async_engine is None:
        await run_in_threadpool(_query, found)
        return
    async with found.turns, found.async_engine.connect() as connection:
        await connection.execute(_QUERY)


def _query(found: Dependencies) -> None:
    with found.engine.connect() as connection:
        connection.execute(_QUERY if found.async_engine else _EMBEDDED_QUERY)


async def _get_async(found: Dependencies, url: str) -> None:
    async with found.http_session.get(url, allow_redirects=False) as response:
        await response.read()
        _check(response.status)


def _get(found: Dependencies, url: str) -> None:
    _check(found.http_pool.request("GET", url, redirect=False).status)


def _check(status: int) -> None:
    if not 200 <= status < 300:
        raise RuntimeError(f"answered {status}")


async def _read_async(
    component: str, component_type: str, work: Coroutine[Any, Any, None], found: Dependencies
) -> tuple[str, dict[str, Any]]:
    began_s, error = time.perf_counter(), None
    try:
        async with asyncio.timeout(found.timeout_s):
            await work
    except Exception as failure:  # noqa: BLE001 - whatever it is, it is the dependency that failed
        error = failure
    return _reading(component, component_type, began_s, error, found.warn_ms)


def _read(
    component: str, component_type: str, work: Callable[[], object], found: Dependencies
) -> tuple[str, dict[str, Any]]:
    began_s, error = time.perf_counter(), None
    try:
        work()
    except Exception as failure:  # noqa: BLE001 - the same
        error = failure
    return _reading(component, component_type, began_s, error, found.warn_ms)


def _reading(
    component: str, component_type: str, began_s: float, error: Exception | None, warn_ms: float
) -> tuple[str, dict[str, Any]]:
    took_ms = (time.perf_counter() - began_s) * 1000
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    reading: dict[str, Any] = {"componentType": component_type, "status": "fail", "time": now}
    if error is not None:
        reading["output"] = "did not answer in time" if isinstance(error, TimeoutError) else "failed"
    else:
        reading |= {"status": "pass", "observedValue": round(took_ms, 3), "observedUnit": "ms"}
        if took_ms >= warn_ms:
            reading |= {"status": "warn", "output": f"took {took_ms:.0f} ms"}
    return f"{component}:responseTime", reading


def _answer(readings: list[tuple[str, dict[str, Any]]], response: fastapi.Response, *, details: bool) -> dict[str, Any]:
    status = max((reading["status"] for _, reading in readings), key=_ORDER.index)
    if status == "fail":
        response.status_code = 503
    body: dict[str, Any] = {"status": status}
    if details:
        body["checks"] = {key: [reading] for key, reading in readings}
    return body
