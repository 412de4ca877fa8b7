"""The projector's stage and the presenter's console, in a browser."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jinja2
import pytest
from playwright.sync_api import Page, Route, expect

from benchmarks.contenders import installed
from benchmarks.judge.judge import judge
from benchmarks.live.page import director as directors
from benchmarks.live.page import scenes
from benchmarks.live.page.guesses import Guesses
from benchmarks.live.page.rendering import Renderer
from benchmarks.measure import journal
from benchmarks.measure.race import MOST_CONTENDERS, OWN
from benchmarks.report.words import contender_name
from tests.benchmarks.live.page.accessibility import SCHEMES, SIZES, faults
from tests.benchmarks.live.page.made_up_race import CONTENDERS, keep_race
from tests.benchmarks.live.page.served import Look, Workshop, serve

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

LONGEST = tuple(
    contender.id
    for contender in OWN.contenders
    if contender
    in sorted(
        (each for each in OWN.contenders if not installed.lacking(each)), key=lambda each: len(contender_name(each.id))
    )[-MOST_CONTENDERS:]
)
SCENES = ("join-0", "next-0", "why-1", "why-0", "reveal-0", "race-0")
"""As a step back leads through them, after a race of two pairs of twins."""

FITS = """
() => {
  const faults = [];
  const visible = (each) => each.checkVisibility() && !each.closest(".unseen");
  const blame = (what, each) => faults.push(`${what}: ${each.outerHTML.slice(0, 80)}`);
  const root = document.scrollingElement;
  if (root.scrollHeight > innerHeight || root.scrollWidth > innerWidth) faults.push("it scrolls");
  for (const each of document.querySelectorAll("body *")) {
    if (!visible(each) || each.ownerSVGElement) continue;
    const { left, top, right, bottom } = each.getBoundingClientRect();
    if (left < -1 || top < -1 || right > innerWidth + 1 || bottom > innerHeight + 1) blame("outside", each);
    const hasText = [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (hasText && each.scrollWidth > each.clientWidth + 1 && each.clientWidth) blame("cut off", each);
    if (each.matches("main, section, [data-part]") && each.scrollHeight > each.clientHeight + 1) blame("clipped", each);
    let next = each.nextElementSibling;
    while (next && !visible(next)) next = next.nextElementSibling;
    if (next && each.matches("section > *, [data-part] > *") && next.getBoundingClientRect().top < bottom - 2) {
      blame("overlaps", each);
    }
  }
  return faults;
}
"""
SIZES_OF_TEXTS = """
() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const sizes = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility() || element.closest(".unseen, title, desc")) continue;
    const scale = element.ownerSVGElement ? element.getScreenCTM().d : 1;
    sizes.push([scale * parseFloat(getComputedStyle(element).fontSize), text.slice(0, 30)]);
  }
  return sizes;
}
"""
FONT_PX = "(each) => parseFloat(getComputedStyle(each).fontSize)"
LEAST_PX, LEAST_COUNTER_PX = 28, 60


def too_small(page: Page) -> list[tuple[float, str]]:
    """Return the texts on a page that the back row cannot read, each with its size."""
    sizes = page.evaluate(SIZES_OF_TEXTS)
    assert sizes
    return [(size, text) for size, text in sizes if size < LEAST_PX]


@pytest.fixture(scope="module")
def presented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A page that recalls a race of the four usual ones, and its presenter's cookie; it lets a class in."""
    results = tmp_path_factory.mktemp("results")
    keep_race(results)
    with serve(results, lab="benchmarks", host="0.0.0.0") as workshop:  # noqa: S104 (for the QR code)
        workshop.present()
        yield workshop


def at_the_beginning(workshop: Workshop) -> None:
    """Put the stage where it begins."""
    assert 204 == workshop.ask("POST", "/guesses/new").status


