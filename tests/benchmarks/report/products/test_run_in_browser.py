"""The page of a report in a browser: one screen, every size, its script, and on paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, report_page: str) -> Path:
    """The report of the whole run, on disk."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report_page, encoding="utf-8")
    return path


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    """The report, opened as on a projector, with access to the clipboard."""
    context = browser.new_context(viewport={"width": 1024, "height": 768})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(report.as_uri())
    yield page
    context.close()


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

    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert width >= page.evaluate("document.documentElement.scrollWidth")
        assert 2 == page.locator(f".{shown} svg:visible").count()
        assert 6 == page.locator(".small svg:visible").count()
        assert 8 == page.locator("svg:visible").count()
    assert [report.as_uri()] == [url for url in requests if url != "data:,"]
    assert [] == complaints
    page.close()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768)])
def test_the_answer_its_picture_its_cause_and_its_source_are_one_screen(
    browser: Browser, report: Path, width: int, height: int
) -> None:
    """Nothing of it has to be scrolled to, nothing covers anything else, and its drawings can be read."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto(report.as_uri())
    parts = [page.locator(f".poster {part}") for part in ("h1", ".answers", "figure >> nth=0", "figure >> nth=1")]
    boxes = [part.bounding_box() for part in (*parts, page.locator(".poster .source"))]
    bottoms = [0.0]

    for box in boxes:
        assert box is not None
        assert bottoms[-1] <= box["y"] + 1
        bottoms.append(box["y"] + box["height"])
    assert bottoms[-1] <= height
    text = page.locator(".poster .wide text").first.bounding_box()
    assert text is not None
    assert 12 <= text["height"]
    page.close()


def test_few_words_come_before_what_is_folded(page: Page) -> None:
    """At most 900, and on the first screen far fewer."""
    before = page.evaluate(
        """() => {
          const range = document.createRange();
          range.setStart(document.body, 0);
          range.setEndBefore(document.querySelector("details"));
          return range.toString();
        }"""
    )

    assert len(before.split()) <= 900
    assert len(page.locator(".poster").inner_text().split()) <= 350


def test_the_drawings_follow_the_colour_scheme(browser: Browser, report: Path) -> None:
    """FastAPI's hue is the dark page's on a dark page."""
    page = browser.new_page()
    page.goto(report.as_uri())

    mark = page.locator(".wide svg .fill-fastapi").first
    for scheme, expected in zip(SCHEMES, ("rgb(10, 104, 166)", "rgb(91, 184, 240)"), strict=True):
        page.emulate_media(color_scheme=scheme)
        assert expected == mark.evaluate("element => getComputedStyle(element).fill")
    page.close()


def test_a_print_is_light_and_has_what_was_unfolded(page: Page) -> None:
    """Paper is white whatever the screen is; the rest of the evidence is printed if it was opened."""
    page.emulate_media(media="print", color_scheme="dark")
    machine = page.get_by_text("Example CPU @ 2.10GHz", exact=True)

    assert "rgb(255, 255, 255)" == page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert not machine.is_visible()
    page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
    assert machine.is_visible()


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_a_print_has_two_pages(page: Page, paper: str) -> None:
    """The first screen, and the cards."""
    printed = page.pdf(format=paper, prefer_css_page_size=False, landscape=True)

    assert 2 == len(re.findall(rb"/Type\s*/Page\b", printed))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [1024, 390])
def test_the_page_is_accessible(page: Page, scheme: Literal["light", "dark"], width: int) -> None:
    """axe-core finds no violation of any severity, with everything unfolded."""
    page.set_viewport_size({"width": width, "height": 768})
    page.emulate_media(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
    found = Axe().run(page).response["violations"]

    assert [] == [(each["id"], [node["target"] for node in each["nodes"]][:3]) for each in found]


@pytest.mark.parametrize("form", ["SVG", "Markdown"])
def test_a_copied_figure_has_its_title_and_its_source(page: Page, form: str) -> None:
    """Machine and seed too; and it needs nothing of the page."""
    page.locator("figure").first.get_by_role("button", name=f"Copy as {form}").click()
    page.locator("figure").first.get_by_text("copied").wait_for()
    copied = " ".join(re.sub(r"<[^>]+>", " ", page.evaluate("navigator.clipboard.readText()")).split())

    for part in (
        "async def serves twice the requests of def on FastAPI, half on Flask",
        "Example CPU",
        "seed 20260301",
    ):
        assert part in copied


def test_a_figure_is_copied_as_a_picture(page: Page) -> None:
    """Or saved, where the clipboard takes none."""
    page.locator("figure").first.get_by_role("button", name="Copy as PNG").click()
    page.locator("figure").first.get_by_text(re.compile("copied|saved")).wait_for()
    kinds = page.evaluate("navigator.clipboard.read().then((items) => items.flatMap((item) => item.types))")

    assert ["image/png"] == kinds


def test_a_mark_that_has_the_focus_shows_its_rounds(page: Page) -> None:
    """As one does that a pointer rests on; Escape hides them."""
    mark = page.locator(".poster .wide .mark").first
    told = page.locator(".poster figure .told").first

    mark.focus()
    assert told.is_visible()
    assert told.inner_text() == mark.get_attribute("aria-label")
    page.keyboard.press("Escape")
    assert not told.is_visible()
    mark.hover(force=True)
    assert told.is_visible()


def test_a_table_is_sorted_by_the_keyboard(page: Page) -> None:
    """Numbers as numbers, one way and the other, inside each group; the heading says which."""
    page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
    table = page.locator("table.numbers", has_text="paired inside rounds").first
    heading = table.locator("thead th", has_text="req/s").first

    for expected, ordered in (("ascending", sorted), ("descending", lambda values: sorted(values, reverse=True))):
        heading.get_by_role("button").focus()
        page.keyboard.press("Enter")
        shown = [float(text.split()[0]) for text in table.locator("tbody td:nth-child(2)").all_inner_texts()]
        assert expected == heading.get_attribute("aria-sort")
        assert ordered(shown) == shown


def test_a_link_to_a_claim_leads_to_its_card(page: Page) -> None:
    """And one into what is folded unfolds it."""
    page.goto(page.url + "#claim-2")
    assert page.locator("#claim-2").is_visible()
    folded = page.locator("details").last.get_attribute("id")
    page.goto(page.url.partition("#")[0] + f"#{folded}")

    assert page.locator(f"#{folded}").evaluate("each => each.open")


def test_without_its_script_everything_can_be_read(browser: Browser, report: Path) -> None:
    """And no control is there that does nothing."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())

    assert 0 == page.locator("button").count()
    assert page.locator(".poster svg:visible").count() == 2
    page.locator("summary").last.click()
    assert page.get_by_text("Example CPU @ 2.10GHz", exact=True).is_visible()
    context.close()
