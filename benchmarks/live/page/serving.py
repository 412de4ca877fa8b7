"""Serves the workshop page on Hypercorn, through the event-loop bridge, until it is asked to end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import segno
from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config, Sockets

from benchmarks.errors import LabError
from benchmarks.judge.claims import Claim
from benchmarks.listening import cannot_listen
from benchmarks.live import why
from benchmarks.live.page.access import is_presenter, presenter_only
from benchmarks.live.page.app import create_page
from benchmarks.live.page.doors import ANYWHERE, Doors, PageSettings, addresses, in_characters, is_loopback, url_of
from benchmarks.live.page.listener import BACKLOG, Listener

_GRACE_S: Final = 2
_BOUND_S: Final = 5


def serve(
    host: str,
    port: int,
    out: Path,
    claims: Sequence[Claim],
    *,
    ready: Callable[[Doors], None],
    next_presenter: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM; a race that is on is stopped and kept.

    Args:
        host: Address to listen on.
        port: TCP port to listen on; 0 for any that is free.
        out: Folder in which races are kept.
        claims: The ledger.
        ready: Is told where, once it listens.
        next_presenter: Is told the next presenter's link, when one has been used.
    Raises:
        LabError: The address is in use or not ours.
    """
    listening = _listen(host, port)
    port = listening.getsockname()[1]
    urls = [url_of(address, port) for address in addresses(host)]
    code = None if is_loopback(host) else segno.make(urls[0], error="m", micro=False)
    settings = PageSettings(
        host=host,
        port=port,
        out=out,
        url=urls[0],
        qr_svg="" if code is None else code.svg_inline(scale=6, border=2, omitsize=True, svgclass=None, lineclass=None),
    )
    shows_why = why.blueprint(presenter_only=presenter_only, is_presenter=is_presenter)
    page = create_page(settings, claims, listening, [(shows_why, why.NAVIGATION)])

    def presenter_url(base: str) -> str:
        return f"{base}/presenter/{page.access.link}"

    page.flask.extensions["live-on-presenter"] = lambda: next_presenter(presenter_url(urls[0]))
    doors = Doors(
        url=urls[0],
        others=tuple(urls[1:]),
        # On this machine, where there is a way: the Wi-Fi can be listened to.
        presenter_url=presenter_url(url_of("127.0.0.1", port) if host in ANYWHERE else urls[0]),
        qr="" if code is None else in_characters(code),
    )
    config = _Config(listening)
    config.backlog = BACKLOG
    # A browser has no use for more over plain HTTP, and a connection is what is counted.
    config.h2_max_concurrent_streams = 1
    config.loglevel = "WARNING"
    config.include_server_header = False
    config.graceful_timeout = _GRACE_S
    asyncio.run(_serve(page.application, config, lambda: ready(doors), page.director.close))


async def _serve(application: Any, config: Config, ready: Callable[[], object], close: Callable[[], Any]) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_tell_fault)
    # It warns of writing to a connection that is gone, once a write.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows has none of these; there Ctrl-C ends it less gently.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, asked.set)
    # Not before: whoever reads of it may end it at once.
    ready()

    async def until_asked() -> None:
        await asked.wait()
        # Streams have no end of their own, and a server that waits for them would wait in vain.
        await close()
        bound.reschedule(loop.time() + _BOUND_S)

    # From Python 3.12.1 on Hypercorn's grace begins only when the last connection is closed.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(None) as bound:
            await hypercorn_serve(application, config, shutdown_trigger=until_asked)


def _tell_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # asyncio's streams take a connection that is still open at the very end for a fault, each with its traceback.
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)


class _Config(Config):
    """Serves on a socket that it is given, and not on one of its number."""

    def __init__(self, listening: Listener) -> None:
        super().__init__()
        self._listening = listening

    def create_sockets(self) -> Sockets:
        """Return that socket."""
        self._listening.setblocking(False)
        return Sockets([], [self._listening], [])


def _listen(host: str, port: int) -> Listener:
    try:
        return Listener(host, port)
    except OSError as error:
        raise LabError(cannot_listen("lab live", host, port, error)) from error
