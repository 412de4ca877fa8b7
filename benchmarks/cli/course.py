"""Measures for a command: the machine for it alone, progress on the console, and a message for whatever goes wrong."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli.exits import exit_interrupted, words_for
from benchmarks.errors import InvalidValueError, LabError, RefusedError
from benchmarks.measure.alone import MachineLock, alone
from benchmarks.measure.journal import Journal
from benchmarks.measure.runner import Begin, Instrument, Route, RunListener, planned_route
from benchmarks.model import Plan, Run

if TYPE_CHECKING:
    from rich.console import Console

wait_option = click.option(
    "--wait", is_flag=True, help="Wait while another lab measures on this machine; else that is refused."
)
"""Gives a command the option, passed to it as ``wait``."""


def own_turn(*, wait: bool) -> AbstractContextManager[MachineLock]:
    """Be the only one that measures, for the length of a ``with`` block; not to be nested.

    Args:
        wait: Whether to wait while another measures; otherwise that is refused.
    """
    return alone(wait=wait, say=lambda sentence: click.echo(sentence, err=True))


def measure(
    console: Console,
    instrument: Instrument,
    begin: Begin,
    follow: Callable[[Run], AbstractContextManager[RunListener]],
    kept: Callable[[Journal], str],
    *,
    needs_dependencies: bool = False,
    route: Callable[[Run], Route] = lambda _run: planned_route(),
) -> tuple[Run, Path]:
    """Measure one run as ``Instrument.measure`` does, and report what was measured even when something goes wrong.

    Args:
        console: Where is said what takes time.
        instrument: What it is measured with.
        begin: As the last three, see ``Instrument.measure``.
        follow: See there.
        kept: Says what a record holds, and how to use it.
        needs_dependencies: See there.
        route: See there.
    Returns:
        The run, complete, and its folder.
    Raises:
        LabError: Something went wrong.
    """

    def told(what: str) -> str:
        record = instrument.record
        if record is None or not (record.run.trials or record.run.calibration):
            return f"{what}\nNothing was measured yet."
        return f"{what}\n{kept(record)}"

    try:
        if needs_dependencies:
            console.print("Starting what readiness depends on.", style="dim", highlight=False)
        run = instrument.measure(begin, follow, needs_dependencies=needs_dependencies, route=route)
    except (InvalidValueError, RefusedError):
        raise
    except LabError as error:
        raise LabError(told(str(error))) from error
    except OSError as error:
        # A full disk or no descriptor left, somewhere beside the journal.
        raise LabError(told(f"The system refused: {error}.")) from error
    except KeyboardInterrupt as interrupt:
        click.echo(told(words_for(interrupt)), err=True)
        exit_interrupted(interrupt)
    assert instrument.record is not None  # noqa: S101 (what was measured has its record)
    return run, instrument.record.folder.resolve()


def measure_aside(console: Console, instrument: Instrument, plan: Plan) -> Run:
    """Measure a plan, with progress on a console; its record goes to a temporary folder, and is deleted with it.

    Raises:
        LabError: It could not be measured.
    """
    from benchmarks.report.progress import RunProgress  # noqa: PLC0415 (only what measures shows it)

    with tempfile.TemporaryDirectory(prefix="lab-aside-") as folder:
        return instrument.measure(
            lambda facts: instrument.begin(Path(folder), plan, facts), lambda run: RunProgress(console, run.plan)
        )


def pinning(instrument: Instrument) -> str:
    """Say which cores server and loader have."""
    cores, workers = instrument.cores, instrument.facts.get("load_workers")
    if workers is not None:
        return f"load from workers: {workers}"
    if not cores.server:
        return "server and loader share the cores: expect wider intervals"
    plural = "" if len(cores.loader) == 1 else "s"
    return f"server on core {cores.server[0]}, loader on core{plural} {', '.join(map(str, cores.loader))}"
