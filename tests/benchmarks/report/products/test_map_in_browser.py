from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height", "shown"), [(1440, 900, "wide"), (1024, 768, "wide"), (390, 844, "narrow")])
def test_the_map_is_whole_at_any_size(  # noqa: PLR0917 (pytest passes them by name)
    browser: Browser, map_page: Path, width: int, height: int, shown: str, scheme: Literal["light", "dark"]
) -> None:
    """It asks for nothing, fits the width, shows the drawings made for it, and has no fault that axe-core knows."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(map_page.as_uri())

    assert [map_page.as_uri()] == [url for url in requests if url != "data:,"]
    assert [] == complaints
    assert width >= page.evaluate("document.documentElement.scrollWidth")
    assert 4 == page.locator(f".{shown} svg:visible").count() == page.locator("svg:visible").count()
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [] == [(each["id"], node["html"][:120]) for each in found for node in each["nodes"]]
    page.close()


def test_the_first_map_is_seen_without_scrolling(browser: Browser, map_page: Path) -> None:
    """On a projector of 1024 by 768, the answer and the whole first heat map, with what its looks mean."""
    page = browser.new_page(viewport={"width": 1024, "height": 768})
    page.goto(map_page.as_uri())

    box = page.locator(".wide svg").first.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 768
    page.close()
