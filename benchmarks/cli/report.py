"""``lab report``: judges and reports a kept run again, for a person or in a format."""

from __future__ import annotations

import click

from benchmarks.cli import runs
from benchmarks.cli.group import lab
from benchmarks.cli.output import Output, document_options


@lab.command()
@click.argument("run", default="latest")
@click.option(
    "--style",
    type=click.Choice(["lab", "k6"]),
    default="lab",
    show_default=True,
    help="k6: only print, in the layout of the tutorial's k6 summary.",
)
@document_options
def report(run: str, style: str, output: Output) -> None:
    """Judge and report a kept RUN again.

    Prints it, and writes report.md and report.html into its folder; with --format, only what is asked for: json is the
    judgement (verdicts, ratios, summaries), csv has one line a trial, the others are the report.
    RUN is a folder, a run.json, a journal.jsonl, a name under results/, or latest. It works on a run that was killed.
    """
    if style == "k6" and output.form is not None:
        raise click.UsageError(f"--style k6 is a layout for people, and --format {output.form} is another: choose one.")
    kept, folder = runs.find_run(run)
    if style == "k6":
        from benchmarks.report.formats.k6_style import render_k6_style  # noqa: PLC0415 (only this style needs it)

        click.echo(render_k6_style(kept), nl=False)
        return
    runs.tell(kept, runs.ledger(), folder, output, keep=output.form is None)
