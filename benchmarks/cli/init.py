"""``lab init``: writes ``lab.toml`` for the app in a folder, by looking and asking."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.cli.group import lab
from benchmarks.cli.output import json_option, write_json
from benchmarks.contenders import lab_file, own_python, targets
from benchmarks.contenders.own_python import Surroundings
from benchmarks.errors import LabError
from benchmarks.model import Contender
from benchmarks.report.formats import write_whole

_MOST_SHOWN = 12


@lab.command()
@click.option(
    "--folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path(), help="Of the app."
)
@click.option("--python", help="Python of the app, or its environment; by default the one beside the app.")
@click.option("--yes", is_flag=True, help="Ask nothing: take what is found first.")
@click.option("--force", is_flag=True, help="Write over a lab.toml that is there.")
@json_option
def init(folder: Path, python: str | None, yes: bool, force: bool, as_json: bool) -> None:
    """Write lab.toml for the app in this folder.

    It looks for the app, its Python, a server and its routes, and asks which to take; nothing else is written. Then
    `lab compare` without a word compares what the file names. With --json nothing is asked.
    """
    path = folder / lab_file.NAME
    if path.exists() and not force:
        raise LabError(f"{path} is there already: change it, or write over it with --force.")
    where = own_python.surroundings(folder.absolute(), python)
    asks = not yes and not as_json and sys.stdin.isatty()
    found = own_python.candidates(where)
    if not found and not asks:
        raise LabError(
            f"No app was found in {folder.absolute()} by {where.python} ({where.source}): write {path} by hand."
        )
    app = _chosen("Which app?", found, "app:app", asks=asks)
    contender = targets.find(app, where).contender
    click.echo(contender.description, err=as_json)
    request = _chosen("Which path is asked for?", own_python.routes(app, where), "/", asks=asks)
    write_whole(path, _text(app, contender, where, request, python))
    if as_json:
        write_json("init", file=str(path), app=app, server=contender.server, python=where.python, path=request)
        return
    click.echo(f"{path} is written. Compare what it names: lab compare")


def _chosen(question: str, found: Sequence[str], usual: str, *, asks: bool) -> str:
    """Return one of what was found, or what the person says; by default the first."""
    first = found[0] if found else usual
    if not asks:
        return first
    if len(found) > 1:
        more = f" and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
        click.echo(f"There are: {', '.join(found[:_MOST_SHOWN])}{more}")
    answer: str = click.prompt(question, default=first)
    return answer


def _text(app: str, contender: Contender, where: Surroundings, path: str, python: str | None) -> str:
    """Return the file: the app as it is served now, and beside it what is worth a comparison."""
    server, bridge = targets.alternative(app, where)
    next_server = f'# server = "{server}"' + (f'\n# bridge = "{bridge}"' if bridge else "")
    interpreter = f'python = "{python}"\n' if python else ""
    return f"""# What `lab compare` compares here. Every key: the lab's handbook, "lab.toml".
against = "now"

[contenders.now]
app = "{app}"
server = "{contender.server}"
{interpreter}
# Another way to serve it, once its packages are in {where.python}:
# [contenders.next]
# app = "{app}"
{next_server}

[requests.first]
path = "{path}"
"""
