"""``lab live``: the workshop's pages, for a class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli import runs
from benchmarks.cli.group import lab
from benchmarks.cli.options import Host
from benchmarks.cli.output import json_option, new_console, write_json
from benchmarks.cli.subjects import Subjects, subject_options
from benchmarks.errors import InvalidValueError
from benchmarks.measure import race

if TYPE_CHECKING:
    from rich.console import Console

DEFAULT_PORT = 8080


@lab.command()
@subject_options
@click.option("--host", type=Host(), default="127.0.0.1", show_default=True, help="0.0.0.0 lets the class in.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True, help="Where it listens."
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=runs.RESULTS, show_default=True, help="Where races are kept."
)
@json_option
def live(subjects: Callable[[Console], Subjects], host: str, port: int, out: Path, as_json: bool) -> None:
    """Predict, race, see why: a stage for a projector, and a page for the phones of a class.

    Everybody guesses; the presenter's console starts a race of two to four contenders on real servers; on the stage
    their lanes fill with every round until the needle drops. Only the presenter's link, which works once, can start
    anything. With --host 0.0.0.0 others on the same network can watch and guess, and a QR code leads them there. Each
    race is a run that `lab report` judges again. Ctrl-C ends it; a race that is on is stopped and kept. With --json the
    document is there once it answers.

    With words the race is of these: ids and patterns of `lab contenders`, or apps of yours, as for `lab compare`, each
    asked for --path and compared with the first. Without, the presenter chooses among all of `lab contenders`. A preset
    is not used.

    \b
    Examples:
      lab live --host 0.0.0.0
      lab live fastapi-async@uvicorn starlette-async@uvicorn falcon-async@uvicorn
      lab live shop:app@gunicorn shop_async:app@uvicorn --path /items
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    from benchmarks.live.page.serving import serve  # noqa: PLC0415 (brings Flask and matplotlib)

    def ready(urls: Sequence[str], presenter_url: str, qr: str) -> None:
        if as_json:
            write_json("live", url=urls[0], presenter_url=presenter_url)
            return
        if qr:
            click.echo(qr, nl=False)
        for label, url in zip_longest(("The class:",), urls, fillvalue=""):
            click.echo(f"{label:<15}{url}")
        click.echo(f"You present:   {presenter_url}")
        click.echo("               (once; keep it to yourself). Ctrl-C ends it.")

    def next_presenter(url: str) -> None:
        click.echo(f"A presenter has come in. For another device: {url}", err=as_json)

    lineup = _lineup(subjects(new_console(stderr=True)))
    serve(host, port, out, runs.ledger(), lineup, ready=ready, next_presenter=next_presenter)


def _lineup(asked: Subjects) -> race.Lineup:
    """Return who can race on the page.

    Raises:
        InvalidValueError: They are too few, cannot be asked alike, or are asked several things.
    """
    if not asked.contenders:
        return race.OWN
    if len(asked.contenders) < race.FEWEST_CONTENDERS:
        raise InvalidValueError(f"{asked.contenders[0].id} cannot race alone: name another too.", "TARGET")
    if not asked.requests:
        if bare := [contender.id for contender in asked.contenders if contender.variant is None]:
            raise InvalidValueError(f"{bare[0]} has no view: choose contenders with a keyword.", "CONTENDER")
        have_twins = len({each.arrangement for each in asked.contenders}) < len(asked.contenders)
        # Without twins no keyword is guessed, but each framework over the first.
        against = asked.against or (None if have_twins else asked.contenders[0].id)
        return race.Lineup(contenders=asked.contenders, against=against)
    if len(asked.requests) > 1:
        names = ", ".join(request.name for request in asked.requests)
        raise InvalidValueError(f"A race asks one request, and these are {names}: name one by --path.", "--path")
    return race.Lineup(
        contenders=asked.contenders,
        request=asked.requests[0],
        against=asked.against,
        may_differ=asked.may_differ,
        margin=asked.margin or race.OWN.margin,
        facts=asked.facts,
    )
