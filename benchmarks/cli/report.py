"""``lab report``: judges and reports a kept run again."""

from __future__ import annotations

import click
from rich.console import Console

from benchmarks.cli import runs
from benchmarks.cli.group import lab


@lab.command()
@click.argument("run", default="latest")
def report(run: str) -> None:
    """Judge and report a kept RUN again.

    Prints it, and writes report.md and report.html into its folder.
    RUN is a folder, a run.json, a journal.jsonl, a name under results/, or latest. It works on a run that was killed.
    """
    kept, folder = runs.find_run(run)
    runs.tell(Console(), kept, runs.ledger(), folder)
