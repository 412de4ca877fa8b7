"""Runs one contender against itself, for ``lab doctor`` and for the pilot that a budget is planned by."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

import click
from rich.console import Console

from benchmarks.cli import runs
from benchmarks.measure import environment, journal, schedule
from benchmarks.measure.load.engine import LoadEngineError
from benchmarks.measure.parity import ParityError
from benchmarks.measure.server import ServerError
from benchmarks.model import Contender, Run


def run_placebo(
    console: Console, cores: environment.Cores, contender: Contender | None, seed: int | None, rounds: int
) -> Run:
    """Run it and return what was measured; the record goes to a temporary folder and is deleted with it.

    Args:
        console: Where progress is shown.
        cores: Which server and loader may use.
        contender: Which runs against itself; the steadiest unless told.
        seed: Of the order in each round; by chance unless told.
        rounds: Number of rounds.
    Raises:
        click.ClickException: It could not be measured; the message says what to do.
    """
    from benchmarks.measure.load.builtin import BuiltinEngine  # noqa: PLC0415 (only what measures drives load)
    from benchmarks.measure.runner import Runner  # noqa: PLC0415 (the same)
    from benchmarks.report.progress import RunProgress  # noqa: PLC0415 (the same)

    plan = schedule.placebo_plan(contender, secrets.randbelow(2**32) if seed is None else seed, rounds)
    with tempfile.TemporaryDirectory(prefix="lab-placebo-") as folder:
        record = runs.begin(Path(folder), plan, cores)
        try:
            with RunProgress(console, plan) as progress:
                return Runner(engine=BuiltinEngine(), cores=cores, listener=progress).run(record)
        except (ParityError, ServerError, LoadEngineError, journal.RunFileError) as error:
            raise click.ClickException(str(error)) from error
