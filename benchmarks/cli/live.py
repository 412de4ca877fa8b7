"""``lab live``: the workshop page, for a class."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import click

from benchmarks.cli import runs
from benchmarks.cli.group import lab
from benchmarks.cli.options import Host
from benchmarks.cli.output import json_option, write_json

DEFAULT_PORT = 8080


@lab.command()
@click.option("--host", type=Host(), default="127.0.0.1", show_default=True, help="0.0.0.0 lets the class in.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True, help="Where it listens."
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=runs.RESULTS, show_default=True, help="Where races are kept."
)
@json_option
def live(host: str, port: int, out: Path, as_json: bool) -> None:
    """Predict, race, see why: one page for a class and a projector.

    Everybody guesses; the presenter starts a race of two to four contenders on real servers; the page grows with every
    trial until the verdict drops. Only the presenter's link, which works once, can start anything. With --host 0.0.0.0
    others on the same network can watch and guess, and a QR code leads them there. Each race is a run that
    `lab report` judges again. Ctrl-C ends it; a race that is on is stopped and kept. With --json the document is there
    once it answers.
    """
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

    serve(host, port, out, runs.ledger(), ready=ready, next_presenter=next_presenter)
