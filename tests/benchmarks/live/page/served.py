"""A workshop page served by `lab live` in a process of its own, and a browser that shows it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page

from tests.benchmarks.live.page import short_races

PATIENCE_S = 90.0
SMALL_RACE: Mapping[str, Any] = {
    "contenders": ["flask-sync@hypercorn", "flask-async@hypercorn"],
    "wait_ms": 0,
    "connections": 4,
    "rounds": 2,
}
Scheme = Literal["light", "dark"]


@dataclass
class Answer:
    """What the page answered."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass
class Workshop:
    """A page that is served.

    Attributes:
        port: Where.
        out: Where its races are kept.
        process: That serves it.
        presenter_link: That makes a presenter, once.
        cookies: Of the browser that asks.
        address: Of this machine's loopback, from which it asks.
    """

    port: int
    out: Path
    process: subprocess.Popen[str]
    presenter_link: str
    cookies: dict[str, str] = field(default_factory=dict)
    address: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def another(self, address: str = "127.0.0.1") -> Workshop:
        """Return the same page for a browser that is new to it, at another address of this machine's loopback."""
        return replace(self, cookies={}, address=address)

    def ask(self, method: str, path: str, fields: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask as a browser on this page would, with what cookies it has; ``headers`` replace its own."""
        sent = {"Origin": self.url, "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = None
        if fields is not None:
            body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
            sent["Content-Type"] = "application/json"
        with contextlib.closing(self._connection()) as asked:
            asked.request(method, path, body, {**sent, **(headers or {})})
            response = asked.getresponse()
            text = response.read().decode()
            for cookie in response.headers.get_all("Set-Cookie", []):
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
            return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, text)

    def present(self) -> None:
        """Become the presenter."""
        path = self.presenter_link.removeprefix(self.url)
        assert 303 == self.ask("POST", path).status

    @contextlib.contextmanager
    def watching(self, last_id: str | None = None) -> Iterator[Iterator[tuple[str, str, dict[str, Any]]]]:
        """Follow the board: yields the id, the name and the content of each event."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        with contextlib.closing(self._connection()) as asked:
            asked.request("GET", "/events", headers=headers)
            yield _events(asked.getresponse())

    def wait_for(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first state that meets the condition."""
        with self.watching() as events:
            for _, name, content in events:
                if name == "state" and condition(content):
                    return content
        raise AssertionError("the stream ended")

    def hold(self, request: str) -> socket.socket:
        """Begin a request and read nothing of what comes; return its connection."""
        held = socket.create_connection(("127.0.0.1", self.port), PATIENCE_S, (self.address, 0))
        with contextlib.suppress(OSError):
            held.sendall(request.replace("\n", "\r\n").encode())
        return held

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S, source_address=(self.address, 0))

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end by a signal, and return its status."""
        self.process.send_signal(number)
        return self.process.wait(30)


def _events(response: http.client.HTTPResponse) -> Iterator[tuple[str, str, dict[str, Any]]]:
    fields: dict[str, str] = {}
    for line in response:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif "data" in fields:
            yield fields["id"], fields["event"], json.loads(fields["data"])
            fields = {}


@contextlib.contextmanager
def serve(
    out: Path,
    port: int | None = None,
    host: str = "127.0.0.1",
    *,
    files: int | None = None,
    log: Path | None = None,
    lab: str = short_races.__name__,
    words: Sequence[str] = (),
) -> Iterator[Workshop]:
    """Serve a page, and always end it.

    Args:
        out: Where its races are kept.
        port: On which it listens; any that is free unless told.
        host: The same.
        files: How many it may have open; the system's usual number unless told.
        log: Gets what its terminal would show.
        lab: The module that is run as `lab`; races are short unless told.
        words: What races; the lab's own contenders unless told.
    """
    port = port or free_port()
    command = [sys.executable, "-m", lab, "live", *words, "--json", "--host", host, "--port", str(port)]
    limited = [] if files is None else ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh"]
    with contextlib.ExitStack() as stack:
        process = subprocess.Popen(
            [*limited, *command, "--out", str(out)],
            stdout=subprocess.PIPE,
            stderr=None if log is None else stack.enter_context(log.open("wb")),
            text=True,
            start_new_session=True,
        )
    try:
        assert process.stdout is not None
        document = ""
        while not document.endswith("}\n"):
            line = process.stdout.readline()
            assert line, f"it ended with {process.wait(10)}"
            document += line
        yield Workshop(port, out, process, json.loads(document)["presenter_url"])
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def free_port() -> int:
    """Return a free port outside the range for clients: some tests open a thousand connections."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("", port))
            return port
    raise AssertionError("a hundred ports are in use")


@dataclass
class Look:
    """A page that is open in a browser, with its console messages and requests."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def assert_quiet(self) -> None:
        """Check that it said nothing, broke no policy, and asked nobody but its host."""
        foreign = [url for url in self.requests if not url.startswith((f"{self.url}/", "data:"))]
        assert ([], []) == (self.complaints, foreign)

    def keep(self, kind: str, text: str) -> None:
        """Keep what the console was told, if it is a complaint."""
        if kind in {"error", "warning"}:
            self.complaints.append(f"{kind}: {text}")
