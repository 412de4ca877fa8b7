"""The option ``--json`` that every command has: one document on standard output, all else on standard error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from rich.console import Console

_Command = TypeVar("_Command", bound=Callable[..., Any])


_ADD: Any = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document; messages go to standard error."
)


def json_option(command: _Command) -> _Command:
    """Give a command the option ``--json``, passed to it as ``as_json``."""
    added: _Command = _ADD(command)
    return added


def talking(as_json: bool, **options: Any) -> Console:
    """Return the console for what a person reads on the way: standard error when a program reads standard output."""
    return Console(stderr=as_json, **options)


def write_out(text: str) -> None:
    """Write a document to standard output, in UTF-8 whatever the terminal's encoding is."""
    stream = click.get_binary_stream("stdout")
    stream.write(text.encode("utf-8", "replace"))
    stream.flush()
