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
    visited.go("/why/?contender=flask-async@hypercorn&beside=none&wait=20")
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
    visited.go("/why/?contender=fastapi-sync@uvicorn&beside=none&wait=20")
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


def test_a_choice_acts_at_once(visit: Callable[..., Any]) -> None:
    """Without a button: headline, legend, bursts and address are those of the choice, which keeps the focus."""
    visited = visit()
    visited.go("/why/")
    page = visited.page
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "async def on Flask starts 1 thread and 1 loop per request"
    )
    expect(page.locator(".legend .key", has_text="loop created")).to_be_visible()
    contender = page.get_by_label("Contender")
    contender.focus()
    contender.select_option("fastapi-async@uvicorn")
    expect(page.get_by_role("heading", level=1)).to_have_text("async def on FastAPI stays on the server's event loop")
    expect(page.locator(".lead")).to_have_text("def on FastAPI changes threads 4 times per request.")
    expect(page.locator(".legend .key", has_text="loop created")).to_have_count(0)
    expect(page.locator("[data-choice-said]")).to_contain_text("stays on the server's event loop")
    expect(contender).to_be_focused()
    assert "contender=fastapi-async%40uvicorn" in page.url
    # What was put there works: spans are placed, and told.
    page.locator("button.span[data-state='accepted']").first.hover()
    assert "accepted" in told(page)
    assert page.locator("button.span.named").count() > 0
    visited.assert_quiet()


def test_a_choice_that_fails_is_said(visit: Callable[..., Any]) -> None:
    """And can be made again."""
    visited = visit()
    visited.go("/why/")
    page = visited.page
    page.route("**/why/?*", lambda route: route.fulfill(status=503))
    page.get_by_label("Each view waits").select_option("20")
    expect(page.locator("[data-choice-said]")).to_contain_text("Not shown (503 Service Unavailable)")
    page.unroute("**/why/?*")
    page.get_by_label("Each view waits").select_option("0")
    page.get_by_label("Each view waits").select_option("20")
    expect(page.locator("button.span[data-state='waiting']")).to_have_count(6)


def test_choices_work_without_scripts(visit: Callable[..., Any]) -> None:
    """By a button, which is there then alone."""
    visited = visit(java_script_enabled=False)
    visited.go("/why/")
    visited.page.get_by_label("Contender").select_option("fastapi-sync@uvicorn")
    visited.page.get_by_role("button", name="Show").click()
    expect(visited.page.get_by_role("heading", level=1)).to_contain_text("def on FastAPI")


