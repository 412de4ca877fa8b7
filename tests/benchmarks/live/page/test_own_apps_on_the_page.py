"""The workshop page for apps of one's own: guessed, raced and explained."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.live.page.served import Workshop, serve

# Without a framework, so that it starts in no time.
SHOP = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        headers = [(b"content-type", b"application/json"), (b"content-length", b"13")]
        status = 200 if scope["path"] == "/items" else 404
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"items": []}'})
"""
APPS = ("shop:app@hypercorn", "shop:app@uvicorn")
RACE = {"contenders": APPS, "wait_ms": 0, "connections": 4, "rounds": 2}


@contextlib.contextmanager
def serve_shop(folder: Path, path: str) -> Iterator[Workshop]:
    """Serve a page of two arrangements of a shop, each asked for a path, to its presenter."""
    (folder / "shop.py").write_text(SHOP, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("VIRTUAL_ENV", raising=False)
        with serve(folder / "results", words=(*APPS, "--folder", str(folder), "--path", path)) as served:
            served.present()
            yield served


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A page of apps that answer: one test races them, and another one explains them."""
    with serve_shop(tmp_path_factory.mktemp("shop"), "/items") as served:
        yield served


@pytest.mark.timeout(240)
def test_apps_of_ones_own_race_on_the_page(workshop: Workshop, only_run: Callable[..., Any]) -> None:
    """Each is guessed and compared over the first, without a claim of the tutorial."""
    page = workshop.ask("GET", "/").body
    assert ("Which is faster?" in page, "GET /items" in page, "Flask" in page) == (True, True, False)
    assert 422 == workshop.ask("POST", "/guess", {"flask": 1, "fastapi": 2}).status
    assert 204 == workshop.ask("POST", "/guess", {APPS[1]: 2}).status
    assert 422 == workshop.ask("POST", "/race", {**RACE, "wait_ms": 5}).status

    assert 204 == workshop.ask("POST", "/race", RACE).status
    workshop.wait_for(lambda state: state["phase"] == "over")
    _, run = only_run(workshop.out)
    assert ("complete", "live", APPS[0]) == (run.state, run.plan.preset, run.plan.against)
    assert [APPS[0], APPS[1]] == [contender.id for contender in run.plan.contenders]
    assert str(run.environment["asked"]).startswith(" ".join(APPS))
    with workshop.watching() as events:
        parts = {name: content for _, name, content in (next(events) for _ in range(3))}
    assert "The tutorial" not in parts["race"]["html"]
    assert "its requests over those of shop:app@hypercorn" in parts["guesses"]["html"]
    assert "shop:app on uvicorn: the class guessed 2.00 ×" in parts["guesses"]["html"]
    assert 200 == workshop.ask("GET", "/report").status


@pytest.mark.timeout(240)
def test_apps_of_ones_own_are_explained_on_the_page(workshop: Workshop) -> None:
    """They are recorded when the presenter asks for it."""
    assert 2 == workshop.ask("GET", "/why/").body.count("Not recorded on this machine yet")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    order = b"contender=shop%3Aapp%40hypercorn&wait_ms=0"
    recorded = workshop.ask("POST", "/why/record", order, form)
    while recorded.status == 409:
        # Another lab measures.
        recorded = workshop.ask("POST", "/why/record", order, form)

    assert 200 == recorded.status, recorded.body
    assert 2 == workshop.ask("GET", "/why/").body.count("data-burst")


def test_an_app_that_does_not_answer_does_not_race(tmp_path: Path) -> None:
    """The page says what `lab compare` would say."""
    with serve_shop(tmp_path, "/nowhere") as workshop:
        assert 204 == workshop.ask("POST", "/race", RACE).status
        state = workshop.wait_for(lambda state: state["phase"] == "over")

    assert "with status 404" in state["message"]
    assert "(--path)" in state["message"]
