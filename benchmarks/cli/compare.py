"""``lab compare``: measures, judges and reports."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console

from benchmarks.cli import runs
from benchmarks.cli.exits import RefusedError, exit_interrupted, terminable
from benchmarks.cli.group import lab
from benchmarks.cli.json_output import json_option, talking
from benchmarks.cli.options import Seconds
from benchmarks.contenders import catalogue
from benchmarks.measure import environment, journal, remaining, schedule
from benchmarks.measure.alone import MachineBusyError, alone
from benchmarks.measure.load.engine import LoadEngineError
from benchmarks.measure.parity import ParityError
from benchmarks.measure.server import ServerError
from benchmarks.model import Plan, Run

_BESIDE_RESUME = frozenset({"resume", "wait", "as_json"})


@lab.command()
@click.argument("preset", default="quick")
@click.option("-c", "--contender", "contenders", multiple=True, help="Only these: an id or a pattern ('flask-*').")
@click.option("--vus", type=click.IntRange(1, 10_000), help="Virtual users of the health workload.")
@click.option("--duration", type=Seconds(0.2, 3600), metavar="TIME", help="Measured time a trial: 30s, 500ms, 2m.")
@click.option("--rounds", type=click.IntRange(1, 1000), help="Rounds of each workload.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of the random order; chosen and recorded if absent.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=runs.RESULTS, show_default=True, help="Where runs are kept."
)
@click.option("--resume", metavar="RUN", help="Go on with an interrupted run: its plan, its seed, what it lacks.")
@click.option("--wait", is_flag=True, help="Wait while another lab measures on this machine; else that is refused.")
@json_option
@click.pass_context
def compare(  # noqa: PLR0917 (click passes them by name)
    ctx: click.Context,
    preset: str,
    contenders: tuple[str, ...],
    vus: int | None,
    duration: float | None,
    rounds: int | None,
    seed: int | None,
    out: Path,
    resume: str | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Measure, judge and report: PRESET is quick, tutorial or full.

    Every contender is started anew for every trial and asked by a load engine on another core; trials are interleaved
    in rounds, in a random order. A killed run keeps every finished trial, and --resume goes on with it.

    \b
    Examples:
      lab compare
      lab compare tutorial --seed 7
      lab compare -c 'flask-*@hypercorn' -c 'fastapi-*@uvicorn' --rounds 8 --duration 2s
      lab compare --resume latest
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    from benchmarks.measure.load.builtin import BuiltinEngine  # noqa: PLC0415 (only this command drives load)
    from benchmarks.measure.runner import Runner  # noqa: PLC0415 (the same)
    from benchmarks.report.progress import RunProgress  # noqa: PLC0415 (the same)

    console = talking(as_json)
    claims = runs.ledger()
    if resume is not None:
        _refuse_other_options(ctx)
    plan = None if resume is not None else _plan(preset, contenders, seed, vus=vus, duration_s=duration, rounds=rounds)
    cores = environment.share_cores()
    record: journal.Journal | None = None
    with terminable():
        try:
            with alone(wait=wait, say=_say) as machine:
                record = runs.resume(resume or "", cores) if plan is None else runs.begin(out, plan, cores)
                machine.note(record.folder)
                run = record.run
                if run.state == "complete":
                    _say(f"{record.folder} is complete: there is nothing to measure. lab report {record.folder}")
                else:
                    _announce(console, run, cores)
                    with RunProgress(console, run.plan, len(run.calibration) + len(run.trials)) as progress:
                        run = Runner(engine=BuiltinEngine(), cores=cores, listener=progress).run(record)
        except MachineBusyError as error:
            raise RefusedError(str(error)) from error
        except (ParityError, ServerError, LoadEngineError, journal.RunFileError) as error:
            raise click.ClickException(_kept(str(error), record)) from error
        except OSError as error:
            # A full disk or no descriptor left, somewhere beside the journal.
            raise click.ClickException(_kept(f"The system refused: {error}.", record)) from error
        except KeyboardInterrupt as interrupt:
            click.echo(_kept("Interrupted.", record), err=True)
            exit_interrupted(interrupt)
        runs.tell(console, run, claims, record.folder, as_json=as_json)


def _plan(preset: str, patterns: tuple[str, ...], seed: int | None, **sizes: Any) -> Plan:
    try:
        return schedule.plan(
            preset, catalogue.select(patterns), secrets.randbelow(2**32) if seed is None else seed, **sizes
        )
    except catalogue.UnknownContenderError as error:
        raise click.BadParameter(str(error), param_hint="--contender") from error
    except schedule.UnknownPresetError as error:
        raise click.BadParameter(str(error), param_hint="PRESET") from error


def _refuse_other_options(ctx: click.Context) -> None:
    """Refuse what would make another plan than the one that is gone on with."""
    for parameter in ctx.command.params:
        name = parameter.name or ""
        given = ctx.get_parameter_source(name) not in (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
        if given and name not in _BESIDE_RESUME:
            raise click.UsageError(
                f"--resume goes on with the run's own plan, so it takes no {parameter.get_error_hint(ctx)}.", ctx
            )


def _announce(console: Console, run: Run, cores: environment.Cores) -> None:
    plan = run.plan
    left = [*remaining.calibration_left(run), *(trial for block in remaining.blocks_left(run) for trial in block)]
    minutes, seconds = divmod(round(sum(map(schedule.estimate_trial_s, left))), 60)
    pinning = (
        f"server on core {cores.server[0]}, loader on core {cores.loader[0]}"
        if cores.server
        else "server and loader share the cores: expect wider intervals"
    )
    gone_on = f"; {len(left)} trials are left of a run of {run.started_at}" if run.resumptions else ""
    console.print(
        f"{plan.preset}: {len(plan.contenders)} contenders, {max(plan.rounds.values())} rounds, seed {plan.seed}; "
        f"{pinning}{gone_on}; about {minutes} min {seconds:02} s.",
        highlight=False,
    )


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)


def _kept(what: str, record: journal.Journal | None) -> str:
    """Say what went wrong, what there is all the same, and how to go on."""
    if record is None or not (record.run.trials or record.run.calibration):
        return f"{what}\nNothing was measured yet."
    trials = len(record.run.trials)
    kept = f"{trials} trials are kept: lab report {record.folder}" if trials else "The loader was calibrated, no more."
    return f"{what}\n{kept}\nTo go on: lab compare --resume {record.folder}"