def made_up_events(folder: Path, place: str, phase: str = "over", **facts: Any) -> str:
    """Return what the board would send of a race in a folder, in any state."""
    run = journal.read_run(folder)
    if phase == "racing":
        run = dataclasses.replace(run, state="running")
    judgement = judge(run, ())
    templates = Path(directors.__file__).with_name("templates")
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(templates), autoescape=True)
    renderer = Renderer(environment, ())
    guesses = Guesses()
    for number in range(40):
        guesses.take(f"{number}", dict.fromkeys(guesses.asked, 1 + number / 20))
    shown = renderer.reveal(guesses, run, judgement)
    state = {
        "phase": phase,
        "guesses": {"open": place == "join-0", "count": 1_000},
        "viewers": 1_125,
        "measuring": "Round 3 of 20, on Werkzeug's development server" if phase == "racing" else "",
        "message": "",
        "spoken": "",
        "trials": 3,
        "trialsPlanned": 20,
        "hasReport": False,
        "stage": {
            "scene": place.split("-", maxsplit=1)[0],
            "place": place,
            "forward": "Reveal what was measured",
            "because": "",
        },
        "lineup": scenes.lineup(run.plan),
        "raced": "",
        **facts,
    }
    parts = {
        "race": {"html": "", "scene": renderer.lanes(run.plan, run, judgement)},
        "guesses": {"html": "", "scene": shown.scene, "next": shown.next},
        "state": state,
    }
    return "".join(f"id: 1-{name}\nevent: {name}\ndata: {json.dumps(content)}\n\n" for name, content in parts.items())


