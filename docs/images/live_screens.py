"""Takes the pictures of the workshop page: ``python docs/images/live_screens.py [folder] [kept results]``.

A real page is served, a class of made-up viewers guesses, a race is run (or, given results, shown again), and Debian's
Chromium looks at the stage, the console and the viewers' page in each scene, and at the pages that show why: on a
projector and on a phone, in light and in dark. Without a folder, the pictures of the handbook are taken anew.
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
SIZES = {"projector": (1024, 768), "desk": (1440, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")
TWINS = {"flask-sync@hypercorn", "flask-async@hypercorn", "fastapi-sync@uvicorn", "fastapi-async@uvicorn"}
RACE_MS = 240_000
WHY = {"timeline": "/why/", "loop": "/why/loop", "keywords": "/why/keywords"}
PAGES = {"stage": "/stage", "viewer": "/", "console": "/console"}
HANDBOOK = {
    "join": (("viewer", "phone", "dark"), ("console", "phone", "light")),
    "race": (("stage", "projector", "light"), ("viewer", "phone", "light")),
    "reveal": (("stage", "projector", "light"), ("stage", "projector", "dark"), ("viewer", "phone", "dark")),
    "why": (("stage", "projector", "light"),),
}
"""By scene: which page, and how it is looked at."""


def picture(shown: str, size: str, scheme: str) -> Path:
    """Return where a picture of the handbook is."""
    return HERE / f"live-{shown}-{size}-{scheme}.png"


PICTURES = (
    *(picture(f"{page}-{scene}", size, scheme) for scene, looks in HANDBOOK.items() for page, size, scheme in looks),
    *(picture(name, size, scheme) for name in WHY for size, scheme in (("projector", "light"), ("phone", "dark"))),
)


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
        presenter.locator("body[data-scene]").wait_for()
        camera = Camera(browser, presenter, folder)
        guess(classroom=27)
        camera.take("join")
        if kept is None:
            race(presenter, camera)
        else:
            for scene in ("next", "why", "why", "reveal", "race"):
                move(presenter, "back", scene)
            camera.take("race")
            move(presenter, "forward", "reveal")
        camera.take("reveal")
        for scene in ("why", "next"):
            move(presenter, "forward", scene)
            camera.take(scene)
            if scene == "why":
                move(presenter, "forward", "why")
        camera.take_why()
        browser.close()


class Camera:
    """Looks at pages as they are now.

    Args:
        browser: To look with.
        presenter: Whose cookies the console needs.
        folder: Of pictures of everything; without it those of the handbook are taken.
    """

    def __init__(self, browser: Browser, presenter: Page, folder: Path | None) -> None:
        self.browser = browser
        self.cookies = presenter.context.cookies()
        self.folder = folder

    def take(self, scene: str) -> None:
        """Take the pictures of a scene."""
        looks = HANDBOOK.get(scene, ())
        if self.folder is not None:
            looks = tuple((page, size, scheme) for page in PAGES for size in SIZES for scheme in SCHEMES)
        for page, size, scheme in looks:
            self._look(f"{page}-{scene}", PAGES[page], size, scheme)

    def take_why(self) -> None:
        """Take the pictures of the pages that show why."""
        for name, path in WHY.items():
            looks = (("projector", "light"), ("phone", "dark"))
            if self.folder is not None:
                looks = tuple((size, scheme) for size in SIZES for scheme in SCHEMES)
            for size, scheme in looks:
                self._look(name, path, size, scheme)

    def _look(self, name: str, path: str, size: str, scheme: str) -> None:
        width, height = SIZES[size]
        context = self.browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        if path == PAGES["console"]:
            context.add_cookies(self.cookies)
        page = context.new_page()
        page.goto(URL + path)
        if path in PAGES.values():
            page.locator("body[data-phase]").wait_for()
            if path == PAGES["viewer"]:
                page.evaluate("document.getElementById('results').open = false")
        elif path == WHY["loop"]:
            page.locator(".stepper.ready").wait_for()
            for _ in range(4):
                page.get_by_role("button", name="Next turn").click()
        page.wait_for_timeout(1_200)
        if self.folder is None:
            page.screenshot(path=picture(name, size, scheme))
        else:
            self.folder.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=self.folder / f"{name}-{size}-{scheme}.png", full_page=path != PAGES["stage"])
        context.close()


def move(presenter: Page, direction: str, scene: str) -> None:
    """Move the stage, and wait until it is there."""
    presenter.locator(f"#{direction}").click()
    presenter.locator(f"body[data-scene={scene}]").wait_for()
    presenter.wait_for_timeout(300)


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
    for _ in range(classroom):
        ratios = {
            "flask": min(4.0, max(0.25, 2 ** chance.gauss(0.7, 0.6))),
            "fastapi": min(4.0, max(0.25, 2 ** chance.gauss(1.0, 0.4))),
        }
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        browser.open(URL).close()
        asked = urllib.request.Request(  # noqa: S310 (the page that was just served)
            f"{URL}/guess", json.dumps(ratios).encode(), {"Content-Type": "application/json", "Origin": URL}
        )
        browser.open(asked).close()


def race(presenter: Page, camera: Camera) -> None:
    """Race the twins of both frameworks."""
    for box in presenter.locator("[name=contender]").all():
        box.set_checked(box.get_attribute("value") in TWINS)
    move(presenter, "forward", "closed")
    presenter.locator("#forward").click()
    presenter.locator("#going", has_text="Round 4 of").wait_for(timeout=RACE_MS)
    # The gate opens between trials: pages are served then.
    camera.take("race")
    presenter.locator("body[data-phase=over]").wait_for(timeout=RACE_MS)


if __name__ == "__main__":
    main()
