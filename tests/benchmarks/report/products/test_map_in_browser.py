from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from benchmarks.judge.crossover import judge_map
from benchmarks.model import Run
from benchmarks.report.formats import render
from benchmarks.report.products.crossover import map_document

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def map_page(tmp_path_factory: pytest.TempPathFactory, make_sweep: Callable[..., Run]) -> Path:
    """The page of a map, on disk."""
    path = tmp_path_factory.mktemp("map") / "map.html"
    path.write_text(render(map_document(judge_map(make_sweep(visits=2, noise=0.02))), "html"), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("width", "scheme", "shown"), [(1280, "light", "wide"), (1024, "dark", "wide"), (390, "light", "narrow")]
)
def test_the_map_is_whole_at_any_size(
    browser: Browser, map_page: Path, width: int, scheme: Literal["light", "dark"], shown: str
) -> None:
    """It asks for nothing, breaks no rule of its own policy, fits the width, and shows the drawings made for it."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(map_page.as_uri())

    assert [map_page.as_uri()] == [url for url in requests if url != "data:,"]
    assert [] == complaints
    assert width >= page.evaluate("document.documentElement.scrollWidth")
    assert 4 == page.locator(f".{shown} svg:visible").count() == page.locator("svg:visible").count()
    page.close()


def test_the_first_map_is_seen_without_scrolling(browser: Browser, map_page: Path) -> None:
    """On a projector of 1280 by 800, the question and the whole first heat map."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(map_page.as_uri())

    box = page.locator(".wide svg").first.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 800
    page.close()
