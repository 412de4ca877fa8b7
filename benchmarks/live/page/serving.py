"""Serves the workshop page on Hypercorn, through the event-loop bridge, until it is asked to end."""

from __future__ import annotations

import asyncio
import contextlib
import io
import ipaddress
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import psutil
import segno
from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config, Sockets

from benchmarks.errors import LabError, cannot_listen
from benchmarks.judge.claims import Claim
from benchmarks.live.page.access import Access
from benchmarks.live.page.listener import BACKLOG, Listener
from benchmarks.live.page.views import DIRECTOR, create_page
from benchmarks.measure.race import OWN, Lineup
from flask_app.serving.bridge import EventLoopBridge

_ANYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 (compared, not bound)
_NOT_WIFI: Final = ("docker", "br-", "veth", "virbr", "vmnet", "tun", "tap")
_GRACE_S: Final = 2
_BOUND_S: Final = 5
_THREADS: Final = 4


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
    app, gate = create_page(access, out, claims, listening, urls[0], code, lineup)
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

    director = app.extensions[DIRECTOR]
    bridge = EventLoopBridge(app, threads=_THREADS, lifespan=lambda _app: director.at_work())
    asyncio.run(_serve(gate.around(bridge), config, listens, director.close))


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
