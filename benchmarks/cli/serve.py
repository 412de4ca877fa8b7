"""``lab serve``: the Flask app on Hypercorn, for a browser."""

from __future__ import annotations

import contextlib
import os
import socket
import time

import click

from benchmarks.cli.exits import exit_interrupted
from benchmarks.cli.group import lab
from benchmarks.cli.options import Host
from benchmarks.cli.output import json_option, write_json
from benchmarks.contenders.catalogue import APPS
from benchmarks.errors import LabError, cannot_listen
from benchmarks.process import HOME, python, start

BRIDGES = {app.bridge: app.target_on("hypercorn") for app in APPS if app.target.startswith("flask_app.")}
"""What Hypercorn serves, by bridge."""

_POLL_S = 0.05


@lab.command()
@click.option("--bridge", type=click.Choice(list(BRIDGES)), default="none", help="Between Flask and the server.")
@click.option("--host", type=Host(), default="127.0.0.1", help="0.0.0.0 lets the class in.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, help="Where it listens.")
@json_option
def serve(bridge: str, host: str, port: int, as_json: bool) -> None:
    """Serve the Flask app on Hypercorn.

    Natively as WSGI, or through a bridge to ASGI. Ctrl-C stops it. With --json the document is there once it answers.
    """
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)
    bind, base = (f"[{name}]:{port}" if ":" in name else f"{name}:{port}" for name in (host, shown))
    _check_free(host, port)
    command = python("-m", "hypercorn", "--workers", "0", "--log-level", "WARNING", "--bind", bind)
    try:
        with contextlib.ExitStack() as stack:
            # A group of its own: Ctrl-C comes to this process alone, then, and ends both.
            process = start(stack, [*command, _lying_here(BRIDGES[bridge])]).process
            while process.poll() is None and not _accepts(shown, port):
                time.sleep(_POLL_S)
            if process.poll() is None:
                _tell(bridge, host, port, f"http://{base}", as_json=as_json)
            status = process.wait()
    except KeyboardInterrupt as interrupt:
        exit_interrupted(interrupt)
    if status:
        raise LabError(f"Hypercorn ended with status {status}; its message is above.")


def _tell(bridge: str, host: str, port: int, base: str, *, as_json: bool) -> None:
    """Print where it answers now."""
    if as_json:
        write_json("serve", bridge=bridge, host=host, port=port, url=base)
        return
    click.echo(f"Flask on Hypercorn, bridge {bridge}. Ctrl-C stops it.")
    for path, what in (
        ("/", "start here"),
        ("/health", "the probe's endpoint"),
        ("/health/sync", "def"),
        ("/health/async", "async def"),
        ("/docs", "Swagger UI"),
        ("/redoc", "the same document, to read"),
    ):
        click.echo(f"  {base}{path:<15} {what}")


def _lying_here(app: str) -> str:
    """Name an app with its folder: Hypercorn imports it from there first, or else from where the person is."""
    # Relative: the colon behind a drive would be the one before an app's name to it. To another drive there is no way.
    with contextlib.suppress(OSError, ValueError):
        return os.path.relpath(HOME / app)
    return app


def _check_free(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise LabError(cannot_listen("lab serve", host, port, error)) from error


def _accepts(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False
