"""The documents work in a browser: Swagger UI tries a route, the lesson shows its point, ReDoc shows all of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import COLOUR, is_bright

pytestmark = pytest.mark.browser

OPERATION = "#operations-health-get_health_sync"


def test_try_it_out(visit: Callable[..., Any]) -> None:
    """Swagger UI asks GET /health/sync, and shows the 200 and the body; it sends a parameter that the reader gives."""
    visited = visit()
    visited.go("/docs")
    operation = visited.page.locator(OPERATION)
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table .response")
    expect(answer.locator(".response-col_status")).to_contain_text("200")
    expect(answer.locator(".response-col_description pre").first).to_contain_text('"api": "health"')
    assert f"{visited.host}/health/sync" in visited.requests

    operation = visited.page.locator("#operations-wait-get_wait_async")
    operation.locator(".opblock-summary-control").click()
    operation.locator("tr[data-param-name='ms'] input").fill("7")
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response .response-col_status")).to_contain_text("200")
    assert f"{visited.host}/wait/async?ms=7" in visited.requests
    visited.assert_quiet()


def test_lesson_on_response_models(visit: Callable[..., Any]) -> None:
    """On the first screen, the page before can only guess the 200's body, and the page after has its fields."""
    shown = {}
    for name in ("before", "after"):
        visited = visit()
        visited.go(f"/docs/{name}")
        example = visited.page.locator(f"{OPERATION} tr.response[data-code='200'] .highlight-code")
        expect(example).to_be_in_viewport()
        assert f"{visited.host}/openapi-{name}.json" in visited.requests
        shown[name] = example.inner_text().split()
    assert {"before": ['"string"'], "after": ["{", '"api":', '"health",', '"version":', "1", "}"]} == shown


def test_redoc_shows_every_operation_and_searches_without_a_worker(visit: Callable[..., Any]) -> None:
    """ReDoc renders the document: its title, each check once in the menu, and the fields of GET /health/sync.

    It is light, as the reader's system is. The mark of ReDoc's makers, which the bundle would fetch from them, is the
    one that is served here. Its search finds an operation by the words of its parameter, and breaks no policy for it.
    """
    visited = visit()
    visited.go("/redoc")
    title = visited.page.locator("#redoc h1").first
    expect(title).to_contain_text("Sync versus async lab")
    assert not is_bright(title.evaluate(COLOUR))
    logo = visited.page.get_by_alt_text("redocly logo")
    expect(logo).to_be_visible()
    assert logo.evaluate("(image) => image.naturalWidth") > 0
    assert f"{visited.host}/assets/redoc-logo.svg" in visited.requests
    visited.page.get_by_role("main").get_by_text("/health/sync", exact=True).first.click()
    for summary in ("Health, for a probe", "Health, from a def view", "Health, from an async def view"):
        expect(visited.page.get_by_test_id("menu-item-label").get_by_text(summary, exact=True)).to_have_count(1)
    expect(visited.page.get_by_text("Health, from a def view").first).to_be_visible()
    expect(visited.page.get_by_text("Name of the API that answers.").first).to_be_visible()
    visited.page.get_by_text("Search Ctrl+K").click()
    visited.page.locator("#redoc input, input").last.fill("delay")
    expect(visited.page.get_by_text("query parameters").last).to_be_visible()
    visited.assert_quiet()