@pytest.fixture(scope="module")
def longest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a race, half-way, of the four contenders with the longest names."""
    return keep_race(tmp_path_factory.mktemp("longest"), LONGEST, so_far=3)


def show(page: Page, url: str, events: str) -> None:
    """Open the stage on a board that is made up."""

    def answer(route: Route) -> None:
        route.fulfill(body=events, content_type="text/event-stream")

    page.route("**/events", answer)
    page.route("**/following", lambda route: route.fulfill(status=204))
    page.goto(f"{url}/stage")


@pytest.mark.parametrize("place", ["join-0", "closed-0", "race-0", "reveal-0", "next-0"])
def test_each_scene_fits_the_stage_with_the_longest_names(
    presented: Workshop, look: Callable[..., Look], longest: Path, place: str
) -> None:
    """At 1024 × 768 nothing scrolls, leaves the screen or lies over something else; no text has less than 28 px."""
    page = look(presented).page
    show(page, presented.url, made_up_events(longest, place, "racing" if place == "race-0" else "over"))
    expect(page.locator("body")).to_have_attribute("data-scene", place.split("-", maxsplit=1)[0])

    assert [] == page.evaluate(FITS)
    assert [] == too_small(page)
    if place == "race-0":
        assert 60 <= page.locator(".lane .count b").first.evaluate(
            "(each) => parseFloat(getComputedStyle(each).fontSize)"
        )
        assert 4 == page.locator(".lane").count()
        assert 3 == page.locator(".strip").count()


@pytest.mark.parametrize("contenders", [CONTENDERS, CONTENDERS[:2]])
def test_a_race_of_twins_fits_the_stage(
    presented: Workshop, look: Callable[..., Look], tmp_path: Path, contenders: tuple[str, ...]
) -> None:
    """One ratio has the whole stage for its word."""
    page = look(presented).page
    folder = keep_race(tmp_path, contenders)
    show(page, presented.url, made_up_events(folder, "reveal-0"))
    expect(page.locator(".word").first).to_have_text("About half.")

    assert [] == page.evaluate(FITS)
    assert [] == too_small(page)


def test_the_keys_of_a_clicker_lead_through_the_scenes(presented: Workshop, look: Callable[..., Look]) -> None:
    """Each scene fits, is legible and accessible, in light and dark; a second projector shows the same."""
    at_the_beginning(presented)
    stage, second = (
        look(presented, "/stage"),
        look(presented.another(), "/stage", width=1440, height=900, scheme="dark"),
    )
    page = stage.page
    for place in SCENES:
        scene = place.split("-", maxsplit=1)[0]
        expect(page.locator("body")).to_have_attribute("data-scene", scene)
        expect(second.page.locator("body")).to_have_attribute("data-scene", scene)
        if scene == "why":
            words = {"why-0": "+1 thread, +1 loop per request", "why-1": "−1 thread per request"}
            expect(page.locator(".added")).to_have_text(words[place])
        assert [] == page.evaluate(FITS), place
        assert [] == too_small(page), place
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            for scheme, options in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                page.evaluate("document.getAnimations().forEach((each) => each.finish())")
                assert [] == faults(page, options), (place, width, scheme)
        page.set_viewport_size({"width": 1024, "height": 768})
        if place != SCENES[-1]:
            page.keyboard.press("PageUp")
    for key, scene in (("PageDown", "reveal"), (" ", "why"), ("ArrowLeft", "reveal"), ("ArrowRight", "why")):
        page.keyboard.press(key)
        expect(page.locator("body")).to_have_attribute("data-scene", scene)
    second.page.keyboard.press("ArrowLeft")

    page.reload()
    expect(page.locator("body")).to_have_attribute("data-scene", "why")
    expect(page.locator("#hint")).to_have_text("Go on →")
    expect(second.page.locator("#hint")).to_be_empty()
    stage.assert_quiet()
    second.assert_quiet()


def test_nothing_moves_while_something_is_measured(
    presented: Workshop, look: Callable[..., Look], longest: Path
) -> None:
    """The needle drops when it is revealed, unless motion is to be reduced, and in no other state anything moves."""
    page = look(presented).page
    moving = "document.getAnimations().length"
    for place, phase, motion, expected in (
        ("race-0", "racing", "no-preference", False),
        ("reveal-0", "racing", "no-preference", False),
        ("reveal-0", "over", "reduce", False),
        ("reveal-0", "over", "no-preference", True),
    ):
        page.unroute_all()
        page.emulate_media(reduced_motion=motion)  # type: ignore[arg-type]  # one of its two
        show(page, presented.url, made_up_events(longest, place, phase))
        expect(page.locator("body")).to_have_attribute("data-phase", phase)
        assert expected == (page.evaluate(moving) > 0), (place, phase, motion)


def test_a_stage_whose_connection_is_lost_comes_back(
    serve_page: Callable[..., AbstractContextManager[Workshop]], tmp_path: Path, look: Callable[..., Look]
) -> None:
    """It says so meanwhile, and shows then what it is told; only a presenter's keys do anything."""
    with serve_page(tmp_path) as workshop:
        stage = look(workshop, "/stage")
        expect(stage.page.locator("#connection")).to_be_empty()
        workshop.present()
        assert 204 == workshop.ask("POST", "/stage", {"direction": "forward", "place": "join-0"}).status
        expect(stage.page.locator("body")).to_have_attribute("data-scene", "closed")
        workshop.end()
    expect(stage.page.locator("#connection")).to_contain_text("trying again")
    with serve_page(tmp_path, workshop.port):
        expect(stage.page.locator("#connection")).to_be_empty()
        expect(stage.page.locator("body")).to_have_attribute("data-scene", "join")
        stage.page.keyboard.press("PageDown")
        expect(stage.page.locator("#message")).to_be_empty()


def test_a_stage_that_slept_asks_for_its_scene_again(presented: Workshop, look: Callable[..., Look]) -> None:
    """Its old stream may be dead without its browser knowing; there is one stream at a time."""
    at_the_beginning(presented)
    stage = look(presented, "/stage")
    expect(stage.page.locator("body")).to_have_attribute("data-scene", "join")
    with stage.page.expect_request("**/events"):
        stage.page.evaluate("window.dispatchEvent(new Event('online'))")
    presented.ask("POST", "/stage", {"direction": "back", "place": "join-0"})
    expect(stage.page.locator("body")).to_have_attribute("data-scene", "next")
    presented.wait_for(lambda state: state["viewers"] == 2)
    stage.assert_quiet()


