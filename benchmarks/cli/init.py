"""``lab init``: writes ``lab.toml`` for the app in a folder, by looking and asking."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.cli.group import lab
from benchmarks.contenders import lab_file, targets
from benchmarks.contenders.targets import Surroundings
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
def init(folder: Path, python: str | None, yes: bool, force: bool) -> None:
    """Write lab.toml for the app in this folder.

    It looks for the app, its Python, a server and its routes, and asks which to take; nothing else is written. Then
    `lab compare` without a word compares what the file names.
    """
    path = folder / lab_file.NAME
    if path.exists() and not force:
        raise LabError(f"{path} is there already: change it, or write over it with --force.")
    where = targets.surroundings(folder.absolute(), python)
    asks = not yes and sys.stdin.isatty()
    found = targets.candidates(where)
    if not found and not asks:
        raise LabError(
            f"No app was found in {folder.absolute()} by {where.python} ({where.source}): write {path} by hand."
        )
    app = _chosen("Which app?", found, "app:app", asks=asks)
    contender = targets.find(app, where).contender
    click.echo(contender.description)
    request = _chosen("Which path is asked for?", targets.routes(app, where), "/", asks=asks)
    write_whole(path, _text(app, contender, where, request, python))
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
    is_flask = contender.description.split(",")[1].strip().startswith("flask")
    next_server = '# server = "uvicorn"\n# bridge = "eventloop"' if is_flask else '# server = "granian"'
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
