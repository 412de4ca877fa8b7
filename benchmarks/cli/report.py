"""``lab report``: judges and reports a kept run again, for a person or in a format."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from benchmarks.cli import runs
from benchmarks.cli.exits import EXIT_REFUSED
from benchmarks.cli.group import lab
from benchmarks.cli.output import json_option, write_out
from benchmarks.model import Run

FORMATS = ("html", "markdown", "json", "csv")


@lab.command()
@click.argument("run", default="latest")
@click.option(
    "--style",
    type=click.Choice(["lab", "k6"]),
    default="lab",
    show_default=True,
    help="k6: only print, in the layout of the tutorial's k6 summary.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), help="Write this alone, to standard output.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this file instead.")
@json_option
def report(run: str, style: str, form: str | None, output: Path | None, as_json: bool) -> None:
    """Judge and report a kept RUN again.

    Prints it, and writes report.md and report.html into its folder; with --format, only what is asked for: html and
    markdown are the report, json is the judgement (verdicts, ratios, summaries), csv has one line a trial.
    RUN is a folder, a run.json, a journal.jsonl, a name under results/, or latest. It works on a run that was killed.
    """
    if as_json:
        if form not in (None, "json"):
            raise click.UsageError(f"--json and --format {form} are two formats: choose one.")
        form = "json"
    if style == "k6" and form is not None:
        raise click.UsageError(f"--style k6 is a layout for people, and --format {form} is another: choose one.")
    if output is not None and form is None:
        raise click.UsageError(f"--output needs --format: {', '.join(FORMATS)}.")
    kept, folder = runs.find_run(run)
    if style == "k6":
        from benchmarks.report.k6_style import render_k6_style  # noqa: PLC0415 (only this style needs it)

        click.echo(render_k6_style(kept), nl=False)
        return
    if form is None:
        runs.tell(Console(), kept, runs.ledger(), folder)
    else:
        _write(kept, folder, form, output)


def _write(run: Run, folder: Path, form: str, output: Path | None) -> None:
    from benchmarks.judge.judge import judge  # noqa: PLC0415 (only who judges needs it)
    from benchmarks.report.files import ReportFileError, write_document  # noqa: PLC0415 (brings matplotlib)
    from benchmarks.report.html import render_html  # noqa: PLC0415 (the same)
    from benchmarks.report.markdown import render_markdown  # noqa: PLC0415 (the same)
    from benchmarks.report.reproduce import judgement_document  # noqa: PLC0415 (kept beside its siblings)
    from benchmarks.report.trials_csv import render_csv  # noqa: PLC0415 (the same)

    claims = runs.ledger()
    judgement = judge(run, claims)
    match form:
        case "html":
            text = render_html(run, judgement, claims)
        case "markdown":
            text = render_markdown(run, judgement, claims)
        case "json":
            text = judgement_document(run, judgement, folder)
        case _:
            text = render_csv(run)
    if output is None:
        write_out(text)
    else:
        try:
            write_document(output, text)
        except ReportFileError as error:
            raise click.ClickException(str(error)) from error
    if judgement.placebo_failed is not None:
        sys.exit(EXIT_REFUSED)
