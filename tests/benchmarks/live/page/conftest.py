"""A served workshop page, and a browser to look at it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from benchmarks.measure.journal import read_run
from benchmarks.model import Run
from tests.benchmarks.live.page.served import PATIENCE_S, SMALL_RACE, Look, Scheme, Workshop, serve


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """A page without viewers."""
    with serve(tmp_path / "results") as served:
        yield served


@pytest.fixture
def serve_page() -> Callable[..., contextlib.AbstractContextManager[Workshop]]:
    """Serve a page during a ``with`` block: ``serve_page(out, port)``."""
    return serve


@pytest.fixture
def small_race() -> Mapping[str, Any]:
    """Two contenders, as short as possible."""
    return SMALL_RACE


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give Debian's Chromium."""
    executable = shutil.which("chromium")
    if executable is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing: apt-get install chromium")
        pytest.skip("Chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=executable,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
        )
        yield launched
        launched.close()


@pytest.fixture
def look(browser: Browser) -> Iterator[Callable[..., Look]]:
    """Open a page in a browser with the workshop's cookies: ``look(workshop, "/", width=1024)``."""
    contexts: list[BrowserContext] = []
    # A race takes its time.
    expect.set_options(timeout=PATIENCE_S * 1_000)

    def open_page(
        workshop: Workshop, path: str = "/", *, width: int = 1024, height: int = 768, scheme: Scheme = "light"
    ) -> Look:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        context.add_cookies(
            [{"name": name, "value": each, "url": workshop.url} for name, each in workshop.cookies.items()]
        )
        context.set_default_timeout(PATIENCE_S * 1_000)
        contexts.append(context)
        page = context.new_page()
        looked = Look(page, workshop.url)
        page.on("request", lambda request: looked.requests.append(request.url))
        page.on("console", lambda message: looked.keep(message.type, message.text))
        page.on("pageerror", lambda error: looked.complaints.append(f"uncaught: {error}"))
        page.goto(workshop.url + path)
        return looked

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def only_run() -> Callable[[Path], tuple[Path, Run]]:
    """Return the one run under a folder."""

    def found(out: Path) -> tuple[Path, Run]:
        (folder,) = [each for each in out.iterdir() if each.is_dir() and not each.is_symlink()]
        return folder, read_run(folder)

    return found
