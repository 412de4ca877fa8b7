import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests import served

TIMEOUT_MS = 30_000
# No sandbox: in a container there is no namespace to make one of. The rest keeps Chromium from calling home by itself.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# What breaks the policy tells the page, and the page is asked for it.
COLLECT_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.effectiveDirective} ${event.blockedURI}`);
});
"""

COLOUR = "(each) => getComputedStyle(each).color"
"""In a page, the colour of an element's text."""

Scheme = Literal["light", "dark"]


def is_bright(colour: str) -> bool:
    """Return whether a colour is above the middle."""
    return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")) > 3 * 128


@dataclass
class Visit:
    """A page that is open, and all that went on in it."""

    page: Page
    host: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def go(self, path: str) -> dict[str, str]:
        """Open a path of the service, and return the headers of its answer."""
        response = self.page.goto(self.host + path)
        assert response is not None
        assert 200 == response.status
        return response.headers

    def assert_quiet(self) -> None:
        """Check, once the page asks for nothing more, that it said nothing, was refused nothing and stayed here."""
        self.page.wait_for_load_state("networkidle")
        assert ([], [], []) == (self.complaints, self.violations, self.foreign)

    def wait_for_violation(self) -> list[str]:
        """Return what the policy refused, once it has refused something."""
        deadline = time.monotonic() + TIMEOUT_MS / 1_000
        # Not Playwright's own wait: it evaluates text in the page, and the policy forbids just that.
        while not self.violations and time.monotonic() < deadline:
            self.page.wait_for_timeout(50)
        return self.violations

    @property
    def foreign(self) -> list[str]:
        """Requests for anything that is neither of this host nor within the page itself."""
        return [url for url in self.requests if not url.startswith((f"{self.host}/", "data:", "blob:"))]

    @property
    def violations(self) -> list[str]:
        """What the page's policy refused."""
        violations: list[str] = self.page.evaluate("window.violations")
        return violations


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the service on Hypercorn for the whole session, and give its address."""
    port, folder = served.free_port(), tmp_path_factory.mktemp("server")
    arguments = ("-m", "hypercorn", "flask_app.serving.wsgi:app", "--bind", f"127.0.0.1:{port}")
    environment = served.unset("LAB_", "FLASK_")
    with served.running(arguments, port, folder / "log", path="/health", folder=folder, environment=environment):
        yield f"http://127.0.0.1:{port}"


# Not the whole session: while Playwright's loop runs in this thread, Flask's async views cannot run in it, and the
# tests of other folders call them.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give Debian's Chromium, one for each module."""
    executable = shutil.which("chromium")
    if executable is None:
        missing = "Chromium is missing: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture
def visit(browser: Browser, host: str, kept_page: Page) -> Iterator[Callable[..., Visit]]:
    """Open a page in a browser without cookies: ``visit(width=1024, height=768, scheme="light", **context)``.

    The first is the one that the module keeps: it leaves what it shows, and a new one takes much longer.
    """
    with _visits(browser, host, [kept_page]) as visit:
        yield visit
    kept_page.unroute_all()
    kept_page.context.clear_cookies()
    kept_page.goto("about:blank")


@pytest.fixture(scope="module")
def kept_page(browser: Browser) -> Iterator[Page]:
    """A page for one test after the other."""
    with contextlib.ExitStack() as contexts:
        yield _open(browser, contexts)


@pytest.fixture(scope="module")
def keep_visiting(browser: Browser, host: str) -> Iterator[Callable[..., Visit]]:
    """Open a page as ``visit`` does, for all tests of a module that only look at it."""
    with _visits(browser, host, []) as visit:
        yield visit


@contextlib.contextmanager
def _visits(browser: Browser, host: str, kept: list[Page]) -> Iterator[Callable[..., Visit]]:
    with contextlib.ExitStack() as ends:

        def visit(width: int = 1024, height: int = 768, scheme: Scheme = "light", **options: Any) -> Visit:
            page = kept.pop() if kept and not options else _open(browser, ends, **options)
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme)
            visit = Visit(page, host)
            for event, listener in (
                ("request", lambda request: visit.requests.append(request.url)),
                ("console", lambda message: _keep(visit, message.type, message.text)),
                ("pageerror", lambda error: visit.complaints.append(f"uncaught: {error}")),
            ):
                page.on(event, listener)  # type: ignore[call-overload]  # each is an event of pages
                ends.callback(page.remove_listener, event, listener)
            return visit

        yield visit


def _open(browser: Browser, contexts: contextlib.ExitStack, **options: Any) -> Page:
    context = browser.new_context(**options)
    contexts.callback(context.close)
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    page.add_init_script(COLLECT_VIOLATIONS)
    return page


def _keep(visit: Visit, kind: str, text: str) -> None:
    if kind in {"error", "warning"}:
        visit.complaints.append(f"{kind}: {text}")