def test_a_lesson_is_led_from_the_console(workshop: Workshop, look: Callable[..., Look]) -> None:
    """On a phone: the stage and the viewers follow, and the race that was chosen starts by a key on the stage."""
    workshop.present()
    console = look(workshop, "/console", width=390, height=844)
    stage, viewer = look(workshop, "/stage"), look(workshop.another(), width=390, height=844)
    for looked in (stage, viewer):
        expect(looked.page.locator("body")).to_have_attribute("data-scene", "join")
    console.page.get_by_label("Connections").fill("4")
    console.page.get_by_label("Rounds").fill("2")
    console.page.get_by_label("Rounds").press("Tab")
    console.page.get_by_role("button", name="Close the guesses").click()
    expect(viewer.page.get_by_role("button", name="Commit my guess")).to_be_hidden()
    expect(stage.page.locator("body")).to_have_attribute("data-scene", "closed")
    expect(stage.page.locator("#scene-closed")).to_contain_text("4 connections, no wait, 2 rounds")
    expect(viewer.page.locator(".lineup")).to_contain_text("Flask on Hypercorn, async def")

    stage.page.keyboard.press("ArrowRight")
    for looked in (stage, viewer):
        expect(looked.page.locator("[data-part=race] .lane")).to_have_count(2)
        expect(looked.page.locator("body")).to_have_attribute("data-scene", "reveal")
        expect(looked.page.locator(".ratio .word")).to_be_visible()
    console.page.get_by_role("button", name="Show why").click()
    expect(stage.page.locator(".added")).to_contain_text("+1 thread, +1 loop per request")
    expect(viewer.page.locator("#because")).not_to_be_empty()
    path = "/why/?contender=flask-async%40hypercorn&beside=flask-sync%40hypercorn&wait=0"
    expect(viewer.page.locator("#timeline")).to_have_attribute("href", path)
    for looked in (console, stage, viewer):
        looked.assert_quiet()


@pytest.mark.parametrize("path", ["/", "/console"])
def test_console_and_viewers_page_are_accessible_in_each_scene(
    presented: Workshop, look: Callable[..., Look], path: str
) -> None:
    """In light and dark, and no page is wider than its screen."""
    at_the_beginning(presented)
    page = look(presented, path).page
    for place in SCENES:
        expect(page.locator("body")).to_have_attribute("data-scene", place.split("-", maxsplit=1)[0])
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (place, width)
        for scheme, options in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.evaluate("document.getAnimations().forEach((each) => each.finish())")
            assert [] == faults(page, options), (place, scheme)
        presented.ask("POST", "/stage", {"direction": "back", "place": place})


def test_a_slider_suggests_no_guess(presented: Workshop, look: Callable[..., Look]) -> None:
    """It has no thumb until it is touched; then what is filled begins in the middle, where nothing changes."""
    at_the_beginning(presented)
    page = look(presented.another()).page
    slider = page.get_by_role("slider", name="Flask")
    expect(slider).to_have_class("untouched")
    expect(page.locator("#told-flask")).to_have_text("no guess yet")
    fill = "(each) => [each.style.getPropertyValue('--from'), each.style.getPropertyValue('--to')]"
    assert ["50%", "50%"] == slider.evaluate(fill)

    slider.focus()
    slider.press("Enter")
    expect(page.locator("#told-flask")).to_have_text("the same")
    slider.press("End")
    assert ["50%", "100%"] == slider.evaluate(fill)
    slider.press("Home")
    assert ["0%", "50%"] == slider.evaluate(fill)
    expect(slider).not_to_have_class("untouched")
