"""``lab serve``: the Flask app on Hypercorn, for a browser."""

from __future__ import annotations

import click

from benchmarks import serve as serving
from benchmarks.cli.exits import exit_interrupted
from benchmarks.cli.group import lab
from benchmarks.cli.options import Host
from benchmarks.cli.output import json_option, write_out
from benchmarks.report.formats.data import json_document


@lab.command()
@click.option(
    "--bridge",
    type=click.Choice(list(serving.BRIDGES)),
    default="none",
    show_default=True,
    help="Between Flask and the server.",
)
@click.option("--host", type=Host(), default="127.0.0.1", show_default=True, help="0.0.0.0 lets the class in.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Where it listens.")
@json_option
def serve(bridge: str, host: str, port: int, as_json: bool) -> None:
    """Serve the Flask app on Hypercorn.

    Natively as WSGI, or through a bridge to ASGI. Ctrl-C stops it. With --json the document is there once it answers.
    """
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 (compared, not bound)
    base = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"

    def ready() -> None:
        if as_json:
            write_out(json_document("serve", bridge=bridge, host=host, port=port, url=base))
            return
        click.echo(f"Flask on Hypercorn, bridge {bridge}. Ctrl-C stops it.")
        for path, what in (
            ("/", "start here"),
            ("/health", "the probe's endpoint"),
            ("/health/sync", "def"),
            ("/health/async", "async def"),
            ("/docs", "Swagger UI"),
            ("/redoc", "the same document, to read"),
        ):
            click.echo(f"  {base}{path:<15} {what}")

    try:
        status = serving.serve(bridge, host, port, ready)
    except KeyboardInterrupt as interrupt:
        exit_interrupted(interrupt)
    if status:
        raise click.ClickException(f"Hypercorn ended with status {status}; its message is above.")
