"""``lab compare``: measures, judges and reports."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks.cli import runs
from benchmarks.cli.exits import exit_interrupted, terminable
from benchmarks.cli.group import lab
from benchmarks.cli.options import Percent, Rate, Seconds
from benchmarks.contenders import catalogue
from benchmarks.measure import environment, journal, schedule
from benchmarks.measure.load.engine import LoadEngineError
from benchmarks.measure.parity import ParityError
from benchmarks.measure.server import ServerError
from benchmarks.model import Plan


@lab.command()
@click.argument("preset", default="quick")
@click.option("-c", "--contender", "contenders", multiple=True, help="Only these: an id or a pattern ('flask-*').")
@click.option("--vus", type=click.IntRange(1, 10_000), help="Virtual users of the health workload.")
@click.option("--duration", type=Seconds(0.2, 3600), metavar="TIME", help="Measured time a trial: 30s, 500ms, 2m.")
@click.option("--rounds", type=click.IntRange(1, 1000), help="Rounds of each workload.")
@click.option("--rate", type=Rate(0.1, 100_000), help="Ask the health workload at this rate (open model): 2000/s.")
@click.option(
    "--latency-at",
    type=Percent(1, 95),
    metavar="SHARE",
    help="Afterwards measure latency at one rate that all sustain: this share of the slowest one's, 70%.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of the random order; chosen and recorded if absent.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=runs.RESULTS, show_default=True, help="Where runs are kept."
)
def compare(  # noqa: PLR0917 (click passes them by name)
    preset: str,
    contenders: tuple[str, ...],
    vus: int | None,
    duration: float | None,
    rounds: int | None,
    rate: float | None,
    latency_at: float | None,
    seed: int | None,
    out: Path,
) -> None:
    """Measure, judge and report: PRESET is quick, tutorial or full.

    Every contender is started anew for every trial and asked by a load engine on another core; trials are interleaved
    in rounds, in a random order. A killed run keeps every finished trial.

    \b
    Examples:
      lab compare
      lab compare tutorial --seed 7
      lab compare -c 'flask-*@hypercorn' -c 'fastapi-*@uvicorn' --rounds 8 --duration 2s
      lab compare --latency-at 70%
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    from benchmarks.measure.load.builtin import BuiltinEngine  # noqa: PLC0415 (only this command drives load)
    from benchmarks.measure.runner import Runner  # noqa: PLC0415 (the same)
    from benchmarks.report.progress import RunProgress  # noqa: PLC0415 (the same)

    console = Console()
    claims = runs.ledger()
    plan = _plan(
        preset, contenders, seed, vus=vus, duration_s=duration, rounds=rounds, rate_per_s=rate, latency_at=latency_at
    )
    cores = environment.share_cores()
    _announce(console, plan, cores)
    with terminable():
        record = runs.begin(out, plan, cores)
        try:
            with RunProgress(console, plan) as progress:
                run = Runner(engine=BuiltinEngine(), cores=cores, listener=progress).run(record)
        except (ParityError, ServerError, LoadEngineError, journal.RunFileError) as error:
            raise click.ClickException(_kept(str(error), record)) from error
        except KeyboardInterrupt as interrupt:
            click.echo(_kept("Interrupted.", record), err=True)
            exit_interrupted(interrupt)
        runs.tell(console, run, claims, record.folder)


def _plan(preset: str, patterns: tuple[str, ...], seed: int | None, **sizes: Any) -> Plan:
    try:
        return schedule.plan(
            preset, catalogue.select(patterns), secrets.randbelow(2**32) if seed is None else seed, **sizes
        )
    except catalogue.UnknownContenderError as error:
        raise click.BadParameter(str(error), param_hint="--contender") from error
    except schedule.UnknownPresetError as error:
        raise click.BadParameter(str(error), param_hint="PRESET") from error
    except schedule.UnfitRateError as error:
        raise click.BadParameter(str(error), param_hint="--rate") from error


def _announce(console: Console, plan: Plan, cores: environment.Cores) -> None:
    minutes, seconds = divmod(round(schedule.estimate_s(plan)), 60)
    pinning = (
        f"server on core {cores.server[0]}, loader on core {cores.loader[0]}"
        if cores.server
        else "server and loader share the cores: expect wider intervals"
    )
    console.print(
        f"{plan.preset}: {len(plan.contenders)} contenders, {max(plan.rounds.values())} rounds, seed {plan.seed}; "
        f"{pinning}; about {minutes} min {seconds:02} s.",
        highlight=False,
    )


def _kept(what: str, record: journal.Journal) -> str:
    trials = len(record.run.trials)
    if not trials:
        return f"{what}\nNothing was measured yet."
    return f"{what}\n{trials} trials are kept: lab report {record.folder}"