def test_a_trace_is_downloaded(visit: Callable[..., Any]) -> None:
    """By a link under the burst: a file for Perfetto, named after its contender."""
    visited = visit()
    visited.go("/why/")
    page = visited.page
    page.get_by_label("Contender").select_option("flask-sync@hypercorn")
    page.get_by_label("Beside it").select_option("nothing")
    expect(page.locator("[data-burst]")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("link", name="Chrome trace of Flask on Hypercorn, def").click()
    assert "flask-sync@hypercorn-0ms.trace.json" == download.value.suggested_filename
    assert '"ph"' in Path(download.value.path()).read_text(encoding="utf-8")


CLIPPED = """() => {
  const box = (each) => each.getBoundingClientRect();
  return [...document.querySelectorAll(".burst-row")].flatMap((row) => {
    const spans = [...row.querySelectorAll("button.span")];
    const named = spans.filter((span) => span.matches(".named"));
    const track = row.querySelector(".burst-track") && box(row.querySelector(".burst-track"));
    const apart = (one, other) => one.right <= other.left + 0.5 || other.right <= one.left + 0.5;
    return named.flatMap((span) => {
      const label = span.firstElementChild;
      const [own, text] = [box(span), box(label)];
      const behind = span.matches(".thread-held");
      const beside = behind || span.matches(".outside");
      const others = spans.filter((each) => each !== span && !each.matches(".thread-held"));
      const faults = [];
      if (label.scrollWidth > label.clientWidth) faults.push("cut");
      if (text.left < track.left - 1 || text.right > track.right + 1) faults.push("outside of the track");
      if (!beside && text.right > own.right + 1) faults.push("wider than its span");
      if (beside && !others.every((each) => apart(text, box(each)))) faults.push("on a span");
      if (!named.every((each) => each === span || apart(text, box(each.firstElementChild)))) faults.push("on a label");
      return faults.map((fault) => `${span.id} ${span.dataset.state}: ${fault}`);
    });
  });
}"""


@pytest.mark.parametrize("path", ["/why/?wait=0", "/why/?wait=20", "/why/keywords?wait=0"])
def test_no_label_of_a_span_is_cut(visit: Callable[..., Any], path: str) -> None:
    """It stands in its span, or beside it where nothing else is, at any size and zoom."""
    visited = visit()
    visited.go(path)
    for size in (1440, 900), (1024, 768), (390, 844):
        visited.page.set_viewport_size({"width": size[0], "height": size[1]})
        visited.page.get_by_role("button", name="Whole").click()
        assert [] == visited.page.evaluate(CLIPPED)
        whole = visited.page.locator("button.span.named").count()
        for _ in range(3):
            visited.page.get_by_role("button", name="Zoom in").click()
        assert [] == visited.page.evaluate(CLIPPED)
        assert whole < visited.page.locator("button.span.named").count()
    assert visited.page.locator("button.span.outside").count() > 0


def test_what_a_burst_has_in_addition_is_marked(visit: Callable[..., Any]) -> None:
    """The threads and loops that are started for one request alone."""
    visited = visit()
    visited.go("/why/")
    expect(visited.page.locator(".extra-told")).to_have_text(["+1 thread, +1 loop"] * 3)


def test_a_timeline_leads_to_its_line_and_back(visit: Callable[..., Any]) -> None:
    """The line is selected there, so its spans are lit; and from both the race can be reached."""
    visited = visit()
    visited.go("/why/?contender=flask-async@hypercorn")
    page = visited.page
    expect(page.get_by_role("link", name="What the race found")).to_have_attribute("href", "/#race")
    page.get_by_role("link", name="The line that decides this for Flask on Hypercorn, async def").click()
    line = page.locator("button.line:target")
    expect(line).to_contain_text("async def health")
    expect(line).to_have_attribute("aria-pressed", "true")
    expect(line).to_be_in_viewport()
    expect(page.get_by_role("link", name="What the race found")).to_have_attribute("href", "/#race")
    page.get_by_role("link", name="The timeline of Flask on Hypercorn, async def").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("starts 1 thread and 1 loop")


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


HOLD_TIME = """() => {
  window.due = new Map();
  window.setTimeout = (action, after_ms) => {
    const number = performance.now();
    window.due.set(number, { action, after_ms });
    return number;
  };
  window.clearTimeout = (number) => window.due.delete(number);
}"""
"""In a page, makes time pass by ``GO_ON`` alone."""

GO_ON = """() => {
  const due = [...window.due.values()];
  window.due.clear();
  for (const { action } of due) action();
}"""


def test_the_loop_plays_and_pauses(visit: Callable[..., Any]) -> None:
    """Both programs go on by a step each time, at the chosen speed; nothing plays before somebody says so."""
    visited = visit()
    visited.go("/why/loop")
    page = visited.page
    expect(page.locator(".stepper.ready")).to_be_visible()
    loop, threads = (page.locator(f"[data-pane='{kind}'] [data-told]") for kind in ("loop", "threads"))
    page.evaluate(HOLD_TIME)
    page.get_by_label("Speed").select_option("fast")
    assert 0 == page.evaluate("window.due.size")
    page.get_by_role("button", name="Play").focus()
    page.keyboard.press("Enter")
    expect(loop).to_contain_text("Step 1 of ")
    assert [200] == page.evaluate("[...window.due.values()].map(({ after_ms }) => after_ms)")
    assert "off" == loop.get_attribute("aria-live")
    page.evaluate(GO_ON)
    expect(loop).to_contain_text("Step 2 of ")
    expect(threads).to_contain_text("Step 2 of ")
    page.get_by_role("button", name="Pause").click()
    assert "polite" == loop.get_attribute("aria-live")
    page.evaluate(GO_ON)
    expect(loop).to_contain_text("Step 2 of ")
    # Who steps by hand wants to look.
    page.get_by_role("button", name="Play").click()
    page.locator("[data-pane='loop']").get_by_role("button", name="Forward").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_playing_ends_where_both_end_and_begins_anew(visit: Callable[..., Any]) -> None:
    """Within a moment the program that is through first waits for the other."""
    visited = visit()
    visited.go("/why/loop")
    page = visited.page
    expect(page.locator(".stepper.ready")).to_be_visible()
    page.evaluate(HOLD_TIME)
    page.get_by_role("button", name="Clients 1, 2 and 3 disconnect").click()
    page.get_by_role("button", name="Play").click()
    for _ in range(200):
        if page.get_by_role("button", name="Play").count():
            break
        page.evaluate(GO_ON)
    for kind, steps in (("loop", 409), ("threads", 63)):
        expect(page.locator(f"[data-pane='{kind}'] [data-told]")).to_contain_text(f"Step {steps} of {steps}.")
    page.get_by_role("button", name="Play").click()
    expect(page.locator("[data-pane='loop'] [data-told]")).to_contain_text("Step 1 of ")


def test_what_moved_in_a_step_is_marked(visit: Callable[..., Any]) -> None:
    """With where it was; it glides from there, unless the reader wants no motion."""
    visited = visit()
    visited.go("/why/loop")
    page = visited.page
    pane = page.locator("[data-pane='loop']")
    moved = pane.locator("li.moved")
    for _ in range(60):
        pane.get_by_role("button", name="Forward").click()
        if pane.locator("li.moved .from", has_text="from await_list").count():
            break
    expect(moved).to_have_text("listener, readablefor acceptfrom await_list")
    expect(pane.locator(".board", has_text="the kernel watches").locator("li.moved")).to_have_count(1)
    expect(pane.locator("li.previous")).to_have_count(1)
    animations = "document.querySelectorAll('li.moved')[0].getAnimations().length"
    pane.get_by_role("button", name="Back").click()
    pane.get_by_role("button", name="Forward").click()
    assert 1 == page.evaluate(animations)
    page.emulate_media(reduced_motion="reduce")
    pane.get_by_role("button", name="Back").click()
    pane.get_by_role("button", name="Forward").click()
    assert 0 == page.evaluate(animations)
    page.emulate_media(reduced_motion="no-preference")


@pytest.mark.parametrize("size", [(1024, 768), (1440, 900)])
def test_every_step_fits_one_screen(visit: Callable[..., Any], size: tuple[int, int]) -> None:
    """Nothing has to be scrolled but the source, which shows the line that is next."""
    visited = visit(*size)
    visited.go("/why/loop")
    page = visited.page
    expect(page.locator(".stepper.ready")).to_be_visible()
    outside = page.evaluate(
        """() => {
          const found = [];
          for (const pane of document.querySelectorAll("[data-pane]")) {
            const range = pane.querySelector("input[type=range]");
            for (let step = 1; step <= Number(range.max); step += 1) {
              range.value = step;
              range.dispatchEvent(new Event("input", { bubbles: true }));
              const [source, line, boards] = ["[data-source]", "[aria-current=step]", "[data-boards]"].map((each) =>
                pane.querySelector(each).getBoundingClientRect());
              const needed = Math.max(document.documentElement.scrollHeight, boards.bottom);
              if (needed > innerHeight) found.push([pane.dataset.pane, step, needed]);
              if (line.top < source.top || line.bottom > source.bottom + 1) found.push([pane.dataset.pane, step]);
            }
          }
          return found;
        }"""
    )
    assert [] == outside


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
    visited.go("/why/keywords?wait=20")
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
    visited.go("/why/keywords?wait=20")
    twin = visited.page.locator(".pair").last.locator(".twin.sync")
    twin.locator("button.span[data-state='waiting']").first.focus()
    expect(twin.locator("button.line.lit")).to_have_count(1)
    expect(twin.locator("button.line.lit")).to_contain_text("time.sleep")
