"""The pages that show why, in a browser, as they stand under `lab live`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.benchmarks.live.page.accessibility import faults
from tests.benchmarks.live.page.served import Look, Scheme, Workshop, serve

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PAGES = ("/why/", "/why/loop", "/why/keywords")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A page that is looked at, and nothing more."""
    with serve(tmp_path_factory.mktemp("results")) as served:
        yield served


def spans(page: Page, state: str) -> list[str]:
    """Return the classes of each span of a state."""
    return [span.get_attribute("class") or "" for span in page.locator(f"button.span[data-state='{state}']").all()]


def test_a_span_is_told_in_words_and_zoomed_onto(workshop: Workshop, look: Callable[..., Look]) -> None:
    """By the mouse and by the keys alone; what is zoomed onto can be seen."""
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


def test_a_trace_is_kept_and_another_contender_shown(workshop: Workshop, look: Callable[..., Look]) -> None:
    """As a file for Perfetto, named after what it is of."""
    looked = look(workshop, "/why/")
    page = looked.page
    page.get_by_label("Contender").select_option("fastapi-sync@uvicorn")
    page.get_by_label("Beside it").select_option("nothing")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", level=2)).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("link", name="Chrome trace of fastapi-sync@uvicorn").click()
    assert download.value.suggested_filename.startswith("fastapi-sync@uvicorn")
    assert '"ph"' in Path(download.value.path()).read_text(encoding="utf-8")
    looked.assert_quiet()


def test_the_loop_is_stepped_through_forward_and_back(workshop: Workshop, look: Callable[..., Look]) -> None:
    """The line that runs, the queues and the kernel change with each step, and the threads keep up."""
    looked = look(workshop, "/why/loop")
    page = looked.page
    loop, threads = page.locator("[data-pane=loop]"), page.locator("[data-pane=threads]")
    told = loop.locator("[data-told]")
    expect(told).to_contain_text("Step 1 of")
    expect(loop.get_by_role("heading", name="await_list")).to_be_visible()
    expect(loop.get_by_role("button", name="Back")).to_have_attribute("aria-disabled", "true")

    first = loop.locator("[aria-current=step]").text_content()
    loop.get_by_role("button", name="Forward").click()
    expect(told).to_contain_text("Step 2 of")
    loop.get_by_role("button", name="Back").click()
    expect(told).to_contain_text("Step 1 of")
    expect(loop.locator("[aria-current=step]")).to_have_text(first or "")

    loop.get_by_role("button", name="Next turn").click()
    expect(told).to_contain_text("kernel.select(")
    before = threads.locator("[data-told]").text_content()
    loop.locator("input[type=range]").press("End")
    expect(loop.get_by_role("button", name="Forward")).to_have_attribute("aria-disabled", "true")
    expect(threads.locator("[data-told]")).not_to_have_text(before or "")
    loop.locator("[data-source]").press("ArrowLeft")
    expect(loop.get_by_role("button", name="Forward")).to_have_attribute("aria-disabled", "false")

    page.locator("[data-moments] button").first.click()
    expect(told).to_contain_text("Step 1 of")
    expect(threads.locator("[data-told]")).to_contain_text("Step 1 of")
    looked.assert_quiet()


def test_a_chosen_line_lights_its_spans_up(workshop: Workshop, look: Callable[..., Look]) -> None:
    """Those in which the line waits, and no others; chosen again, none is told apart."""
    looked = look(workshop, "/why/keywords?wait=20")
    page = looked.page
    line = page.locator("button.line", has_text="await").first
    line.click()
    expect(line).to_have_attribute("aria-pressed", "true")
    assert any("lit" in each.split() for each in spans(page, "waiting"))
    assert all("lit" not in each.split() for each in spans(page, "answering"))
    expect(page.locator(".line-told").nth(1)).to_contain_text(re.compile(r"Line \d+"))
    line.click()
    assert all({"lit", "unlit"}.isdisjoint(each.split()) for each in spans(page, "waiting"))
    looked.assert_quiet()


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1024, 768), (390, 844)])
def test_each_page_is_accessible_at_any_size(  # noqa: PLR0917 (pytest passes them by name)
    workshop: Workshop, look: Callable[..., Look], path: str, scheme: Scheme, width: int, height: int
) -> None:
    """axe-core finds no serious fault, and nothing is wider than the screen."""
    looked = look(workshop, path, width=width, height=height, scheme=scheme)
    page = looked.page
    page.wait_for_load_state("networkidle")
    for summary in page.locator("summary").all():
        summary.click()

    assert [] == faults(page)
    assert width >= page.evaluate("document.documentElement.scrollWidth")
    looked.assert_quiet()
