"""``lab claims`` and ``lab contenders``: what is tested, and on what; the servers that an app of yours can run on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from benchmarks.cli import runs
from benchmarks.cli.group import lab
from benchmarks.cli.output import Output, document_options
from benchmarks.contenders import own_python
from benchmarks.errors import InvalidValueError, did_you_mean


@lab.command()
@click.argument("claim", required=False)
@document_options
def claims(claim: str | None, output: Output) -> None:
    """List the tutorial's claims and how each is tested.

    CLAIM is one of them, by its id or number; all when it is left out.
    """
    from benchmarks.report.products.lists import claims_document  # noqa: PLC0415 (brings all that is compared)

    ledger = runs.ledger()
    if claim is not None:
        chosen = [entry for entry in ledger if claim in (entry.id, str(entry.number))]
        if not chosen:
            near = did_you_mean(claim, [entry.id for entry in ledger])
            raise InvalidValueError(f"No claim is called {claim!r}.{near}", "CLAIM")
        ledger = tuple(chosen)
    output.tell(claims_document(ledger))


@lab.command()
@click.option("--python", help="Python of an app, or its environment; by default the one found in this folder.")
@document_options
def contenders(python: str | None, output: Output) -> None:
    """List what can be compared, with exact start commands, and the servers for your apps.

    What a contender needs and this Python does not have is listed with the command that installs it. A pattern such as
    'flask-*' means the usual contenders; the others are meant where it matches none of these.

    An app of yours runs on a server that its own Python has: what each server needs, and what that Python lacks of it.
    """
    from benchmarks.report.products.lists import contenders_document  # noqa: PLC0415 (the same)

    where = own_python.surroundings(Path.cwd(), python)
    version: str | None = None
    versions: Mapping[str, str] = {}
    try:
        version, versions = own_python.packages(where)
    except InvalidValueError as error:
        # A broken environment here is no reason not to list what needs none.
        click.echo(str(error), err=True)
    output.tell(contenders_document(where, version, versions))
