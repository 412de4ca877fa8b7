"""The pages of `lab live` in a browser: predict and race, and those that show why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from benchmarks.judge.judge import judge
from benchmarks.measure.journal import read_run
from tests.benchmarks.live.page.accessibility import faults_at_any_size
from tests.benchmarks.live.page.made_up_race import keep_race
from tests.benchmarks.live.page.served import Look, Workshop, serve

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def presented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A page that shows a race of four with its charts, and its presenter's cookie."""
    results = tmp_path_factory.mktemp("results")
    keep_race(results)
    with serve(results, lab="benchmarks") as workshop:
        workshop.present()
        yield workshop


def present(page: Page, workshop: Workshop) -> None:
    """Become the presenter by the link that the terminal showed."""
    page.goto(workshop.presenter_link)
    page.get_by_role("button", name="I present").click()
    expect(page.get_by_role("button", name="Start the race")).to_be_enabled()


def start_small_race(page: Page, rounds: int = 2) -> None:
    """Race Flask's twins, which are preselected."""
    page.get_by_label("Connections").fill("4")
    page.get_by_label("Rounds").fill(str(rounds))
    page.get_by_role("button", name="Start the race").click()


def test_stop_guess_race_and_verdict_with_two_viewers(workshop: Workshop, look: Callable[..., Look]) -> None:
    """A class guesses, watches and gets the verdict that `lab report` gives; no browser reports an error.

    Before that the presenter stops a race: what was measured stays on the page, is called interrupted, and the class
    can guess again.
    """
    presenter, viewer = look(workshop), look(workshop, width=390, height=844, scheme="dark")
    present(presenter.page, workshop)
    expect(viewer.page.get_by_text("2 watching")).to_be_visible()
    expect(viewer.page.get_by_role("button", name="Start the race")).to_have_count(0)

    start_small_race(presenter.page, rounds=20)
    expect(presenter.page.locator("#going")).to_contain_text(re.compile("Round [2-9] of 20"))
    presenter.page.get_by_role("button", name="Stop, keep what was measured").click()
    for looked in (presenter, viewer):
        expect(looked.page.locator("body")).to_have_attribute("data-phase", "over")
    expect(viewer.page.locator("#board")).to_contain_text("This run was interrupted")
    presenter.page.get_by_role("button", name="Ask for new guesses").click()

    slider = viewer.page.get_by_role("slider", name="Flask")
    expect(viewer.page.get_by_role("button", name="Commit my guess")).to_be_enabled()
    slider.focus()
    slider.press("Home")
    expect(viewer.page.locator("#told-flask")).to_have_text("0.25 ×, fewer")
    viewer.page.get_by_role("button", name="Commit my guess").press("Enter")
    expect(viewer.page.locator("#guess-said")).to_contain_text("FastAPI has no guess yet")
    viewer.page.get_by_role("slider", name="FastAPI").press("ArrowRight")
    viewer.page.get_by_role("button", name="Commit my guess").press("Enter")
    expect(viewer.page.locator("#guess-said")).to_contain_text("Committed")
    expect(presenter.page.get_by_text("1 guess.")).to_be_visible()

    start_small_race(presenter.page)
    expect(viewer.page.get_by_role("button", name="Commit my guess")).to_be_hidden()
    expect(viewer.page.locator("#going")).to_contain_text("Round 2 of 2")
    for looked in (presenter, viewer):
        expect(looked.page.locator("body")).to_have_attribute("data-phase", "over")
        expect(looked.page.locator("body")).to_have_attribute("data-scene", "reveal")
    expect(viewer.page.locator(".duel")).to_have_count(1)
    expect(viewer.page.locator("#reveal")).to_contain_text("the class guessed 0.25 × (median) of 1")
    expect(viewer.page.locator("#found .word")).to_be_visible()
    expect(viewer.page.locator("#found [data-own]")).to_contain_text("Flask 0.25 ×, fewer")
    expect(viewer.page.locator("#spoken")).to_contain_text("The race is over.")

    run = read_run(workshop.out / "latest")
    (duel,) = judge(run, ()).duels
    expect(viewer.page.locator(".duel .word")).to_have_text(duel.standing)
    if duel.rate is not None:
        expect(viewer.page.locator(".duel .big")).to_have_text(f"{duel.rate.value:.2f} ×")

    presenter.page.get_by_role("link", name="The whole report").click()
    expect(presenter.page.get_by_role("heading", name="The race", exact=True)).to_be_visible()
    viewer.assert_quiet()
    presenter.assert_quiet()


def test_a_viewer_comes_back_by_himself_after_a_restart(
    serve_page: Callable[..., AbstractContextManager[Workshop]], tmp_path: Path, look: Callable[..., Look]
) -> None:
    """Nobody has to press anything: the page says that the connection is lost, and then that it is live again."""
    with serve_page(tmp_path) as workshop:
        viewer = look(workshop)
        expect(viewer.page.locator("#connection")).to_have_text("Live.")
        workshop.end()
    expect(viewer.page.locator("#connection")).to_contain_text("trying again")
    with serve_page(tmp_path, workshop.port):
        expect(viewer.page.locator("#connection")).to_have_text("Live.")
        expect(viewer.page.get_by_text("1 watching")).to_be_visible()


def test_what_cannot_race_is_said_to_the_presenter(presented: Workshop, look: Callable[..., Look]) -> None:
    """Beside the pressed button, and to a screen reader at once."""
    presenter = look(presented, "/console")
    for box in presenter.page.get_by_role("checkbox").all():
        box.set_checked(False)
    presenter.page.get_by_role("button", name="Start the race").click()
    expect(presenter.page.locator("#presenter-said")).to_contain_text("2 to 4 different contenders")


def test_the_page_is_accessible_at_any_size(presented: Workshop, look: Callable[..., Look]) -> None:
    """With a race on it: axe-core finds no fault, nothing is wider than the screen, all can be reached."""
    looked = look(presented)
    page = looked.page
    expect(page.get_by_role("button", name="Commit my guess")).to_be_enabled()
    page.locator("body").press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    expect(page.locator(".duel").first).to_be_hidden()
    page.get_by_text("The last race").click()
    expect(page.locator(".duel")).to_have_count(4)

    assert [] == list(faults_at_any_size(page))
    looked.assert_quiet()


def test_a_span_is_told_in_words_and_zoomed_onto(presented: Workshop, look: Callable[..., Look]) -> None:
    """With the mouse or the keyboard; the zoomed span stays in sight."""
    looked = look(presented, "/why/?contender=flask-async@hypercorn&wait=20")
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
def test_each_page_that_shows_why_is_accessible_at_any_size(
    presented: Workshop, look: Callable[..., Look], path: str
) -> None:
    """In either colour scheme axe-core finds no fault, and nothing is wider than the screen."""
    looked = look(presented, path)
    page = looked.page
    page.wait_for_load_state("networkidle")
    for summary in page.locator("summary").all():
        summary.click()

    assert [] == list(faults_at_any_size(page))
    looked.assert_quiet()
