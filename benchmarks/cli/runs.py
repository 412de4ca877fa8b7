"""Runs and the ledger as commands name them: found, begun, told."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from benchmarks.cli.exits import EXIT_REFUSED
from benchmarks.cli.output import Output
from benchmarks.errors import LabError, did_you_mean
from benchmarks.judge.claims import Claim, parse_claims
from benchmarks.measure import environment, journal, remaining, sweep
from benchmarks.measure.schedule import CHECK_FACT
from benchmarks.model import Run
from benchmarks.report.formats import RUN_KEPT, RUN_NAME
from benchmarks.report.reproduce import report_command
from benchmarks.trials import void_reason

RESULTS = Path("results")
MAPS = RESULTS / "crossover"
"""Where maps are kept: not among the runs, whose `latest` is a run to report."""

LEDGER = Path(__file__).parent.with_name("claims.toml")


def ledger() -> tuple[Claim, ...]:
    """Return the tutorial's claims.

    Raises:
        LabError: The ledger is malformed; the message says where.
    """
    try:
        return parse_claims(LEDGER.read_text(encoding="utf-8"))
    except (LabError, OSError) as error:
        raise LabError(f"{LEDGER.name}: {error}") from error


def place_of(name: str, kept: Path = RESULTS) -> Path:
    """Return where a run is that is named by its path, by its name under ``kept``, or as ``latest``."""
    return kept / name if not Path(name).exists() and (kept / name).exists() else Path(name)


def find_run(name: str, *, is_map: bool = False) -> tuple[Run, Path]:
    """Return a kept run, or crossover map, and its folder.

    Args:
        name: A folder, a run.json, a journal.jsonl, a name under ``results/`` or, of a map, under its ``crossover/``,
            or ``latest``.
        is_map: Which of both is asked for.
    Raises:
        LabError: There is none, or it cannot be read; the message says what to do.
    """
    place = place_of(name, MAPS if is_map else RESULTS)
    if is_map and not place.exists():
        there = sorted(folder.name for folder in MAPS.iterdir() if folder.is_dir()) if MAPS.is_dir() else []
        near = did_you_mean(name, there) or " Measure one: lab crossover --budget 10m"
        raise LabError(f"There is no crossover map called {name!r}.{near}")
    kept = journal.read_run(place)
    if is_map and kept.plan.preset != sweep.PRESET:
        raise LabError(f"{place} is a run of `lab compare`, not a crossover map: {report_command(place)}")
    if not is_map and kept.plan.preset == sweep.PRESET:
        raise LabError(f"{place} is a crossover map, not a run of `lab compare`: lab crossover --from {place}")
    return kept, (place if place.is_dir() else place.parent).resolve()


def begun(name: str) -> tuple[Run, Path]:
    """Return a run that is to be resumed, as far as it came, and its folder.

    Raises:
        LabError: There is none, or it cannot be read.
    """
    place = place_of(name)
    folder = (place if place.is_dir() or not place.exists() else place.parent).resolve()
    if not folder.exists():
        raise LabError(f"There is no run at {place}. `lab compare` makes one under {RESULTS}/.")
    run = journal.read_run(folder / journal.JOURNAL_NAME)
    if run.plan.preset == sweep.PRESET:
        raise LabError(f"{folder} is a crossover map, which chooses its way as it goes: begin a new one.")
    if run.environment.get(CHECK_FACT) is not None:
        raise LabError(f"{folder} is a check, whose two sides went with it: begin a new one.")
    return run, folder


def resume(folder: Path, cores: environment.Cores, facts: Mapping[str, environment.Fact]) -> journal.Journal:
    """Open the record of an interrupted run, to go on with it; one of a complete run is closed.

    Args:
        folder: The run's.
        cores: Which server and loader may use.
        facts: What there is to know of the load engine and of dependencies, beside the environment.
    Raises:
        LabError: It cannot be read or written.
        RefusedError: Something that must match does not.
    """
    record = remaining.reopen(folder, {**environment.environment(cores), **facts}, environment.timestamp())
    if record.run.state == "complete":
        told = f"{folder} is complete: there is nothing to measure. {report_command(folder)}"
        click.echo(told, err=True)
    return record


def tell(run: Run, claims: tuple[Claim, ...], folder: Path, output: Output, *, keep: bool = True) -> None:
    """Judge a run and print it; exit with 3 where verdicts are withheld.

    Args:
        run: What was measured.
        claims: The ledger.
        folder: The run's.
        output: How to print it.
        keep: Whether to write its reports into its folder.
    Raises:
        LabError: It was printed, but nothing is known of an app of somebody's: no trial of it is valid.
    """
    from benchmarks.judge.judge import judge  # noqa: PLC0415 (only who judges needs it)
    from benchmarks.report.products.run import run_document  # noqa: PLC0415 (brings what draws)

    judgement = judge(run, claims)
    document = run_document(run, judgement, claims, folder.resolve())
    if keep:
        output.tell_and_keep(document, folder, RUN_NAME, RUN_KEPT)
    else:
        output.tell(document)
    if run.state == "complete":
        _check_known(run)
    if judgement.placebo_failed is not None:
        sys.exit(EXIT_REFUSED)


def _check_known(run: Run) -> None:
    """Refuse to call a run a success in which an app of somebody's never served.

    Raises:
        LabError: The message says why its trials do not count.
    """
    for contender in run.plan.contenders:
        reasons = [void_reason(trial) for trial in run.trials if trial.contender == contender.id]
        if not contender.is_own and reasons and None not in reasons:
            raise LabError(f"Nothing is known of {contender.id}, for no trial of it is valid: {reasons[0]}")
