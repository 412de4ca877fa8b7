"""The option ``--json`` that every command has: one document on standard output, all else on standard error."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.console import Console

from benchmarks.cli.streams import ending_unread

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document; messages go to standard error."
)
"""Gives a command the option, passed to it as ``as_json``."""


def talking(as_json: bool, **options: Any) -> Console:
    """Return the console for what a person reads on the way: standard error when a program reads standard output."""
    return Console(stderr=as_json, **options)


def write_out(text: str) -> None:
    """Write a document to standard output, in UTF-8 whatever the terminal's encoding is."""
    with ending_unread(sys.stdout):
        sys.stdout.buffer.write(text.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()
