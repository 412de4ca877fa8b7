"""Each page is quiet, offline, legible and in bounds, in light and dark, on a projector and on a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page, Route, expect

from tests.benchmarks.live.page.accessibility import faults_at_any_size
from tests.browser.conftest import COLOUR, is_bright

pytestmark = pytest.mark.browser

PAGES = ("/", "/docs", "/docs/before-after", "/docs/before", "/docs/after", "/redoc")
# What shows that a page is there, and not only its frame.
LANDMARKS = {
    "/": "form[action='/health/sync']",
    "/docs": ".opblock-summary-path[data-path='/health/sync']",
    "/docs/before-after": "tr.differs ins",
    "/docs/before": "#operations-health-get_health_sync .responses-table",
    "/docs/after": "#operations-health-get_health_sync .responses-table",
    "/redoc": "#redoc h1",
}
DESK, PROJECTOR, PHONE = (1440, 900), (1024, 768), (390, 844)
# Contrast of each element that has text of its own, by the formula of WCAG 2, against the nearest opaque background.
CONTRASTS = """
() => {
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const backdrop = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = parts(getComputedStyle(each).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const [a, b] = [luminance(parts(getComputedStyle(element).color)), luminance(backdrop(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push({ ratio, text: element.textContent.trim().slice(0, 40) });
  }
  return found;
}
"""


class Opened(NamedTuple):
    """A page that is open, for tests that only look at it."""

    path: str
    headers: dict[str, str]
    visited: Any

    @property
    def page(self) -> Page:
        """As the browser has it."""
        page: Page = self.visited.page
        return page


@pytest.fixture(scope="module", params=PAGES)
def opened(request: pytest.FixtureRequest, keep_visiting: Callable[..., Any]) -> Iterator[Opened]:
    """Open each page once, for a reader whose system is dark."""
    path = request.param
    visited = keep_visiting(scheme="dark")
    headers = visited.go(path)
    expect(visited.page.locator(LANDMARKS[path]).first).to_be_visible()
    yield Opened(path, headers, visited)
    visited.page.close()


def test_page_is_quiet_and_offline(opened: Opened) -> None:
    """A page opens with its policy, no word on the console, nothing refused and no request off the host."""
    assert opened.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
    opened.visited.assert_quiet()
    assert len(opened.visited.requests) > 1


def test_keyboard_gets_past_the_bar(opened: Opened) -> None:
    """The first stop of the tabulator leads past the bar, and the next ones through it."""
    opened.page.keyboard.press("Tab")
    expect(opened.page.get_by_text("Skip to the content")).to_be_focused()
    opened.page.keyboard.press("Tab")
    expect(opened.page.get_by_role("navigation", name="Pages").get_by_role("link").first).to_be_focused()


def test_page_can_be_heard(opened: Opened) -> None:
    """A screen reader has the language, a title, one main part, and a heading of the first level."""
    assert "en" == opened.page.locator("html").get_attribute("lang")
    assert opened.page.title().endswith("Sync versus async lab")
    expect(opened.page.get_by_role("main")).to_have_count(1)
    assert opened.page.get_by_role("heading", level=1).count() >= 1


def test_page_is_no_wider_than_the_screen(opened: Opened) -> None:
    """No page needs scrolling sideways, at a desk, on a projector or on a phone."""
    for width, height in (DESK, PROJECTOR, PHONE):
        opened.page.set_viewport_size({"width": width, "height": height})
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_page_follows_the_scheme(opened: Opened) -> None:
    """A page that is opened where the system is dark is dark, and light once the system is; it stays quiet.

    ReDoc looks once, when it is opened: the test of what it shows opens it where the system is light.
    """
    shown = opened.page.locator(LANDMARKS[opened.path]).first
    opened.page.emulate_media(color_scheme="dark")
    dark = shown.evaluate(COLOUR)
    if opened.path in ("/docs", "/redoc"):
        assert is_bright(dark)
    opened.page.emulate_media(color_scheme="light")
    if opened.path != "/redoc":
        expect(shown).not_to_have_css("color", dark)
        assert opened.path != "/docs" or not is_bright(shown.evaluate(COLOUR))
    opened.visited.assert_quiet()


def test_landing_page_has_contrast(visit: Callable[..., Any]) -> None:
    """All text of the landing page, answers too, has the contrast of 4.5 that WCAG asks for, in either scheme."""
    visited = visit()
    visited.go("/")
    for name in ("/health/sync", "/wait/async"):
        form = visited.page.locator(f"form[action='{name}']")
        form.get_by_role("button", name="Call it").click()
        expect(form.locator("output .good")).to_be_visible()
    for scheme in ("light", "dark"):
        visited.page.emulate_media(color_scheme=scheme)
        found = visited.page.evaluate(CONTRASTS)
        assert len(found) > 40
        assert (scheme, []) == (scheme, [each for each in found if each["ratio"] < 4.5])


@pytest.mark.parametrize("path", ["/", "/docs/before-after"])
def test_our_own_pages_are_accessible(visit: Callable[..., Any], path: str) -> None:
    """At any size and in either scheme axe-core finds nothing; Swagger UI and ReDoc are not ours."""
    visited = visit()
    visited.go(path)
    if path == "/":
        form = visited.page.locator("form[action='/wait/async']")
        form.get_by_role("button", name="6 at once").click()
        expect(form.locator("output .order")).to_be_visible()
    assert [] == list(faults_at_any_size(visited.page))


def test_landing_page_is_legible_from_the_back_row(visit: Callable[..., Any]) -> None:
    """On a projector text is at least 20 pixels high, code 16, and a twin's whole card is on the first screen."""
    visited = visit()
    visited.go("/")
    sizes = visited.page.evaluate(
        """() => ["main p", "main h3 code", ".ask button", ".source td code", ".commands dt code"].map(
            (each) => parseFloat(getComputedStyle(document.querySelector(each)).fontSize))"""
    )
    assert [size for size, least in zip(sizes, (20, 16, 20, 16, 16), strict=True) if size < least] == []
    for card in visited.page.locator(".card").all()[:2]:
        box = card.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 768


@pytest.mark.parametrize(
    ("path", "strict", "directive"),
    [
        ("/docs", ("img-src 'self' data:", "img-src 'self'"), "img-src"),
        ("/redoc", ("font-src data:", "font-src 'none'"), "font-src"),
        ("/redoc", ("'self' 'nonce-", "'self' 'nonce-x"), "style-src"),
    ],
)
def test_each_permission_is_needed(
    visit: Callable[..., Any], path: str, strict: tuple[str, str], directive: str
) -> None:
    """Without any one of the permissions beyond the strict policy, the page is refused something."""
    visited = visit()

    def without(route: Route) -> None:
        response = route.fetch()
        headers = dict(response.headers)
        headers["content-security-policy"] = headers["content-security-policy"].replace(*strict)
        assert response.headers["content-security-policy"] != headers["content-security-policy"]
        route.fulfill(response=response, headers=headers)

    visited.page.route(f"{visited.host}{path}", without)
    visited.go(path)
    assert directive in {violation.split()[0].removesuffix("-elem") for violation in visited.wait_for_violation()}


def test_what_the_tests_look_for_would_be_seen(visit: Callable[..., Any]) -> None:
    """An image from elsewhere is refused, and is on every list that the other tests hold empty."""
    visited = visit()
    visited.go("/")
    visited.page.evaluate("document.body.append(Object.assign(new Image(), { src: 'http://elsewhere.invalid/x.png' }))")
    assert ["img-src http://elsewhere.invalid/x.png"] == visited.wait_for_violation()
    assert ["http://elsewhere.invalid/x.png"] == visited.foreign
    assert visited.complaints
