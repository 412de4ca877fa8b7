"""Takes the pictures of the workshop page: ``python docs/images/live_screens.py [folder] [kept results]``.

A real page is served, a class of made-up viewers guesses, a race is run (or, given results, shown again), and Debian's
Chromium looks at it and at the pages that show why: on a projector and on a phone, in light and in dark. Without a
folder, the pictures of the handbook are taken anew.
"""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
PORT = 8123
URL = f"http://127.0.0.1:{PORT}"
SIZES = {"projector": (1024, 768), "phone": (390, 844)}
TWINS = {"flask-sync@hypercorn", "flask-async@hypercorn", "fastapi-sync@uvicorn", "fastapi-async@uvicorn"}
RACE_MS = 240_000
WHY = {"timeline": "/why/", "loop": "/why/loop", "keywords": "/why/keywords"}
HANDBOOK = (
    *(("race", "/", "#race", size, scheme) for size in SIZES for scheme in ("light", "dark")),
    ("predict", "/", "#predict", "phone", "dark"),
    *((name, path, None, "projector", "light") for name, path in WHY.items()),
    *((name, path, None, "phone", "dark") for name, path in WHY.items()),
)
"""What is shown, where, from which element on, and how it is looked at."""
PICTURES = tuple(HERE / f"live-{shown}-{size}-{scheme}.png" for shown, _path, _element, size, scheme in HANDBOOK)


def main() -> None:
    """Take them all."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    kept = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    with (
        tempfile.TemporaryDirectory() as results,
        served(kept or Path(results)) as presenter_url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        presenter = browser.new_context(viewport={"width": 1024, "height": 768}).new_page()
        presenter.goto(presenter_url)
        presenter.get_by_role("button", name="I present").click()
        if folder is not None:
            take_all(browser, folder, "before")
        if kept is None:
            guess(classroom=27)
            race(presenter)
        if folder is not None:
            presenter.screenshot(path=folder / "presenter.png", full_page=True)
            take_all(browser, folder, "after")
        else:
            take_handbook(browser)
        browser.close()


@contextlib.contextmanager
def served(out: Path) -> Iterator[str]:
    """Serve the page, and give the presenter's link."""
    command = [sys.executable, "-m", "benchmarks", "live", "--json", "--port", str(PORT), "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 (it was asked for)
            document = ""
            while not document.endswith("}\n"):
                document += process.stdout.readline()
            yield json.loads(document)["presenter_url"]
        finally:
            process.terminate()


def guess(classroom: int) -> None:
    """Guess as a class does that has read the tutorial: most say double, for both."""
    chance = random.Random(4)  # noqa: S311 (not for secrets)
    for number in range(classroom):
        ratios = {
            "flask": min(4.0, max(0.25, 2 ** chance.gauss(0.7, 0.6))),
            "fastapi": min(4.0, max(0.25, 2 ** chance.gauss(1.0, 0.4))),
        }
        asked = urllib.request.Request(  # noqa: S310 (the page that was just served)
            f"{URL}/guess",
            json.dumps(ratios).encode(),
            {"Content-Type": "application/json", "Origin": URL, "Cookie": f"viewer={number:0>22}"},
        )
        urllib.request.urlopen(asked).close()  # noqa: S310 (the same)


def race(presenter: Page) -> None:
    """Race the twins of both frameworks."""
    for box in presenter.locator("[name=contender]").all():
        box.set_checked(box.get_attribute("value") in TWINS)
    presenter.get_by_role("button", name="Start the race").click()
    presenter.locator("body[data-phase=racing]").wait_for(timeout=RACE_MS)
    presenter.locator("body[data-phase=over]").wait_for(timeout=RACE_MS)


def take_all(browser: Browser, folder: Path, when: str) -> None:
    """Look at the whole page at every size, in light and in dark."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (width, height) in SIZES.items():
        for scheme in ("light", "dark"):
            page = opened(browser, width, height, scheme)
            page.screenshot(path=folder / f"{when}-{name}-{scheme}.png", full_page=True)
            page.close()
            for shown, path in WHY.items():
                page = opened(browser, width, height, scheme, path)
                page.screenshot(path=folder / f"{shown}-{name}-{scheme}.png", full_page=True)
                page.close()


def take_handbook(browser: Browser) -> None:
    """Take the pictures of the handbook."""
    for (_shown, path, element, size, scheme), picture in zip(HANDBOOK, PICTURES, strict=True):
        page = opened(browser, *SIZES[size], scheme, path)
        if element is not None:
            page.evaluate(f"document.querySelector('{element}').scrollIntoView()")
        page.screenshot(path=picture)
        page.close()


def opened(browser: Browser, width: int, height: int, scheme: str, path: str = "/") -> Page:
    """Open a page as a viewer, once all of it is there."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.goto(URL + path)
    if path == "/":
        page.get_by_text("Live.").wait_for()
        page.locator("body[data-phase]").wait_for()
        page.evaluate("document.getElementById('results').open = true")
    elif path == WHY["loop"]:
        page.locator(".stepper.ready").wait_for()
        for _ in range(4):
            page.get_by_role("button", name="Next turn").click()
    page.wait_for_timeout(300)
    return page


if __name__ == "__main__":
    main()
