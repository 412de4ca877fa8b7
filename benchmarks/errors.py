"""What can go wrong for a person: each error says in its message what happened, why, and what to do."""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Iterable


class LabError(Exception):
    """Something could not be done."""


class InvalidValueError(LabError):
    """What was asked for is not there, or cannot be; the message says what can.

    Args:
        message: For a person.
        option: Where a command line says it, such as ``--contender``; empty where it is not one option's fault.
    """

    def __init__(self, message: str, option: str = "") -> None:
        super().__init__(message)
        self.option = option


class RefusedError(LabError):
    """What was asked for would mislead, so it is not done; a command ends with an exit status of its own."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown word: `` Did you mean compare?``, or nothing.

    Args:
        word: As it was written.
        known: Words of which it may be one.
    """
    import difflib  # noqa: PLC0415 (each load engine's process imports this module, and none mistypes a word)

    near = difflib.get_close_matches(word, known, n=1, cutoff=0.4)
    return f" Did you mean {near[0]}?" if near else ""


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


def installing(extra: str) -> str:
    """Return the command that installs an extra's packages into this Python, whatever this package came from.

    Args:
        extra: Of ``pyproject.toml``: ``bench``, ``locust`` or ``frameworks``.
    """
    import importlib.metadata  # noqa: PLC0415 (takes long, and few need it)

    lines = importlib.metadata.requires("sync-async-lab") or []
    ours = [line for line in lines if re.search(rf"extra == ['\"]{extra}['\"]", line)]
    # What is left of a marker is for pip to judge: some packages are not for every system.
    packages = [re.sub(r"(;| and)? *extra == .*$", "", line) for line in ours]
    # Double quotes, for those are quotes to every shell.
    return " ".join([f'"{sys.executable}" -m pip install', *(f'"{package}"' for package in packages)])
