"""Makes the workshop page and serves it on Hypercorn, through the event-loop bridge, until it is asked to end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import ipaddress
import logging
import secrets
import shlex
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import psutil
import segno
from flask import Flask, Response, request
from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config, Sockets

from benchmarks.errors import LabError, cannot_listen
from benchmarks.judge.claims import Claim
from benchmarks.live import why
from benchmarks.live.page import views
from benchmarks.live.page.access import SESSION, Access, is_presenter, presenter_only
from benchmarks.live.page.director import Director
from benchmarks.live.page.gate import Application, Gate
from benchmarks.live.page.listener import BACKLOG, Connections, Listener
from benchmarks.live.page.rendering import Renderer
from benchmarks.live.recording import Recording
from benchmarks.live.why.shelf import record_words
from benchmarks.measure.race import OWN, Lineup
from benchmarks.measure.schedule import ASKED_FACT
from flask_app.serving.bridge import EventLoopBridge

NAVIGATION: Final = (("live.page", "Predict and race"), *why.NAVIGATION)
"""Links of the bar above every page: the endpoint, and its words."""

_ANYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 (compared, not bound)
_NOT_WIFI: Final = ("docker", "br-", "veth", "virbr", "vmnet", "tun", "tap")
_GRACE_S: Final = 2
_BOUND_S: Final = 5
_MOST_BODY_BYTES: Final = 4096
_THREADS: Final = 4
_RECORDING_S: Final = 60.0
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    # With no-referrer a browser also hides the origin of a form, by which foreign forms are recognized.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def serve(
    host: str,
    port: int,
    out: Path,
    claims: Sequence[Claim],
    lineup: Lineup = OWN,
    *,
    ready: Callable[[Sequence[str], str, str], None],
    next_presenter: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM; a race in progress is stopped and kept.

    Args:
        host: Address to listen on.
        port: TCP port to listen on; 0 for any that is free.
        out: Folder in which races are kept.
        claims: The ledger.
        lineup: Who can race.
        ready: Called once it listens, with the URLs for the class, the best first; the presenter's link; and the first
            URL as a QR code in characters, which is empty where only this machine can reach the page.
        next_presenter: Called with the next presenter's link, when one has been used.
    Raises:
        LabError: The address is in use or not ours.
    """
    try:
        listening = Listener(host, port)
    except OSError as error:
        raise LabError(cannot_listen("lab live", host, port, error)) from error
    port = listening.getsockname()[1]
    urls = [_url_of(address, port) for address in _addresses(host)]
    code = None if _is_loopback(host) else segno.make(urls[0], error="m", micro=False)
    access = Access(host, lambda link: next_presenter(f"{urls[0]}/presenter/{link}"))
    application, director = create_page(access, out, claims, listening, urls[0], code, lineup)
    # On this machine, where there is a way: the Wi-Fi can be listened to.
    presenter_url = _url_of("127.0.0.1", port) if host in _ANYWHERE else urls[0]
    drawn = io.StringIO()
    if code is not None:
        code.terminal(drawn, border=2, compact=True)
    config = _Config(listening)
    config.backlog = BACKLOG
    # A browser has no use for more over plain HTTP, and what is counted is connections.
    config.h2_max_concurrent_streams = 1
    config.loglevel = "WARNING"
    config.include_server_header = False
    config.graceful_timeout = _GRACE_S

    def listens() -> None:
        ready(urls, f"{presenter_url}/presenter/{access.link}", drawn.getvalue())

    asyncio.run(_serve(application, config, listens, director.close))


def create_page(  # noqa: PLR0917 (what a page is made of)
    access: Access,
    out: Path,
    claims: Sequence[Claim],
    connections: Connections,
    url: str,
    code: segno.QRCode | None,
    lineup: Lineup = OWN,
) -> tuple[Application, Director]:
    """Make the page.

    Args:
        access: Who may do what.
        out: Folder in which races are kept, and from which the last one is shown again.
        claims: The ledger that races are judged by.
        connections: Those that it is served on.
        url: Under which a class reaches it.
        code: That URL as a QR code, to be shown on the page.
        lineup: Who can race.
    Returns:
        An application of ASGI 3, and the director, who works during its lifespan.
    """
    app = Flask("benchmarks.live.page", static_folder="static", template_folder="templates")
    app.config.from_mapping(SESSION, MAX_CONTENT_LENGTH=_MOST_BODY_BYTES)
    app.secret_key = secrets.token_bytes(32)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    gate = Gate(always=views.ALWAYS)
    director = Director(
        out=out,
        claims=claims,
        renderer=Renderer(app.jinja_env, claims),
        gate=gate,
        connections=connections,
        lineup=lineup,
    )
    views.install(app, director, access)
    app.register_blueprint(
        why.blueprint(
            presenter_only=presenter_only,
            is_presenter=is_presenter,
            others=lineup.contenders if lineup.request else (),
            record_others=functools.partial(_record_lineup, lineup),
        )
    )
    qr_svg = code and code.svg_inline(scale=6, border=2, omitsize=True, svgclass=None, lineclass=None)
    app.jinja_env.globals |= {"navigation": NAVIGATION, "class_url": url, "qr_svg": qr_svg}

    @app.before_request
    async def check_host() -> None:
        access.check_host()

    @app.after_request
    async def harden(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers.update(_HEADERS)
        if not (request.endpoint or "").endswith(("static", "steps")):
            response.headers["Cache-Control"] = "no-store"
        return response

    bridge = EventLoopBridge(app, threads=_THREADS, lifespan=lambda _app: director.at_work())
    return gate.around(bridge), director


async def _record_lineup(lineup: Lineup, wait_ms: int) -> tuple[Recording, ...]:
    """Record all of a lineup, by the words that it was asked for with."""
    words = shlex.split(lineup.facts.get(ASKED_FACT, ""))
    wait = ["--view-wait", f"{wait_ms}ms"] if lineup.waits else []
    return await record_words([*words, *wait], timeout_s=_RECORDING_S * len(lineup.contenders))


async def _serve(application: Any, config: Config, ready: Callable[[], object], close: Callable[[], Any]) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_report_fault)
    # It warns about every write to a closed connection.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows has none of these; there Ctrl-C ends it less gently.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, asked.set)
    # Not before: the reader may end it at once.
    ready()

    async def until_asked() -> None:
        await asked.wait()
        # Streams do not end by themselves, and a server that waited for them would never end.
        await close()
        bound.reschedule(loop.time() + _BOUND_S)

    # From Python 3.12.1 on Hypercorn's grace begins only when the last connection is closed.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(None) as bound:
            await hypercorn_serve(application, config, shutdown_trigger=until_asked)


def _report_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # asyncio's streams report a connection that is still open at the very end as a fault, each with its traceback.
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)


class _Config(Config):
    """Serves on a given socket, not on a socket with the same number."""

    def __init__(self, listening: Listener) -> None:
        super().__init__()
        self._listening = listening

    def create_sockets(self) -> Sockets:
        """Return that socket."""
        self._listening.setblocking(False)
        return Sockets([], [self._listening], [])


def _addresses(host: str) -> list[str]:
    """Return the addresses under which others reach what listens on ``host``, the best first."""
    if host not in _ANYWHERE:
        return [host]
    found = [
        address.address
        for name, addresses in psutil.net_if_addrs().items()
        for address in addresses
        # Bridges of containers and virtual machines are no class's Wi-Fi.
        if address.family == socket.AF_INET and not _is_loopback(address.address) and not name.startswith(_NOT_WIFI)
    ]
    return found or ["127.0.0.1"]


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _url_of(address: str, port: int) -> str:
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
