"""The landing page asks the endpoints, and says what came back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

ENDPOINTS = ("/health/sync", "/health/async", "/wait/sync", "/wait/async", "/health")
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
    assert [f"{visited.host}/wait/sync?ms=1"] == [url for url in visited.requests if "/wait/" in url]


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
