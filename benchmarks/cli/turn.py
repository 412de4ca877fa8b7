"""The machine for one command alone, for every command that measures; ``--wait`` waits for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click

from benchmarks.cli.exits import RefusedError
from benchmarks.measure.alone import MachineBusyError, MachineLock, alone

wait_option = click.option(
    "--wait", is_flag=True, help="Wait while another lab measures on this machine; else that is refused."
)
"""Gives a command the option, passed to it as ``wait``."""


@contextlib.contextmanager
def own_turn(*, wait: bool) -> Iterator[MachineLock]:
    """Be the only one that measures, for the length of a ``with`` block; not to be nested.

    Args:
        wait: Whether to wait while another measures.
    Raises:
        RefusedError: Another measures, and this one is not to wait.
    """
    try:
        with alone(wait=wait, say=lambda sentence: click.echo(sentence, err=True)) as lock:
            yield lock
    except MachineBusyError as error:
        raise RefusedError(f"{error.reason} Wait for it to end, or let this one wait: --wait") from error
