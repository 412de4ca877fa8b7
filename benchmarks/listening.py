"""What to say when a command cannot listen where it was told to."""

from __future__ import annotations

import errno


def cannot_listen(command: str, host: str, port: int, error: OSError) -> str:
    """Return a sentence on what is wrong, and another on what to do.

    Args:
        command: As it is typed: ``lab serve``.
        host: Where it was to listen.
        port: And at which port.
        error: What the system said.
    """
    if error.errno == errno.EADDRINUSE:
        cure = f"Choose another: {command} --port {port + 1 if port < 65535 else port - 1}"
    elif error.errno in (errno.EACCES, errno.EPERM):
        cure = "Choose another with --port, from 1024 up."
    else:
        cure = (
            "With --host, name an address of this machine: 127.0.0.1 for itself alone, 0.0.0.0 for all of its networks."
        )
    return f"Cannot listen on {host} port {port}: {error.strerror or error}. {cure}"
