"""Crossover maps as commands name them: found, told."""

from __future__ import annotations

import difflib
from pathlib import Path

import click
from rich.console import Console

from benchmarks.cli import runs
from benchmarks.cli.output import write_out
from benchmarks.measure import journal
from benchmarks.measure.sweep import PRESET
from benchmarks.model import Run
from benchmarks.report.reproduce import report_command

MAPS = runs.RESULTS / "crossover"
"""Where maps are kept: not among the runs, whose `latest` is a run to report."""


def find_map(name: str) -> tuple[Run, Path]:
    """Return a kept map and its folder.

    Args:
        name: A folder, a run.json, a journal.jsonl, a name under ``results/crossover/``, or ``latest``.
    Raises:
        click.ClickException: There is none, or it cannot be read; the message says what to do.
    """
    place = Path(name)
    if not place.exists() and (MAPS / name).exists():
        place = MAPS / name
    if not place.exists():
        raise click.ClickException(_absent(name))
    kept = journal.read_run(place)
    if kept.plan.preset != PRESET:
        raise click.ClickException(f"{place} is a run of `lab compare`, not a crossover map: {report_command(place)}")
    return kept, (place if place.is_dir() else place.parent).resolve()


def _absent(name: str) -> str:
    kept = sorted(folder.name for folder in MAPS.iterdir() if folder.is_dir()) if MAPS.is_dir() else []
    near = difflib.get_close_matches(name, kept, n=1, cutoff=0.4)
    if near:
        return f"There is no crossover map called {name!r}. Did you mean {near[0]}?"
    where = f" in {MAPS}" if name == "latest" else f" called {name!r}"
    return f"There is no crossover map{where}. Measure one: lab crossover --budget 10m"


def tell_map(console: Console, run: Run, folder: Path, *, as_json: bool) -> None:
    """Judge a map, write its report into its folder, and print it, or its JSON to standard output.

    Raises:
        click.ClickException: Nothing of it counts, or the report cannot be written.
    """
    from benchmarks.judge.atlas import EmptyMapError  # noqa: PLC0415 (numpy is slow to import)
    from benchmarks.judge.crossover import judge_map  # noqa: PLC0415 (the same)
    from benchmarks.report.crossover.data import map_document  # noqa: PLC0415 (kept beside its siblings)
    from benchmarks.report.crossover.files import write_map_reports  # noqa: PLC0415 (brings matplotlib)
    from benchmarks.report.crossover.terminal import print_map  # noqa: PLC0415 (kept beside its siblings)
    from benchmarks.report.files import ReportFileError  # noqa: PLC0415 (brings matplotlib)

    try:
        found = judge_map(run)
    except EmptyMapError as error:
        raise click.ClickException(str(error)) from error
    page, fault = None, None
    try:
        page = write_map_reports(folder, found)
    except ReportFileError as error:
        fault = error
    if as_json:
        write_out(map_document(found))
        if page is not None:
            console.print(f"Report: {page}", markup=False, highlight=False, soft_wrap=True)
    else:
        print_map(console, found, page)
    if fault is not None:
        raise click.ClickException(str(fault)) from fault
