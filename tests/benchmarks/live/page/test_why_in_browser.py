"""The pages that show why, in a browser, as they stand under `lab live`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.benchmarks.live.page.accessibility import faults
from tests.benchmarks.live.page.served import Look, Scheme, Workshop, serve

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SCHEMES: tuple[Scheme, ...] = ("light", "dark")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A page that tests only look at."""
    with serve(tmp_path_factory.mktemp("results")) as served:
        yield served


def test_a_span_is_told_in_words_and_zoomed_onto(workshop: Workshop, look: Callable[..., Look]) -> None:
    """With the mouse or the keyboard; the zoomed span stays in sight."""
    looked = look(workshop, "/why/?contender=flask-async@hypercorn&wait=20")
    page = looked.page
    waiting = page.locator("button.span[data-state='waiting']").first
    before = waiting.bounding_box()
    waiting.hover()
    expect(page.locator("[data-told]")).to_contain_text(re.compile(r"[Rr]equest \d.*waiting"))
    assert before == waiting.bounding_box(), "it moved away from under the pointer"

    page.locator("button.span").first.focus()
    words = page.locator("[data-told]").text_content()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-told]")).not_to_have_text(words or "")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[data-told]")).to_have_text(words or "")

    width = page.locator("button.span:focus").bounding_box()
    page.keyboard.press("Enter")
    expect(page.locator("[data-zoom-told]")).to_contain_text("times")
    wider = page.locator("button.span:focus").bounding_box()
    assert width is not None
    assert wider is not None
    assert wider["width"] > 2 * width["width"]
    expect(page.locator("button.span:focus")).to_be_in_viewport()
    page.get_by_role("button", name="Whole").click()
    expect(page.locator("[data-zoom-told]")).to_be_empty()
    looked.assert_quiet()


@pytest.mark.parametrize("path", ["/why/", "/why/loop", "/why/keywords"])
def test_each_page_is_accessible_at_any_size(workshop: Workshop, look: Callable[..., Look], path: str) -> None:
    """In either colour scheme axe-core finds no serious fault, and nothing is wider than the screen."""
    looked = look(workshop, path)
    page = looked.page
    page.wait_for_load_state("networkidle")
    for summary in page.locator("summary").all():
        summary.click()

    for scheme, (width, height) in itertools.product(SCHEMES, ((1024, 768), (390, 844))):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        assert [] == faults(page), (scheme, width)
        assert width >= page.evaluate("document.documentElement.scrollWidth")
    looked.assert_quiet()
