"""Kept runs: ``lab report`` tells one again, ``lab diff`` compares two, ``lab pool`` combines those of a class."""

from __future__ import annotations

import dataclasses
import fnmatch
import glob
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli import runs
from benchmarks.cli.exits import EXIT_REFUSED
from benchmarks.cli.group import lab
from benchmarks.cli.output import Output, document_options
from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError, LabError, did_you_mean
from benchmarks.measure.journal import JOURNAL_NAME, RUN_NAME, RunFileError, read_run
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import Run

if TYPE_CHECKING:
    # Only who judges needs it.
    from benchmarks.judge.judgement import Comparison, QuantityName
    from benchmarks.judge.pool import Pool

QUANTITY_NAMES = ("rate", "latency-p95", "cpu")


@lab.command()
@click.argument("run", default="latest")
@click.option(
    "--style",
    type=click.Choice(["lab", "k6"]),
    default="lab",
    help="k6: only print, in the layout of the tutorial's k6 summary.",
)
@document_options
def report(run: str, style: str, output: Output) -> None:
    """Judge and report a kept RUN again.

    Prints it, and writes report.md and report.html into its folder; with --format, only what is asked for: json is the
    judgement (verdicts, ratios, summaries), csv has one line a trial, the others are the report.
    RUN is a folder, a run.json, a journal.jsonl, a name under results/, or latest. It works on a run that was killed.
    """
    if style == "k6" and output.form is not None:
        raise click.UsageError(f"--style k6 is a layout for people, and --format {output.form} is another: choose one.")
    kept, folder = runs.find_run(run)
    if style == "k6":
        from benchmarks.report.formats.k6_style import render_k6_style  # noqa: PLC0415 (only this style needs it)

        click.echo(render_k6_style(kept), nl=False)
        return
    runs.tell(kept, runs.ledger(), folder, output, keep=output.form is None)


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
@click.option("--workload", default=HEALTH.name, help="Whose ratios: health, wait, ready-100.")
@click.option("--of", "quantity", type=click.Choice(QUANTITY_NAMES), default="rate", help="What the ratios are of.")
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
    there = list(dict.fromkeys(each.name for _, run in read for each in run.plan.workloads))
    if workload not in there:
        raise InvalidValueError(f"No run has the workload {workload!r}.{did_you_mean(workload, there)}", "--workload")
    chosen_quantity: QuantityName = COMPARED[QUANTITY_NAMES.index(quantity)]
    found = pooled(read, quantity=chosen_quantity, workload=workload, headlines=catalogue.HEADLINES)
    found = dataclasses.replace(found, left_out=(*unreadable, *found.left_out))
    chosen = _chosen(found, patterns)
    document = pool_document(found, chosen)
    output.tell(document)
    if out is not None:
        Output("html", out, details=True).tell(document)
        click.echo(f"Page: {out}", err=output.form is not None)


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
    named: dict[Path, bool] = {}
    for name in places:
        place = runs.place_of(name)
        if _is_run(place) or not (place.exists() or glob.has_magic(name)):
            named[place.resolve()] = True
            continue
        # Path.glob takes no absolute pattern.
        for match in [place] if place.exists() else sorted(map(Path, glob.glob(name))):  # noqa: PTH207
            # Right below a folder: folders and files as a teacher collects them.
            for run in [match] if _is_run(match) else filter(_holds_run, sorted(match.iterdir())):
                named.setdefault(run.resolve(), False)
    read: list[tuple[Path, Run]] = []
    unreadable: list[tuple[str, str]] = []
    for place, is_named in named.items():
        try:
            read.append((place, read_run(place)))
        except RunFileError as error:
            if is_named:
                raise
            unreadable.append((_label(place).name, str(error)))
    if not read:
        raise LabError(f"There is no run in {', '.join(places)}. `lab compare` makes one under results/.")
    # By its folder or file, and by the folder above too where two have one name.
    counted = Counter(_label(place).name for place, _ in read)
    labels = [(_label(place), run) for place, run in read]
    return [(f"{at.parent.name}/{at.name}" if counted[at.name] > 1 else at.name, run) for at, run in labels], unreadable


def _is_run(place: Path) -> bool:
    return place.is_file() or (place / RUN_NAME).exists() or (place / JOURNAL_NAME).exists()


def _holds_run(place: Path) -> bool:
    return _is_run(place) if place.is_dir() else place.suffix in {".json", ".jsonl"}


def _label(place: Path) -> Path:
    """Return the path that a run is called by: of its folder, or of a file of another name without its ending."""
    return (
        place.parent if place.name in (RUN_NAME, JOURNAL_NAME) else place if place.is_dir() else place.with_suffix("")
    )
