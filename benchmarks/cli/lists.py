"""``lab claims`` and ``lab contenders``: what is tested, and on what."""

from __future__ import annotations

import shlex

import click
from rich.console import Console

from benchmarks.cli import runs
from benchmarks.cli.group import lab
from benchmarks.cli.output import Output, document_options, json_option, write_out
from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError, did_you_mean
from benchmarks.measure.server import command_of
from benchmarks.report.formats.data import json_document, plain


@lab.command()
@click.argument("claim", required=False)
@document_options
def claims(claim: str | None, output: Output) -> None:
    """List the tutorial's claims and how each is tested.

    CLAIM is one of them, by its id or number; all when it is left out.
    """
    from benchmarks.report.products.claims import claims_document  # noqa: PLC0415 (only this command tells the ledger)

    ledger = runs.ledger()
    if claim is not None:
        chosen = [entry for entry in ledger if claim in (entry.id, str(entry.number))]
        if not chosen:
            near = did_you_mean(claim, [entry.id for entry in ledger])
            raise InvalidValueError(f"No claim is called {claim!r}.{near}", "CLAIM")
        ledger = tuple(chosen)
    output.tell(claims_document(ledger))


@lab.command()
@json_option
def contenders(as_json: bool) -> None:
    """List what can be compared, with exact start commands."""
    if as_json:
        listed = [
            {"id": contender.id, **plain(contender), "command": ["python", *command_of(contender)[1:]]}
            for contender in catalogue.CONTENDERS
        ]
        write_out(json_document("contenders", contenders=listed))
        return
    console = Console(highlight=False, soft_wrap=True)
    for twins in catalogue.by_command():
        for contender in twins:
            console.print(f"[bold]{contender.id:<30}[/bold] {contender.description}")
        console.print(f"  [dim]{shlex.join(['python', *command_of(twins[0])[1:]])}[/dim]\n")
