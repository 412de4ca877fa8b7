"""Runs and the ledger as commands name them: found, begun, told."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks.cli.exits import EXIT_REFUSED
from benchmarks.judge.claims import Claim, ClaimsError, parse_claims
from benchmarks.measure import environment, journal, sweep
from benchmarks.model import Plan, Run

RESULTS = Path("results")
LEDGER = Path(__file__).parent.with_name("claims.toml")


def ledger() -> tuple[Claim, ...]:
    """Return the tutorial's claims.

    Raises:
        click.ClickException: The ledger is malformed; the message names the line.
    """
    try:
        return parse_claims(LEDGER.read_text(encoding="utf-8"))
    except (ClaimsError, OSError) as error:
        raise click.ClickException(f"{LEDGER.name}: {error}") from error


def find_run(name: str) -> tuple[Run, Path]:
    """Return a kept run and its folder.

    Args:
        name: A folder, a run.json, a journal.jsonl, a name under ``results/``, or ``latest``.
    Raises:
        click.ClickException: There is none, or it cannot be read; the message says what to do.
    """
    place = Path(name)
    if not place.exists() and (RESULTS / name).exists():
        place = RESULTS / name
    try:
        kept = journal.read_run(place)
    except journal.RunFileError as error:
        raise click.ClickException(str(error)) from error
    if kept.plan.preset == sweep.PRESET:
        raise click.ClickException(
            f"{place} is a crossover map, not a run of `lab compare`: lab crossover --from {place}"
        )
    return kept, (place if place.is_dir() else place.parent).resolve()


def begin(
    out: Path, plan: Plan, cores: environment.Cores, facts: Mapping[str, str | int] | None = None
) -> journal.Journal:
    """Begin the record of a run under ``out``.

    Args:
        out: Where runs are kept.
        plan: What is to be done.
        cores: Which server and loader may use.
        facts: What to record of the load engine, beside the environment.
    Raises:
        click.ClickException: It cannot be written.
    """
    now = dt.datetime.now(dt.UTC)
    run = Run(
        name=f"{now:%Y-%m-%dT%H-%M-%S}-{plan.preset}",
        state="running",
        started_at=now.isoformat(timespec="milliseconds"),
        finished_at=None,
        plan=plan,
        environment={**environment.environment(cores), **(facts or {})},
    )
    try:
        return journal.Journal.create(out, run)
    except journal.RunFileError as error:
        raise click.ClickException(str(error)) from error


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document on standard output, and nothing else there."""
    click.echo(json.dumps(document, indent=1, ensure_ascii=False))


def tell(console: Console, run: Run, claims: tuple[Claim, ...], folder: Path) -> None:
    """Judge a run, print its report and write it into the run's folder; exits with 3 where verdicts are withheld."""
    from benchmarks.judge.judge import judge  # noqa: PLC0415 (scipy is slow to import)
    from benchmarks.report.files import ReportFileError, write_reports  # noqa: PLC0415 (so is matplotlib)
    from benchmarks.report.terminal import print_report  # noqa: PLC0415 (kept beside its siblings)

    judgement = judge(run, claims)
    page, fault = None, None
    try:
        page = write_reports(folder, run, judgement, claims)
    except ReportFileError as error:
        fault = error
    print_report(console, run, judgement, claims, page)
    if fault is not None:
        raise click.ClickException(str(fault)) from fault
    if judgement.placebo_failed is not None:
        sys.exit(EXIT_REFUSED)
