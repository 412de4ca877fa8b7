import ast
import inspect
import json
from pathlib import Path
from types import ModuleType

import pytest

from flask_app import create_app
from flask_app.contract import contract_of
from flask_app.health import TWINS, async_views, sync_views
from flask_app.settings import Settings, Variant


def functions(module: ModuleType) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the functions that a module defines, in their order."""
    tree = ast.parse(inspect.getsource(module))
    return [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def as_sync(source: str) -> str:
    """Rewrite asynchronous source as its synchronous twin."""
    for asynchronous, synchronous in (
        ("async def", "def"),
        ("await asyncio.sleep", "time.sleep"),
        ("asyncio", "time"),
        ("await ask_together", "ask_in_turn"),
        ("ask_together", "ask_in_turn"),
    ):
        source = source.replace(asynchronous, synchronous)
    return source


def test_twins_have_the_same_views_in_the_same_order() -> None:
    """Both modules define the same names, one after the other, each with its own keyword."""
    assert ["health", "wait", "ready"] == [node.name for node in functions(sync_views)]
    assert ["health", "wait", "ready"] == [node.name for node in functions(async_views)]
    assert {ast.FunctionDef} == {type(node) for node in functions(sync_views)}
    assert {ast.AsyncFunctionDef} == {type(node) for node in functions(async_views)}


def test_twins_read_as_one() -> None:
    """But for the keywords, the two files differ only in what their docstrings and summaries say of themselves."""
    sync_lines, async_lines = (
        Path(inspect.getfile(module)).read_text().splitlines() for module in (sync_views, async_views)
    )
    assert len(sync_lines) == len(async_lines)
    different = [(left, right) for left, right in zip(sync_lines, async_lines, strict=True) if left != as_sync(right)]

    assert all('"""' in left or "summary=" in left for left, _ in different)


@pytest.mark.parametrize("name", ["health", "wait", "ready"])
def test_twins_have_the_same_contract(name: str) -> None:
    """Both twins of a view declare the same answer and the same query."""
    contracts = [contract_of(getattr(module, name)) for module in (sync_views, async_views)]

    assert all(contracts)
    assert 1 == len({(type(contract.response), type(contract.query)) for contract in contracts if contract})


@pytest.mark.parametrize("name", ["health", "wait", "ready"])
def test_keywords_survive_the_contract(name: str) -> None:
    """A server sees in the views which of the twins is which."""
    assert not inspect.iscoroutinefunction(getattr(sync_views, name))
    assert inspect.iscoroutinefunction(getattr(async_views, name))


@pytest.mark.parametrize(("settings", "variant"), [(Settings(), "sync"), (Settings(health_variant="async"), "async")])
def test_health_is_served_by_the_chosen_twin(settings: Settings, variant: Variant) -> None:
    """/health is the function of the sync twin, unless the settings choose the other, with nothing more around it."""
    app = create_app(settings)
    chosen, twin = app.view_functions["health.chosen"], TWINS[variant].health

    assert inspect.unwrap(chosen) is inspect.unwrap(twin)
    assert chosen.__code__ is twin.__code__
    assert 200 == app.test_client().get("/health").status_code


@pytest.mark.parametrize("variant", ["sync", "async"])
def test_health_promises_what_its_twin_does(variant: Variant) -> None:
    """/health declares the twin's answer and its query, in words of its own that name the setting."""
    app = create_app(Settings(health_variant=variant))
    chosen, twin = contract_of(app.view_functions["health.chosen"]), contract_of(TWINS[variant].health)

    assert chosen is not None
    assert twin is not None
    assert (type(twin.response), twin.query) == (type(chosen.response), chosen.query)
    assert twin.summary != chosen.summary
    assert "LAB_HEALTH_VARIANT" in chosen.description


@pytest.mark.parametrize("version", [None, 0, 42])
@pytest.mark.parametrize("path", ["/health", "/health/sync", "/health/async", "/wait/sync?ms=0", "/wait/async?ms=0"])
def test_version_is_what_the_settings_say(path: str, version: int | None) -> None:
    """Every endpoint answers the version of the settings, and null when there is none."""
    response = create_app(Settings(version=version)).test_client().get(path)

    assert {"api": "health", "version": version} == json.loads(response.data)


@pytest.mark.parametrize(("path", "milliseconds"), [("/wait/sync", 50), ("/wait/sync?ms=3", 3), ("/wait/sync?ms=0", 0)])
def test_sync_waits_as_long_as_asked(path: str, milliseconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The def view sleeps for the milliseconds of the query, 50 when it gives none."""
    slept: list[float] = []
    monkeypatch.setattr("flask_app.health.sync_views.time.sleep", slept.append)

    create_app(Settings()).test_client().get(path)

    assert [milliseconds / 1_000] == slept


@pytest.mark.parametrize(
    ("path", "milliseconds"), [("/wait/async", 50), ("/wait/async?ms=3", 3), ("/wait/async?ms=0", 0)]
)
def test_async_waits_as_long_as_asked(path: str, milliseconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The async def view does the same with the event loop's sleep."""
    slept: list[float] = []

    async def sleep(delay_s: float) -> None:
        slept.append(delay_s)

    monkeypatch.setattr("flask_app.health.async_views.asyncio.sleep", sleep)

    create_app(Settings()).test_client().get(path)

    assert [milliseconds / 1_000] == slept
