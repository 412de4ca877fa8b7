"""The pages that show why, in a browser: spans that say what they are, a loop that steps, lines that lead to spans."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from werkzeug.serving import make_server

from benchmarks.errors import RefusedError
from benchmarks.live.recording import Recording
from benchmarks.model import Contender
from tests.benchmarks.live.why.page import make_app

pytestmark = pytest.mark.browser


async def busy(_contender: Contender, _wait_ms: int) -> Recording:
    """Be unable to record."""
    raise RefusedError("Another `lab` is measuring.")


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """Serve the pages, and give their address."""
    server = make_server("127.0.0.1", 0, make_app(record=busy), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def told(page: Page) -> str:
    """Return the words about the selected span."""
    return page.locator("[data-told]").inner_text()


def test_spans_lie_where_their_times_say(visit: Callable[..., Any]) -> None:
    """On one scale for both bursts: left edge and width in proportion."""
    visited = visit()
    visited.go("/why/?contender=flask-async@hypercorn")
    misplaced = visited.page.evaluate(
        """() => [...document.querySelectorAll("[data-burst]")].flatMap((burst) =>
          [...burst.querySelectorAll("button.span")].filter((span) => {
            const track = span.parentElement.getBoundingClientRect();
            const box = span.getBoundingClientRect();
            const scale = track.width / Number(burst.dataset.end);
            const [start, end] = [Number(span.dataset.start), Number(span.dataset.end)];
            const width = Math.max(2, (end - start) * scale);
            return Math.abs(box.left - track.left - start * scale) > 1 || Math.abs(box.width - width) > 1;
          }).map((span) => span.id))"""
    )
    assert [] == misplaced
    assert 1 == visited.page.evaluate(
        "new Set([...document.querySelectorAll('[data-burst]')].map((burst) => burst.dataset.end)).size"
    )


def test_arrow_keys_follow_a_request_through_its_time(visit: Callable[..., Any]) -> None:
    """The Tab key stops there once; right is later, down is the next request at that moment."""
    visited = visit()
    visited.go("/why/?contender=flask-async@hypercorn&beside=none")
    page = visited.page
    assert 1 == page.locator("button.span[tabindex='0']").count()
    page.locator("button.span[tabindex='0']").focus()
    heard = []
    for _ in range(40):
        heard.append(page.evaluate("document.activeElement.getAttribute('aria-label')"))
        page.keyboard.press("ArrowRight")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == heard[-1]:
            break
    assert all(sentence.startswith("Request 1, ") for sentence in heard)
    for state in ("sent", "accepted", "queued for a thread", "loop created", "view running", "waiting", "answering"):
        assert any(sentence.startswith(f"Request 1, {state} for ") for sentence in heard), state
    assert heard[-1] == told(page)
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.request") == "2"
    page.keyboard.press("Home")
    assert told(page).startswith("Request 2, sent for ")


def test_a_span_that_is_pointed_at_says_what_it_is(visit: Callable[..., Any]) -> None:
    """And its request stands out."""
    visited = visit()
    visited.go("/why/?contender=fastapi-sync@uvicorn&beside=none")
    page = visited.page
    page.locator("button.span[data-state='waiting'][data-request='2']").hover()
    assert told(page).startswith("Request 2, waiting for 2")
    assert "meanwhile the thread was held" in told(page)
    assert 0 == page.locator("button.span.other[data-request='2']").count()
    assert page.locator("button.span.other[data-request='1']").count() > 0


def test_zoom_by_button_and_key(visit: Callable[..., Any]) -> None:
    """The focused span stays in sight, and both bursts move together."""
    visited = visit()
    visited.go("/why/?contender=flask-async@hypercorn")
    page = visited.page
    first = page.locator("[data-burst]").first
    span = first.locator("button.span[data-state='loop created'][data-request='1']").first
    before = span.bounding_box()
    span.focus()
    page.keyboard.press("Enter")
    after = span.bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] > 4 * before["width"]
    expect(span).to_be_in_viewport()
    expect(page.locator("[data-zoom-told]")).to_contain_text("times")
    left, right = (page.locator(".burst-scroll").nth(place).evaluate("(each) => each.scrollLeft") for place in (0, 1))
    assert left > 0
    assert abs(left - right) < 3
    page.keyboard.press("0")
    box = span.bounding_box()
    assert box is not None
    assert abs(before["width"] - box["width"]) < 1
    page.get_by_role("button", name="Zoom in").click()
    expect(page.locator("[data-zoom-told]")).to_have_text("2.0 times")
    page.get_by_role("button", name="Zoom out").click()
    expect(page.locator("[data-zoom-told]")).to_have_text("")


def test_another_contender_is_chosen_and_its_trace_downloaded(visit: Callable[..., Any]) -> None:
    """By the form, and by a link under the burst: a file for Perfetto, named after its contender."""
    visited = visit()
    visited.go("/why/")
    page = visited.page
    page.get_by_label("Contender").select_option("flask-sync@hypercorn")
    page.get_by_label("Beside it").select_option("nothing")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", level=2)).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("link", name="Chrome trace of flask-sync@hypercorn").click()
    assert "flask-sync@hypercorn-20ms.trace.json" == download.value.suggested_filename
    assert '"ph"' in Path(download.value.path()).read_text(encoding="utf-8")


def test_the_presenter_is_told_why_nothing_was_recorded(visit: Callable[..., Any], host: str) -> None:
    """Under the button that was pressed."""
    visited = visit()
    visited.page.context.add_cookies([{"name": "presenter", "value": "yes", "url": host}])
    visited.go("/why/?contender=flask-sync@hypercorn&beside=none")
    visited.page.get_by_role("button", name="Record it here, now").click()
    expect(visited.page.locator("form.record output")).to_have_text("Another `lab` is measuring.")


def test_the_loop_steps_forward_and_back(visit: Callable[..., Any]) -> None:
    """By button and key; each step says itself, and shows the line."""
    visited = visit()
    visited.go("/why/loop")
    page = visited.page
    pane = page.locator("[data-pane='loop']")
    said = pane.locator("[data-told]")
    expect(said).to_contain_text("Step 1 of ")
    expect(pane.get_by_role("button", name="Back")).to_have_attribute("aria-disabled", "true")
    expect(said).to_contain_text("It begins with one job, accept.")
    pane.get_by_role("button", name="Forward").click()
    expect(said).to_contain_text("Step 2 of ")
    page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("Step 3 of ")
    expect(pane.locator("li[aria-current='step']")).to_have_text("    await_list.clear()loop", use_inner_text=False)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(said).to_contain_text("Step 1 of ")
    assert "polite" == said.get_attribute("aria-live")
    visited.assert_quiet()


def test_a_moment_brings_both_runs_to_it(visit: Callable[..., Any]) -> None:
    """What the kernel reports and watches, which jobs are queued, and which thread sleeps where."""
    visited = visit()
    visited.go("/why/loop")
    page = visited.page
    page.get_by_role("button", name="Clients 3 and 1 send their requests").click()
    loop, threads = page.locator("[data-pane='loop']"), page.locator("[data-pane='threads']")
    expect(loop.locator("[data-told]")).to_contain_text("The kernel reports client 3 and client 1.")
    expect(loop.locator(".board", has_text="the kernel watches").locator("li.ready")).to_have_count(2)
    expect(threads.locator("[data-told]")).to_contain_text(
        "Every thread slept. Meanwhile clients 3 and 1 send their requests"
    )
    expect(threads.locator(".board li")).to_have_count(4)
    expect(threads.locator(".badge-at")).to_have_count(4)
    expect(page.locator("[data-clients] li").nth(1)).to_have_text("client 2sends half a request")
    # Back over the moment in the one, and the other goes along.
    loop.get_by_role("button", name="Back").click()
    expect(threads.locator("[data-told]")).to_contain_text("Meanwhile client 2 sends half a request")


def test_the_loop_turns_and_the_slider_leads_to_the_end(visit: Callable[..., Any]) -> None:
    """Where it sleeps until somebody connects."""
    visited = visit()
    visited.go("/why/loop")
    pane = visited.page.locator("[data-pane='loop']")
    for _ in range(2):
        pane.get_by_role("button", name="Next turn").click()
        expect(pane.locator("li[aria-current='step']")).to_contain_text("kernel.select(")
    pane.get_by_role("slider").focus()
    visited.page.keyboard.press("End")
    expect(pane.locator("[data-told]")).to_contain_text("here it sleeps until somebody connects")
    expect(pane.get_by_role("button", name="Forward")).to_have_attribute("aria-disabled", "true")


def test_nothing_is_pressed_before_the_steps_have_come(visit: Callable[..., Any]) -> None:
    """The controls are disabled until the steps have arrived over a slow network."""
    visited = visit()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    visited.page.route("**/why/loop/steps.json", hold)
    visited.go("/why/loop")
    pane = visited.page.locator("[data-pane='loop']")
    for control in (pane.get_by_role("button", name="Next turn"), pane.get_by_role("slider")):
        expect(control).to_be_disabled()
    held[0].continue_()
    pane.get_by_role("button", name="Next turn").click()
    expect(pane.locator("li[aria-current='step']")).to_contain_text("kernel.select(")


@pytest.mark.parametrize(
    ("refuse", "why"),
    [
        (lambda route: route.abort(), "Failed to fetch"),
        (lambda route: route.fulfill(status=503), "503 Service Unavailable"),
    ],
)
def test_steps_that_did_not_come_are_said(visit: Callable[..., Any], refuse: Callable[[Route], None], why: str) -> None:
    """And what to do about it."""
    visited = visit()
    visited.page.route("**/why/loop/steps.json", refuse)
    visited.go("/why/loop")
    for kind in ("loop", "threads"):
        pane = visited.page.locator(f"[data-pane='{kind}']")
        expect(pane.locator("[data-told]")).to_have_text(
            f"The recorded steps did not arrive ({why}). Reload the page to ask for them again."
        )
        expect(pane.get_by_role("button", name="Forward")).to_be_disabled()


def test_a_line_leads_to_its_spans(visit: Callable[..., Any]) -> None:
    """In both twins; a second press deselects it."""
    visited = visit()
    visited.go("/why/keywords")
    page = visited.page
    pair = page.locator(".pair").first
    sync, async_ = pair.locator(".twin.sync"), pair.locator(".twin.async")
    line = async_.locator("button.line", has_text="await asyncio.sleep")
    line.click()
    for twin in (sync, async_):
        assert {"waiting"} == set(
            twin.locator("button.span.lit").evaluate_all("(spans) => spans.map((span) => span.dataset.state)")
        )
        assert 3 == twin.locator("button.span.lit").count()
        expect(twin.locator(".line-told")).to_contain_text("waiting 2")
    expect(line).to_have_attribute("aria-pressed", "true")
    line.click()
    assert 0 == pair.locator("button.span.lit, button.span.unlit").count()
    async_.locator("button.line", has_text="async def wait").click()
    expect(async_.locator(".line-told")).to_contain_text("loop created")


def test_a_span_leads_to_its_line(visit: Callable[..., Any]) -> None:
    """The other way round."""
    visited = visit()
    visited.go("/why/keywords")
    twin = visited.page.locator(".pair").last.locator(".twin.sync")
    twin.locator("button.span[data-state='waiting']").first.focus()
    expect(twin.locator("button.line.lit")).to_have_count(1)
    expect(twin.locator("button.line.lit")).to_contain_text("time.sleep")
