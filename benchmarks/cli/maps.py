"""Crossover maps as commands name them: found, told."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from benchmarks.cli import runs
from benchmarks.cli.output import Output
from benchmarks.measure import journal
from benchmarks.measure.sweep import PRESET
from benchmarks.model import Run
from benchmarks.report.reproduce import report_command

MAPS = runs.RESULTS / "crossover"
"""Where maps are kept: not among the runs, whose `latest` is a run to report."""

_KEPT = (
    "The sweep itself is kept; copy its folder to a place that can be written, and run `lab crossover --from FOLDER` "
    "there."
)


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


def tell_map(run: Run, folder: Path, output: Output) -> None:
    """Judge a map, write its report into its folder, and tell it.

    Args:
        run: The sweep.
        folder: Its own.
        output: How to tell it.
    Raises:
        click.ClickException: Nothing of it counts, or the report cannot be written.
    """
    from benchmarks.judge.atlas import EmptyMapError  # noqa: PLC0415 (numpy is slow to import)
    from benchmarks.judge.crossover import judge_map  # noqa: PLC0415 (the same)
    from benchmarks.report.products.crossover import map_document  # noqa: PLC0415 (the same)

    try:
        document = map_document(judge_map(run))
    except EmptyMapError as error:
        raise click.ClickException(str(error)) from error
    output.tell_and_keep(document, folder, "map", _KEPT)
