"""``lab locust master`` and ``lab locust worker``: load from many machines, for a class that has outgrown one."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Any

import click

from benchmarks.cli.compare import compare
from benchmarks.cli.group import lab
from benchmarks.cli.options import Seconds
from benchmarks.cli.output import json_option, write_json
from benchmarks.measure.load.engine import LOOPBACK, LoadEngineError
from benchmarks.measure.load.locust_engine import MASTER_PORT, LocustMaster, start_worker
from benchmarks.measure.load.session import LoaderProcess

_LONGEST_S = 30 * 86_400.0
"""How long a worker waits for its master's end: it never ends by itself."""

_NOT_OF_MASTERS = ("engine", "budget", "workers")
"""Options of `lab compare` that a master does not have."""


@lab.group()
def locust() -> None:
    """Load from Locust's workers on many machines.

    One machine runs the servers and `lab locust master`; every other one, a learner's laptop, runs
    `lab locust worker HOST`. Workers send requests to their master's machine only.
    """


@locust.command()
@click.pass_context
@click.option("--workers", type=click.IntRange(1, 1000), required=True, help="How many workers to wait for.")
@click.option("--host", default=LOOPBACK, help="Address of this machine at which the workers reach it.")
@click.option("--port", type=click.IntRange(0, 65535), default=MASTER_PORT, help="For the workers.")
@click.option("--timeout", type=Seconds(1, 3600), default="2m", help="How long to wait for them.")
def master(context: click.Context, /, workers: int, host: str, port: int, timeout: float, **options: Any) -> None:
    """Wait for workers, then measure, judge and report as `lab compare` does, with their load.

    PRESET and all options but these four are those of `lab compare`. Virtual users are shared out among the workers.
    Servers listen at --host while they are measured, where everybody on its network can ask them.

    \b
    Examples:
      lab locust master --workers 2
      lab locust master tutorial --workers 12 --host 192.168.1.20 --vus 120
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    # Standard output is then for the document alone.
    quiet = bool(options.get("as_json") or options.get("form"))
    with contextlib.closing(LocustMaster(workers, host, port, lambda note: _say(note, quiet=quiet))) as engine:
        click.echo(f"Waiting for {_counted(workers)}: {engine.worker_command}", err=quiet)
        engine.wait_for_workers(timeout, lambda there: click.echo(f"{there} of {_counted(workers)}", err=quiet))
        context.obj = engine
        context.invoke(compare, engine=engine.name, **options)


master.params.extend(option for option in compare.params if option.name not in _NOT_OF_MASTERS)


@locust.command()
@click.argument("host")
@click.option("--port", type=click.IntRange(1, 65535), default=MASTER_PORT, help="The master's.")
@click.option("--token", help="The join token: the master's terminal shows it, in this whole command.")
@json_option
def worker(host: str, port: int, token: str | None, as_json: bool) -> None:
    """Ask for the master at HOST, and no other machine than that, until it is done.

    The master turns away who does not have its token. One worker uses one core. Ctrl-C leaves; a trial that is under
    way then counts for nothing.

    \b
    Examples:
      lab locust worker 192.168.1.20 --token 6f1c09a2e4
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    with contextlib.closing(start_worker(host, port, token, lambda note: click.echo(note, err=as_json))) as loader:
        click.echo(
            f"Looking for the master at {host}:{port}; silent until one answers there. Ctrl-C leaves.", err=as_json
        )
        _follow(loader)
    if as_json:
        write_json("worker", host=host, port=port, done=True)
    else:
        click.echo("The master is done.")


def _follow(loader: LoaderProcess) -> None:
    """Pass on the worker's notes, its only events, until it has ended well."""
    try:
        loader.take_event(time.monotonic() + _LONGEST_S, _LONGEST_S, "while it worked")
    except LoadEngineError:
        if loader.process.poll() != 0:
            raise


def _say(note: str, *, quiet: bool) -> None:
    """Print a note, above a progress bar if there is one: rich replaces the streams then, and click would bypass it."""
    stream = sys.stderr if quiet else sys.stdout
    stream.write(f"{note}\n")
    stream.flush()


def _counted(workers: int) -> str:
    return "1 worker" if workers == 1 else f"{workers} workers"
