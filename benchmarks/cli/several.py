"""``lab diff`` compares two runs, and ``lab pool`` combines the runs of many machines."""

from __future__ import annotations

import dataclasses
import fnmatch
import glob
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli import runs
from benchmarks.cli.exits import EXIT_REFUSED
from benchmarks.cli.group import lab
from benchmarks.cli.output import Output, document_options
from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError, did_you_mean
from benchmarks.measure.journal import JOURNAL_NAME, RUN_NAME, RunFileError, read_run
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import Run

if TYPE_CHECKING:
    # Only who judges needs it.
    from benchmarks.judge.judgement import Comparison, QuantityName
    from benchmarks.judge.pool import Pool

QUANTITY_NAMES = ("rate", "latency-p95", "cpu")


@lab.command()
@click.argument("first")
@click.argument("second")
@document_options
def diff(first: str, second: str, output: Output) -> None:
    """Compare two kept runs: two days, or two machines.

    Shows the ratios of both with their intervals, the ratio of the ratios with its own, and what differs in machine and
    packages; with --details, latencies, CPU time and each contender too. It refuses (exit status 3) when the runs asked
    different things or have no contender in common.
    Each is a folder, a run.json, a journal.jsonl, a name under results/, or latest.

    \b
    Examples:
      lab diff 2026-03-01T09-30-00-quick latest
      lab diff my-laptop/run.json server/run.json --json
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    from benchmarks.judge.diff import diff as compared  # noqa: PLC0415 (only who judges needs it)
    from benchmarks.report.products.several import diff_document  # noqa: PLC0415 (the same)

    left, right = runs.find_run(first), runs.find_run(second)
    found = compared(left[0], right[0])
    output.tell(diff_document(found, left, right))
    if found.withheld is not None:
        sys.exit(EXIT_REFUSED)


@lab.command()
@click.argument("places", metavar="RUN...", nargs=-1, required=True)
@click.option("--workload", default=HEALTH.name, show_default=True, help="Whose ratios: health, wait, ready-100.")
@click.option(
    "--of",
    "quantity",
    type=click.Choice(QUANTITY_NAMES),
    default="rate",
    show_default=True,
    help="What the ratios are of.",
)
@click.option(
    "-r", "--ratio", "patterns", multiple=True, help="Show the runs of these: an arrangement or a pattern ('flask@*')."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write one HTML page, for the class.")
@document_options
def pool(  # noqa: PLR0917 (click passes them by name)
    places: tuple[str, ...], workload: str, quantity: str, patterns: tuple[str, ...], out: Path | None, output: Output
) -> None:
    """Pool the ratios of many RUNs, such as those of a class's laptops.

    Each run's async over sync with its interval in one forest, their random-effects mean, how much the machines differ,
    and what one more machine is expected to show. RUN is a folder, a run.json, a pattern, or a folder of runs.

    \b
    Examples:
      lab pool results/
      lab pool 'class/*/run.json' --out class.html
      lab pool class/ --workload wait --of cpu -r 'flask@*'
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    from benchmarks.judge.diff import COMPARED  # noqa: PLC0415 (only who judges needs it)
    from benchmarks.judge.pool import pool as pooled  # noqa: PLC0415 (the same)
    from benchmarks.report.products.several import pool_document  # noqa: PLC0415 (kept beside its siblings)

    read, unreadable = _read(places)
    _check_workload(workload, [run for _, run in read])
    chosen_quantity: QuantityName = COMPARED[QUANTITY_NAMES.index(quantity)]
    found = pooled(read, quantity=chosen_quantity, workload=workload, headlines=catalogue.HEADLINES)
    found = dataclasses.replace(found, left_out=(*unreadable, *found.left_out))
    chosen = _chosen(found, patterns)
    document = pool_document(found, chosen)
    output.tell(document)
    if out is not None:
        Output("html", out, details=True).tell(document)
        click.echo(f"Page: {out}", err=output.form is not None)


def _check_workload(name: str, read: Sequence[Run]) -> None:
    """Raise a usage error for a workload that no run has."""
    names = list(dict.fromkeys(workload.name for run in read for workload in run.plan.workloads))
    if name not in names:
        raise InvalidValueError(f"No run has the workload {name!r}.{did_you_mean(name, names)}", "--workload")


def _chosen(pool: Pool, patterns: Sequence[str]) -> list[Comparison]:
    """Return the ratios whose runs are shown: those asked for, or those that the claims are judged on."""
    names = [ratio.arrangement for ratio in pool.ratios]
    shown: set[str] = set()
    for pattern in patterns:
        matching = {name for name in names if fnmatch.fnmatchcase(name, pattern)}
        if not matching:
            suggestion = did_you_mean(pattern, names)
            raise InvalidValueError(f"No run has the arrangement {pattern!r}.{suggestion}", "--ratio")
        shown |= matching
    if shown:
        return [ratio for ratio in pool.ratios if ratio.arrangement in shown]
    # Where no claim is judged on any of them, all are as good as each other.
    return [ratio for ratio in pool.ratios if ratio.headline] or list(pool.ratios)


def _read(places: Sequence[str]) -> tuple[list[tuple[str, Run]], list[tuple[str, str]]]:
    """Read the runs, each with a label; what cannot be read is an error where it was named, else it is left out."""
    found: dict[Path, None] = {}
    named: set[Path] = set()
    for name in places:
        place = runs.place_of(name)
        if not place.exists() and glob.has_magic(name):
            found |= dict.fromkeys(run for match in _matches(name) for run in _runs_in(Path(match)))
        elif place.exists() and not _is_run(place):
            found |= dict.fromkeys(_runs_in(place))
        else:
            found[place.resolve()] = None
            named.add(place.resolve())
    read: list[tuple[Path, Run]] = []
    unreadable: list[tuple[str, str]] = []
    for place in found:
        try:
            read.append((place, read_run(place)))
        except RunFileError as error:
            if place in named:
                raise click.ClickException(str(error)) from error
            unreadable.append((_label(place), str(error)))
    if not read:
        raise click.ClickException(f"There is no run in {', '.join(places)}. `lab compare` makes one under results/.")
    return _labelled(read), unreadable


def _is_run(place: Path) -> bool:
    return place.is_file() or (place / RUN_NAME).exists() or (place / JOURNAL_NAME).exists()


def _runs_in(place: Path) -> Iterator[Path]:
    """Yield the runs at a place: itself, or those right below it, folders and files as a teacher collects them."""
    if _is_run(place):
        yield place.resolve()
        return
    for below in sorted(place.iterdir()):
        if (below.is_dir() and _is_run(below)) or below.suffix == ".json" or below.name.endswith(".jsonl"):
            yield below.resolve()


def _matches(pattern: str) -> list[str]:
    # Path.glob takes no absolute pattern.
    return sorted(glob.glob(pattern))  # noqa: PTH207


def _label(place: Path) -> str:
    return (
        place.parent.name if place.name in (RUN_NAME, JOURNAL_NAME) else place.stem if place.is_file() else place.name
    )


def _labelled(read: Sequence[tuple[Path, Run]]) -> list[tuple[str, Run]]:
    """Name each run by its folder or file, and by the folder above too where two have one name."""
    counted = Counter(_label(place) for place, _ in read)
    labelled = []
    for place, run in read:
        label = _label(place)
        folder = place.parent.parent if place.name in (RUN_NAME, JOURNAL_NAME) else place.parent
        labelled.append((f"{folder.name}/{label}" if counted[label] > 1 else label, run))
    return labelled
