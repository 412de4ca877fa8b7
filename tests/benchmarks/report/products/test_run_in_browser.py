from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, report_page: str) -> Path:
    """The report of the whole run, on disk."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report_page, encoding="utf-8")
    return path


@pytest.mark.parametrize(("width", "height", "shown"), [(1024, 768, "wide"), (390, 844, "narrow")])
def test_the_page_is_whole_at_any_size(browser: Browser, report: Path, width: int, height: int, shown: str) -> None:
    """It asks for nothing, breaks no rule of its own policy, fits the width, and shows the drawings made for it."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(report.as_uri())
    page.locator("summary").last.click()

    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert width >= page.evaluate("document.documentElement.scrollWidth")
        assert 4 == page.locator(f".{shown} svg:visible").count() == page.locator("svg:visible").count()
    assert [report.as_uri()] == [url for url in requests if url != "data:,"]
    assert [] == complaints
    page.close()


def test_the_drawings_follow_the_colour_scheme(browser: Browser, report: Path) -> None:
    """FastAPI's hue is the dark page's on a dark page."""
    page = browser.new_page()
    page.goto(report.as_uri())

    mark = page.locator(".wide svg .fill-fastapi").first
    for scheme, expected in zip(SCHEMES, ("rgb(10, 104, 166)", "rgb(91, 184, 240)"), strict=True):
        page.emulate_media(color_scheme=scheme)
        assert expected == mark.evaluate("element => getComputedStyle(element).fill")
    page.close()


def test_a_print_is_light_and_leaves_nothing_folded(browser: Browser, report: Path) -> None:
    """Paper is white whatever the screen is, and has no way to unfold."""
    page = browser.new_page(color_scheme="dark")
    page.goto(report.as_uri())
    page.emulate_media(media="print")

    assert "rgb(255, 255, 255)" == page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert page.get_by_text("Example CPU @ 2.10GHz").is_visible()
    page.close()
