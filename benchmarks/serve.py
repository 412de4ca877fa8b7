"""Serves the Flask app on Hypercorn for a person: a chosen host, port and bridge, until Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable

from benchmarks.contenders.catalogue import APPS
from benchmarks.errors import LabError
from benchmarks.listening import cannot_listen
from benchmarks.process import HOME, python, start

BRIDGES = {
    "none" if app.bridge is None else app.bridge.id: app.target for app in APPS if app.target.startswith("flask_app.")
}
"""What Hypercorn is told to serve, by bridge."""

_POLL_S = 0.05


def serve(bridge: str, host: str, port: int, ready: Callable[[], None]) -> int:
    """Serve until the server ends, by itself or by Ctrl-C.

    Args:
        bridge: A key of ``BRIDGES``.
        host: Address to listen on.
        port: TCP port to listen on.
        ready: Called once it answers.
    Returns:
        The server's exit status.
    Raises:
        LabError: The address is in use or not ours.
    """
    _check_free(host, port)
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    command = python("-m", "hypercorn", "--workers", "0", "--log-level", "WARNING", "--bind", bind)
    with contextlib.ExitStack() as stack:
        # A group of its own: Ctrl-C comes to this process alone, then, and ends both.
        process = start(stack, [*command, _lying_here(BRIDGES[bridge])]).process
        while process.poll() is None and not _accepts(host, port):
            time.sleep(_POLL_S)
        if process.poll() is None:
            ready()
        return process.wait()


def _lying_here(app: str) -> str:
    """Name an app with its folder: Hypercorn imports it from there first, or else from where the person is."""
    # Relative: the colon behind a drive would be the one before an app's name to it. To another drive there is no way.
    with contextlib.suppress(OSError, ValueError):
        return os.path.relpath(HOME / app)
    return app


def _check_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise LabError(cannot_listen("lab serve", host, port, error)) from error


def _accepts(host: str, port: int) -> bool:
    loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)
    try:
        socket.create_connection((loopback, port), timeout=1).close()
    except OSError:
        return False
    return True
