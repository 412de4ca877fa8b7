"""``lab claims`` and ``lab contenders``: what is tested, and on what; the servers that an app of yours can run on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import click

from benchmarks.cli import runs
from benchmarks.cli.group import lab
from benchmarks.cli.output import Output, document_options, json_option, new_console, write_out
from benchmarks.contenders import catalogue, own_python
from benchmarks.contenders.servers import SERVERS, Server
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
@click.option("--python", help="Python of an app, or its environment; by default the one found in this folder.")
@json_option
def contenders(python: str | None, as_json: bool) -> None:
    """List what can be compared, with exact start commands, and the servers for your apps.

    An app of yours runs on a server that its own Python has: what each server needs, and what that Python lacks of it.
    """
    where = own_python.surroundings(Path.cwd(), python)
    version: str | None = None
    versions: Mapping[str, str] = {}
    try:
        version, versions = own_python.packages(where)
    except InvalidValueError as error:
        # A broken environment here is no reason not to list what needs none.
        click.echo(str(error), err=True)
    if as_json:
        listed = [
            {"id": contender.id, **plain(contender), "command": ["python", *command_of(contender)[1:]]}
            for contender in catalogue.CONTENDERS
        ]
        beside = {"path": where.python, "source": where.source, "version": version}
        servers = [
            {
                "id": server.id,
                "name": server.name,
                "needs": server.packages,
                "version": versions.get(server.module),
                "lacks": {interface: server.lacks(interface, versions) for interface in sorted(server.interfaces)},
                "remark": server.remark,
            }
            for server in SERVERS.values()
        ]
        write_out(json_document("contenders", contenders=listed, servers=servers, python=beside))
        return
    console = new_console(highlight=False, soft_wrap=True)
    for twins in catalogue.by_command():
        for contender in twins:
            console.print(f"[bold]{contender.id:<30}[/bold] {contender.description}")
        console.print(f"  [dim]{shlex.join(['python', *command_of(twins[0])[1:]])}[/dim]\n")
    console.print(
        f"Servers for an app of yours: MODULE:ATTRIBUTE@SERVER. {where.python}, {where.source}, has", markup=False
    )
    for server in SERVERS.values():
        console.print(f"[bold]{server.id:<30}[/bold] {_told(server, versions)}", highlight=False)


def _told(server: Server, versions: Mapping[str, str]) -> str:
    """Return which version of a server a Python has and for which apps, or what is missing."""
    lacking: dict[tuple[str, ...], list[str]] = {}
    for interface in sorted(server.interfaces, reverse=True):
        lacking.setdefault(server.lacks(interface, versions), []).append(interface.upper())
    told = []
    for packages, interfaces in lacking.items():
        found = f"needs {' and '.join(packages)}" if packages else versions[server.module]
        told.append(f"{' and '.join(interfaces)}: {found}")
    return f"{'; '.join(told)}{'. ' if server.remark else ''}{server.remark}"
