"""The built handbook as Chromium shows it: on a desk, a projector and a phone, in light and in dark."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

pytestmark = pytest.mark.browser

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [str(page.relative_to(DOCS).with_suffix("")) for page in sorted(DOCS.rglob("*.md"))]
DESK, PROJECTOR, PHONE = (1440, 900), (1024, 768), (390, 844)
# One of each kind: the doors, a list, lessons with a chart and with a diagram, code, wide tables, a long output.
KINDS = (
    "index",
    "how-to/index",
    "how-to/what-the-pages-look-like",
    "lessons/1-a-health-check-and-its-contract",
    "lessons/4-is-async-faster",
    "explanation/bridges",
    "explanation/one-request",
    "explanation/the-field",
    "reference/what-works-where",
)
OF_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
LEAST_PX = 14
_SIZES = """() => [...document.querySelectorAll("svg.sequence-diagram text")].map((each) =>
  parseFloat(getComputedStyle(each).fontSize) * each.ownerSVGElement.getScreenCTM().a)"""
_PICTURES = """() => [...document.querySelectorAll("main img, article img")].filter((each) => each.checkVisibility())
  .map((each) => [decodeURIComponent(each.src.split("/").pop()), each.getBoundingClientRect().width])"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page of Debian's Chromium."""
    executable = shutil.which("chromium")
    if executable is None:
        missing = "Chromium is missing: apt-get install chromium"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_page()
        browser.close()


def show(page: Page, handbook: Path, name: str, size: tuple[int, int]) -> None:
    """Open a page of the handbook at a size: if it were resized, its sides would take their time to move."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto((handbook / f"{name}.html").as_uri())


@pytest.mark.parametrize("name", PAGES)
def test_pages_fit_and_are_legible(page: Page, handbook: Path, name: str) -> None:
    """No page scrolls sideways; text in diagrams and charts is at least 14 pixels high.

    What is wide scrolls inside its own frame, as a diagram does on a phone. For a chart a phone has another drawing.
    """
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    for size in (DESK, PROJECTOR, PHONE):
        show(page, handbook, name, size)
        page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
        assert (size, True) == (size, page.evaluate("document.documentElement.scrollWidth") <= size[0])
        sizes = page.evaluate(_SIZES)
        assert ("```mermaid" in text) == bool(sizes)
        assert (size, []) == (size, [each for each in sizes if each < LEAST_PX - 0.01])
        shown = {file: width for file, width in page.evaluate(_PICTURES) if file.endswith(".svg")}
        assert (".svg)" in text) == bool(shown)
        for file, width in shown.items():
            assert (file, size == PHONE) == (file, file.endswith("-phone.svg"))
            assert size == PHONE or smallest_px(DOCS / "images" / file, width) >= LEAST_PX


def smallest_px(picture: Path, width: float) -> float:
    """Return the height of the smallest text of a drawing that is shown this wide."""
    root = ET.parse(picture).getroot()  # noqa: S314 (our own drawing)
    across = float(root.attrib["viewBox"].split()[2])
    sizes = re.findall(r'(?:font-size="|font: |font-size: )([\d.]+)', picture.read_text(encoding="utf-8"))
    return min(map(float, sizes)) * width / across


@pytest.mark.parametrize("name", KINDS)
def test_pages_have_no_fault_that_axe_core_knows(page: Page, handbook: Path, name: str) -> None:
    """Of any severity, on a desk and on a phone; in dark, colours are looked at."""
    for size, scheme, options in ((DESK, "light", {}), (DESK, "dark", OF_COLOURS), (PHONE, "light", {})):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        show(page, handbook, name, size)
        assert (size, scheme, []) == (size, scheme, faults(page, options))


def faults(page: Page, options: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what axe-core reports, of any severity."""
    found = Axe().run(page, options={"resultTypes": ["violations"], **options}).response["violations"]
    return [(each["id"], node["html"][:120]) for each in found for node in each["nodes"]]
