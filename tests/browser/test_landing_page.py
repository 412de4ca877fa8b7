"""The landing page asks the endpoints, and says what came back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

ENDPOINTS = ("/health/sync", "/health/async", "/wait/sync", "/wait/async", "/health")
TAKES = """(times) => {
  // Answers come one after another, and the clock shows when: start is 0.
  let clock = 0;
  let number = 0;
  performance.now = () => clock;
  window.fetch = async (url) => {
    const isCounted = new URL(url).searchParams.get("ms") !== "0";
    const place = isCounted ? number++ : 0;
    const text = () => new Promise((done) => setTimeout(() => {
      if (isCounted) clock = times[place];
      done("{}");
    }, 10 * place));
    return { status: 200, statusText: "OK", headers: new Headers(), text };
  };
}"""
WIDTHS = "(bars) => bars.map((bar) => bar.getBoundingClientRect().width)"
BODY = '{ "api": "health", "version": 1 }'


@pytest.mark.parametrize("path", ENDPOINTS)
def test_asking_shows_status_time_and_body(visit: Callable[..., Any], path: str) -> None:
    """A press on the button asks the endpoint, and shows its status, its time and its body."""
    visited = visit()
    visited.go("/")
    form = visited.page.locator(f"form[action='{path}']")
    form.get_by_role("button", name="Call it").click()
    expect(form.locator("output .good")).to_have_text("200")
    assert form.locator("output .time").inner_text().endswith(" ms")
    assert BODY == form.locator("output .body").inner_text()
    expect(visited.page.locator(".served")).to_have_text(
        re.compile(r"served by Hypercorn's own WSGI wrapper, no bridge\.\s+Its answers are signed hypercorn")
    )
    visited.assert_quiet()


def test_asking_six_at_once(visit: Callable[..., Any]) -> None:
    """Six requests go out, and the answer counts them and gives the first's time and the last's."""
    visited = visit()
    visited.go("/")
    form = visited.page.locator("form[action='/wait/async']")
    form.get_by_label("ms").fill("20")
    form.get_by_role("button", name="6 at once").click()
    expect(form.locator("output .good")).to_have_text("6 × 200")
    first, _, last, _ = form.locator("output .time").inner_text().split()
    assert 20 <= float(first) <= float(last)
    assert 6 == visited.requests.count(f"{visited.host}/wait/async?ms=20")
    visited.assert_quiet()


def test_both_twins_are_warm_before_the_first_call_that_counts(visit: Callable[..., Any]) -> None:
    """Twelve requests that do not wait go to each, once for a page: a start is no property of a keyword."""
    visited = visit()
    visited.go("/")
    form = visited.page.locator("form[action='/wait/sync']")
    form.get_by_label("ms").fill("1")
    for _ in range(2):
        form.get_by_role("button", name="Call it").click()
        expect(form.locator("output .good")).to_be_visible()
        expect(form.locator("output")).to_have_attribute("aria-busy", "false")
    twins = {path: f"{visited.host}/wait/{path}?ms=" for path in ("sync", "async")}
    calls = [url for url in visited.requests if "/wait/" in url]
    assert [12, 12, 2] == [
        calls.count(each) for each in (f"{twins['sync']}0", f"{twins['async']}0", f"{twins['sync']}1")
    ]
    assert 26 == len(calls)


def test_six_at_once_are_six_bars_from_start_to_end(visit: Callable[..., Any]) -> None:
    """Each with its time, both twins on one scale; the word says whether they ran together or in a queue."""
    visited = visit()
    visited.go("/")
    for path, times in (("/wait/sync", (100, 200, 300, 400, 500, 600)), ("/wait/async", (100,) * 6)):
        visited.page.evaluate(TAKES, times)
        form = visited.page.locator(f"form[action='{path}']")
        form.get_by_role("button", name="6 at once").press("Enter")
        expect(form.locator("output .order")).to_be_visible()
    told = [
        visited.page.locator(f"form[action='/wait/{twin}'] output .order").inner_text() for twin in ("sync", "async")
    ]
    assert ["In a queue: the last took 6.0 × the first.", "Together: the last took 1.0 × the first."] == told
    sync, async_ = (
        visited.page.get_by_role("list", name=f"6 at once, {name}:").nth(1) for name in ("def", "async def")
    )
    assert [f"{time}.0 ms" for time in range(100, 700, 100)] == sync.locator("li").all_inner_texts()
    assert ["100.0 ms"] * 6 == async_.locator("li").all_inner_texts()
    widths = [bars.locator(".took").evaluate_all(WIDTHS) for bars in (sync, async_)]
    assert [round(each / widths[0][0], 1) for each in widths[0]] == [1, 2, 3, 4, 5, 6]
    assert [round(each / widths[0][0], 1) for each in widths[1]] == [1] * 6


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768), (390, 844)])
def test_nothing_moves_when_answers_come(visit: Callable[..., Any], size: tuple[int, int]) -> None:
    """There is room for them from the start, and no bar or time is wider than its card."""
    visited = visit(*size)
    visited.go("/")
    height = visited.page.evaluate("document.documentElement.scrollHeight")
    for path in ("/health/sync", "/health/async", "/wait/sync", "/wait/async"):
        form = visited.page.locator(f"form[action='{path}']")
        form.get_by_role("button", name="6 at once").click()
        expect(form.locator("output .order")).to_be_visible()
    assert height == visited.page.evaluate("document.documentElement.scrollHeight")
    assert [] == visited.page.evaluate(
        """() => [...document.querySelectorAll(".bars .ms")].filter((each) =>
          each.getBoundingClientRect().right > each.closest(".card").getBoundingClientRect().right)"""
    )


def test_asking_by_keyboard(visit: Callable[..., Any]) -> None:
    """Enter in the field asks, the focus stays, and the answer is announced."""
    visited = visit()
    visited.go("/")
    form = visited.page.locator("form[action='/wait/sync']")
    field = form.get_by_label("ms")
    field.fill("1")
    field.press("Enter")
    expect(form.get_by_role("status")).to_contain_text("200")
    expect(field).to_be_focused()
    asked = [url for url in visited.requests if "/wait/" in url and not url.endswith("?ms=0")]
    assert [f"{visited.host}/wait/sync?ms=1"] == asked


def test_refusal_is_shown(visit: Callable[..., Any]) -> None:
    """A parameter out of range shows the 422, and what the service says of it."""
    visited = visit()
    visited.go("/")
    form = visited.page.locator("form[action='/wait/sync']")
    form.get_by_label("ms").fill("5000")
    form.get_by_role("button", name="Call it").click()
    expect(form.locator("output .bad")).to_have_text("422")
    expect(form.locator("output .body")).to_contain_text("less than or equal to 1000")


def test_no_answer_is_said(visit: Callable[..., Any]) -> None:
    """When the server is gone, the page says that there is no answer, and asks again when told to."""
    visited = visit()
    visited.go("/")
    form = visited.page.locator("form[action='/health/sync']")
    visited.page.route("**/health/sync", lambda route: route.abort())
    form.get_by_role("button", name="Call it").click()
    expect(form.locator("output")).to_have_text("No answer.Is the server still running?")
    visited.page.unroute("**/health/sync")
    form.get_by_role("button", name="Call it").click()
    expect(form.locator("output .good")).to_have_text("200")


def test_page_works_without_its_script(visit: Callable[..., Any]) -> None:
    """Without JavaScript, the button opens the answer itself."""
    visited = visit(java_script_enabled=False)
    visited.page.goto(visited.host)
    form = visited.page.locator("form[action='/wait/sync']")
    form.get_by_label("ms").fill("3")
    form.get_by_role("button", name="Call it").click()
    visited.page.wait_for_url("**/wait/sync?ms=3")
    assert '"api":"health"' in visited.page.locator("body").inner_text().replace(" ", "")


def test_twins_stand_side_by_side_or_as_a_diff(visit: Callable[..., Any]) -> None:
    """On a projector a line has its twin beside it; on a phone it follows, and a line that both share is there once."""
    visited = visit(1024, 768)
    visited.go("/")
    row = visited.page.locator("tr.differs").first
    left, right = (row.locator(each).bounding_box() for each in (".sync", ".async"))
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert left["x"] < right["x"]
    visited = visit(390, 844)
    visited.go("/")
    row = visited.page.locator("tr.differs").first
    left, right = (row.locator(each).bounding_box() for each in (".sync", ".async"))
    assert left is not None
    assert right is not None
    assert left["y"] < right["y"]
    assert left["x"] == right["x"]
    shared = visited.page.locator("tbody tr:not(.differs)").first
    expect(shared.locator(".sync")).to_be_visible()
    expect(shared.locator(".async")).to_be_hidden()
