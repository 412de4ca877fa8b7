"""``lab report``: judges and reports a kept run again."""

from __future__ import annotations

import click
from rich.console import Console

from benchmarks.cli import runs
from benchmarks.cli.group import lab


@lab.command()
@click.argument("run", default="latest")
@click.option(
    "--style",
    type=click.Choice(["lab", "k6"]),
    default="lab",
    show_default=True,
    help="k6: only print, in the layout of the tutorial's k6 summary.",
)
def report(run: str, style: str) -> None:
    """Judge and report a kept RUN again.

    Prints it, and writes report.md and report.html into its folder.
    RUN is a folder, a run.json, a journal.jsonl, a name under results/, or latest. It works on a run that was killed.
    """
    kept, folder = runs.find_run(run)
    if style == "k6":
        from benchmarks.report.k6_style import render_k6_style  # noqa: PLC0415 (only this style needs it)

        click.echo(render_k6_style(kept), nl=False)
        return
    runs.tell(Console(), kept, runs.ledger(), folder)
